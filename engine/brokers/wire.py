"""What our AMQP messages look like, byte for byte.

Ids travel as text: for 32 ids that takes 1.6 microseconds to write and read, against 17 for packed UUIDs, and a person
can read it in RabbitMQ's management page. Both kinds of message begin with a version, so that a later release can
change the rest while an earlier one still runs.
"""

from collections.abc import Iterable, Iterator, Sequence

from engine.model.base import ExecutionId
from engine.ports import MAX_IDS_PER_MESSAGE

IDS_VERSION = "1"
SIGNALS_VERSION = b"1"
MAX_BUNDLE_BYTES = 64 * 1024
_LENGTH_BYTES = 4


class UnknownFormat(ValueError):
    """These bytes are not ours, or of a later release."""


def encode_ids(ids: Sequence[ExecutionId]) -> Iterator[bytes]:
    """Write ids as messages of at most 32."""
    for start in range(0, len(ids), MAX_IDS_PER_MESSAGE):
        yield " ".join([IDS_VERSION, *ids[start : start + MAX_IDS_PER_MESSAGE]]).encode("ascii")


def decode_ids(body: bytes) -> tuple[ExecutionId, ...]:
    """Read one message.

    Raises:
        UnknownFormat: It was not written by ``encode_ids``.
    """
    try:
        version, *ids = body.decode("ascii").split(" ")
    except UnicodeDecodeError as error:
        raise UnknownFormat("not a list of ids") from error
    if version != IDS_VERSION:
        raise UnknownFormat(f'a list of ids of version "{version[:8]}"')
    return tuple(ExecutionId(id) for id in ids)


def encode_signals(bodies: Iterable[bytes]) -> Iterator[bytes]:
    """Write the bodies of signals of one topic as few messages: most of what a signal costs is paid per message."""
    bundle, size = [SIGNALS_VERSION], 0
    for body in bodies:
        if size and size + len(body) > MAX_BUNDLE_BYTES:
            yield b"".join(bundle)
            bundle, size = [SIGNALS_VERSION], 0
        bundle += [len(body).to_bytes(_LENGTH_BYTES, "big"), body]
        size += len(body) + _LENGTH_BYTES
    if size:
        yield b"".join(bundle)


def decode_signals(message: bytes) -> Iterator[bytes]:
    """Read the bodies of one message.

    Raises:
        UnknownFormat: It was not written by ``encode_signals``.
    """
    if message[:1] != SIGNALS_VERSION:
        raise UnknownFormat(f"signals of version {message[:1]!r}")
    start = 1
    while start < len(message):
        end = start + _LENGTH_BYTES + int.from_bytes(message[start : start + _LENGTH_BYTES], "big")
        if end > len(message):
            raise UnknownFormat("a signal that is cut short")
        yield message[start + _LENGTH_BYTES : end]
        start = end
