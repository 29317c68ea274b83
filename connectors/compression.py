"""Compressed responses, without the bomb: what comes out is bounded like what comes in."""

import zlib

from connectors.responses import RawResponse
from engine.errors import LimitExceeded, RemoteUnavailable

ACCEPTED = "gzip, deflate"
"""What requests ask for. Anything else a server sends unasked stays as it is."""

_WINDOW = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
_RAW_DEFLATE = -15


def decompress(response: RawResponse, *, limit: int) -> None:
    """Replace the body by its plain form, and drop the headers that described the compressed one.

    Raises:
        LimitExceeded: The plain form is longer than ``limit`` bytes.
        RemoteUnavailable: The body is not what its headers say.
    """
    described = [value for name, value in response.headers if name.lower() == b"content-encoding"]
    codings = [coding.strip().lower() for coding in b",".join(described).split(b",") if coding.strip()]
    codings = [coding for coding in codings if coding != b"identity"]
    if not codings or not response.body or any(coding not in _WINDOW for coding in codings):
        return
    for coding in reversed(codings[-2:]):  # more than two layers is an attack, and stays as it is
        response.body = _inflate(response.body, coding, limit)
    gone = (b"content-encoding", b"content-length", b"transfer-encoding")
    response.headers = [(name, value) for name, value in response.headers if name.lower() not in gone]


def _inflate(data: bytes, coding: bytes, limit: int) -> bytes:
    window = _WINDOW[coding]
    # Some servers say "deflate" and leave out zlib's header, whose first byte is 0x78 in practice (RFC 9110, 8.4.1.2).
    if coding == b"deflate" and data[0] & 0x0F != 8:
        window = _RAW_DEFLATE
    plain = bytearray()
    try:
        while data:
            stream = zlib.decompressobj(window)
            plain += stream.decompress(data, limit + 1 - len(plain))
            if len(plain) > limit:
                raise LimitExceeded(
                    f"the response's body exceeds {limit} bytes once decompressed; the rest was not read"
                )
            if not stream.eof:
                raise RemoteUnavailable("the response's compressed body is cut short")
            data = stream.unused_data if window != _RAW_DEFLATE else b""
    except zlib.error as exc:
        raise RemoteUnavailable("the response's body is not compressed as its headers say") from exc
    return bytes(plain)
