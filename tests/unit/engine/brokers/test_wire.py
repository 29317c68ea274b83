"""Messages are read as they were written, and foreign ones are recognised."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.brokers.wire import (
    MAX_BUNDLE_BYTES,
    UnknownFormat,
    decode_ids,
    decode_signals,
    encode_ids,
    encode_signals,
)
from engine.model.base import ExecutionId

ids = st.lists(st.uuids().map(lambda value: ExecutionId(str(value))), max_size=100)


@given(ids)
def test_ids_are_read_as_written_32_to_a_message(written: list[ExecutionId]) -> None:
    messages = [decode_ids(body) for body in encode_ids(written)]

    assert [id for message in messages for id in message] == written
    assert all(len(message) == 32 for message in messages[:-1])
    assert all(0 < len(message) <= 32 for message in messages)


@pytest.mark.parametrize("body", [b"", b"\xff", b"2 0190c5a2", b"{}", b"10 x"])
def test_a_foreign_message_of_ids_is_refused(body: bytes) -> None:
    with pytest.raises(UnknownFormat):
        decode_ids(body)


@given(st.lists(st.binary(max_size=200), max_size=50))
def test_signals_are_read_as_written(bodies: list[bytes]) -> None:
    assert [body for message in encode_signals(bodies) for body in decode_signals(message)] == bodies


def test_signals_are_bundled_up_to_a_size() -> None:
    bodies = [b"x" * 10_000] * 20

    messages = list(encode_signals(bodies))

    assert len(messages) == 4
    assert all(len(message) < MAX_BUNDLE_BYTES + 100 for message in messages)


def test_a_signal_larger_than_a_bundle_travels_alone() -> None:
    big = b"x" * (MAX_BUNDLE_BYTES + 1)

    messages = list(encode_signals([b"a", big, b"b"]))

    assert [list(decode_signals(message)) for message in messages] == [[b"a"], [big], [b"b"]]


@pytest.mark.parametrize("message", [b"", b"?", b"2\0\0\0\0", b"1\0\0\0\x05four", b"1\0\0"])
def test_a_foreign_message_of_signals_is_refused(message: bytes) -> None:
    with pytest.raises(UnknownFormat):
        list(decode_signals(message))
