"""Verifiers: a scheme and its secrets, prepared once per trigger and asked once per request.

Everything here works on the bytes as they came. Whatever a request holds, the only error it can cause is
``VerificationError``, whose message says which check failed and nothing about the secret or the right answer.
"""

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from engine.errors import VerificationError
from webhooks.schemes import UNITS, HeaderScheme, HmacScheme
from webhooks.secrets import key_bytes

MAX_ID = 256
"""Characters of a message id; a longer one is no id."""

MAX_SIGNATURES = 16
"""Signatures looked at in one header. Senders put in one per secret, so two is usual."""

_SECONDS = re.compile(r"[0-9]{1,15}")
_YEAR_9999 = 253_402_300_799


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """What a signature can cover. Header names are lower case; ``url`` is the one the sender called."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a genuine request says of itself; ``None`` where its scheme says nothing."""

    message_id: str | None = None
    signed_at: datetime | None = None


class Verifier(Protocol):
    """Tells genuine requests from others."""

    def verify(self, request: SignedRequest, *, now: datetime) -> Verified:
        """Return what the request says of itself.

        Raises:
            VerificationError: The request is unsigned, wrongly signed, or too old; refuse it.
        """
        ...


@dataclass(frozen=True, slots=True)
class HmacVerifier:
    """Checks keyed hashes. Any of ``keys`` may have signed: there are two while one is being rotated out."""

    scheme: HmacScheme
    keys: tuple[bytes, ...] = field(repr=False)

    def verify(self, request: SignedRequest, *, now: datetime) -> Verified:
        """See ``Verifier.verify``."""
        scheme = self.scheme
        given, timestamp = self._signatures(request.headers)
        message_id = _message_id(request.headers, scheme.id_header, required="id" in scheme.parts)
        signed_at = self._signed_at(timestamp, now) if timestamp is not None else None
        content = self._content(request, message_id or "", timestamp or "")
        for key in self.keys:
            expected = _encode(hmac.digest(key, content, scheme.algorithm), scheme.encoding)
            for signature in given:
                # As bytes: compare_digest refuses text that is not ASCII, and headers may hold any.
                if hmac.compare_digest(signature, expected):
                    return Verified(message_id=message_id, signed_at=signed_at)
        raise VerificationError(f'no signature in "{scheme.header}" matches the request')

    def _signatures(self, headers: Mapping[str, str]) -> tuple[list[bytes], str | None]:
        scheme = self.scheme
        carried = _required(headers, scheme.header)
        elements = [carried] if scheme.separator is None else carried.split(scheme.separator)
        given, timestamp = [], None
        for element in map(str.strip, elements[: MAX_SIGNATURES + 1]):
            if scheme.timestamp_key is not None and element.startswith(f"{scheme.timestamp_key}="):
                timestamp = element[len(scheme.timestamp_key) + 1 :]
            elif element.startswith(scheme.prefix):
                signature = element[len(scheme.prefix) :]
                given.append(
                    (signature.lower() if scheme.encoding == "hex" else signature).encode("latin-1", "replace")
                )
        if not given:
            raise VerificationError(f'the header "{scheme.header}" holds no signature of the form this scheme uses')
        if scheme.encoding == "hex":
            given = [signature.lower() for signature in given]
        if scheme.timestamp_header is not None:
            timestamp = _required(headers, scheme.timestamp_header).strip()
        elif scheme.timestamp_key is not None and timestamp is None:
            raise VerificationError(f'the header "{scheme.header}" holds no timestamp')
        return given, timestamp

    def _signed_at(self, timestamp: str, now: datetime) -> datetime:
        if not _SECONDS.fullmatch(timestamp):
            raise VerificationError("the timestamp is not a whole number")
        ticks, unit = int(timestamp), UNITS[self.scheme.timestamp_unit]
        seconds = ticks // unit
        # Integers throughout: a huge timestamp overflows floats and dates.
        if abs(int(now.timestamp()) - seconds) > self.scheme.tolerance.total_seconds() or seconds > _YEAR_9999:
            raise VerificationError("the timestamp is outside the tolerance; the request is old, or a clock is wrong")
        return datetime.fromtimestamp(seconds, UTC)

    def _content(self, request: SignedRequest, message_id: str, timestamp: str) -> bytes:
        if self.scheme.parts == ("body",):
            return request.body
        texts = {"id": message_id, "timestamp": timestamp, "method": request.method, "url": request.url}
        return b"".join(
            request.body if part == "body" else texts.get(part, part).encode("latin-1", "replace")
            for part in self.scheme.parts
        )


@dataclass(frozen=True, slots=True)
class HeaderVerifier:
    """Checks that a header equals one of ``keys``."""

    scheme: HeaderScheme
    keys: tuple[bytes, ...] = field(repr=False)

    def verify(self, request: SignedRequest, *, now: datetime) -> Verified:  # noqa: ARG002 - the protocol's
        """See ``Verifier.verify``; the time does not matter, this scheme has none."""
        given = _required(request.headers, self.scheme.header)
        if not given.startswith(self.scheme.prefix):
            raise VerificationError(f'the header "{self.scheme.header}" does not begin as this scheme says')
        token = given[len(self.scheme.prefix) :].encode("latin-1", "replace")
        if not any(hmac.compare_digest(token, key) for key in self.keys):
            raise VerificationError(f'the header "{self.scheme.header}" does not hold the secret')
        return Verified(message_id=_message_id(request.headers, self.scheme.id_header, required=False))


@dataclass(frozen=True, slots=True)
class OpenVerifier:
    """Accepts everything: ``verify: none``, said aloud in the definition."""

    id_header: str | None = None

    def verify(self, request: SignedRequest, *, now: datetime) -> Verified:  # noqa: ARG002 - the protocol's
        """Return the sender's message id, where the definition names its header."""
        return Verified(message_id=_message_id(request.headers, self.id_header, required=False))


def sign(secret: str | bytes, message_id: str, body: bytes, *, at: datetime) -> dict[str, str]:
    """Return the headers of one message signed after Standard Webhooks v1.

    Args:
        secret: In its written form, ``whsec_<base64>``, or raw.
        at: When the message is sent; each new attempt at sending has a new time and the same id.
    """
    key = key_bytes(secret.encode() if isinstance(secret, str) else secret, encoding="whsec")
    seconds = str(int(at.timestamp()))
    content = b".".join((message_id.encode(), seconds.encode(), body))
    signature = _encode(hmac.digest(key, content, "sha256"), "base64").decode()
    return {"webhook-id": message_id, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}


def _required(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(name)
    if not value:
        raise VerificationError(f'the header "{name}" is missing')
    return value


def _message_id(headers: Mapping[str, str], name: str | None, *, required: bool) -> str | None:
    if name is None:
        return None
    message_id = _required(headers, name) if required else headers.get(name)
    if message_id and len(message_id) > MAX_ID:
        raise VerificationError(f'the header "{name}" is longer than {MAX_ID} characters')
    return message_id or None


def _encode(digest: bytes, encoding: str) -> bytes:
    return digest.hex().encode() if encoding == "hex" else base64.b64encode(digest)
