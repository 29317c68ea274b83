"""Reading bodies: JSON that is accepted can also be read again, wherever the stack stands."""

import pytest

from engine.errors import InvalidJson
from gateway.requests import MAX_DEPTH, parse_json


def nested(depth: int) -> bytes:
    return b'[{"a":' * (depth // 2) + b"1" + b"}]" * (depth // 2)


def test_json_may_be_nested_up_to_a_bound() -> None:
    assert parse_json(nested(MAX_DEPTH)) == parse_json(nested(MAX_DEPTH))
    assert len(parse_json(b"[" + b"[]," * 1000 + b"[]]")) == 1001


@pytest.mark.parametrize("depth", [MAX_DEPTH + 2, 600, 960, 2000, 200_000])
def test_json_nested_deeper_is_refused(depth: int) -> None:
    with pytest.raises(InvalidJson, match="nested more than 200 deep"):
        parse_json(nested(depth))


def test_the_place_of_a_mistake_is_told() -> None:
    with pytest.raises(InvalidJson, match="byte 5"):
        parse_json(b'{"a":}')
