"""Reading responses: every way they are framed, in pieces of every size, and within bounds."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.compression import decompress
from connectors.responses import ConnectionLost, RawResponse, ResponseLimits, ResponseReader
from engine.errors import LimitExceeded, PatchbayError, RemoteUnavailable

LIMITS = ResponseLimits(body_bytes=1_000, header_bytes=500, headers=10)
FIXED = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: 1\r\n\r\nhello"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;ext=1\r\nllo\r\n0\r\nX-Trailer: t\r\n\r\n"
UNTIL_END = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nhello"


def read(data: bytes, *, size: int = 1_000_000, bodiless: bool = False) -> ResponseReader:
    reader = ResponseReader(LIMITS, bodiless=bodiless)
    for start in range(0, len(data), size):
        reader.feed(data[start : start + size])
    return reader


@pytest.mark.parametrize("size", [1, 2, 7, 1_000])
@pytest.mark.parametrize("data", [FIXED, CHUNKED], ids=["length", "chunks"])
def test_a_response_is_complete_at_its_last_byte_and_not_before(data: bytes, size: int) -> None:
    assert not read(data[:-1], size=size).complete

    reader = read(data, size=size)

    assert reader.complete
    assert reader.reusable
    assert (reader.response.status, reader.response.body) == (200, b"hello")
    assert b"x-trailer" not in [name.lower() for name, _ in reader.response.headers]


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    reader = read(UNTIL_END)
    assert not reader.complete

    reader.end()

    assert reader.response.body == b"hello"
    assert not reader.reusable


@pytest.mark.parametrize(
    ("data", "answered"),
    [(b"", False), (FIXED[:-1], True), (CHUNKED[:-5], True), (b"HTTP/1.1 2", True), (FIXED[:20], True)],
)
def test_a_response_that_is_cut_short_is_lost(data: bytes, answered: bool) -> None:
    reader = read(data)

    with pytest.raises(ConnectionLost) as caught:
        reader.end()

    assert caught.value.answered is answered


def test_interim_responses_are_passed_over() -> None:
    reader = read(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + FIXED, size=3)

    assert reader.response.status == 200
    assert [name for name, _ in reader.response.headers] == [b"Content-Length", b"X-A"]


@pytest.mark.parametrize("status", [204, 304])
def test_a_status_without_a_body_is_complete_after_its_headers(status: int) -> None:
    assert read(f"HTTP/1.1 {status} X\r\nX-A: 1\r\n\r\n".encode()).complete


def test_the_answer_to_a_head_request_has_no_body_and_ends_the_connection() -> None:
    reader = read(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", bodiless=True)

    assert reader.complete
    assert not reader.reusable
    assert reader.response.body == b""


@pytest.mark.parametrize("surplus", [b"x", b"HTTP/1.1 200 OK\r\n", FIXED])
def test_bytes_after_the_response_end_the_connection(surplus: bytes) -> None:
    reader = read(FIXED + surplus)

    assert reader.response.body == b"hello"
    assert not reader.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_a_server_may_end_the_connection_after_its_answer(data: bytes) -> None:
    reader = read(data)

    assert reader.complete
    assert not reader.reusable


@pytest.mark.parametrize(
    "data",
    [
        b"220 mail.example ESMTP\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nBad Header\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ],
)
def test_something_else_than_http_is_lost(data: bytes) -> None:
    with pytest.raises(ConnectionLost):
        read(data)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 11 + b"\r\n", "headers"),
        (b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 501 + b"\r\n\r\n", "headers"),
        (b"HTTP/1.1 200 OK\r\nX-A: " + b"a" * 1_001, "headers"),
        (b"HTTP/1.1 100 C\r\n\r\n" * 70, "headers"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"a" * 1_001, "body"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"a" * 1_001, "body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 900, "body"),
    ],
)
@pytest.mark.parametrize("size", [100, 1_000_000])
def test_a_bound_is_kept_and_named(data: bytes, what: str, size: int) -> None:
    with pytest.raises(LimitExceeded, match=f"response's {what} exceed"):
        read(data, size=size)


@given(st.binary(max_size=300), st.integers(1, 50))
def test_no_bytes_raise_anything_else(data: bytes, size: int) -> None:
    for prefix in (b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"):
        reader = ResponseReader(LIMITS)
        try:
            for start in range(0, len(prefix + data), size):
                reader.feed((prefix + data)[start : start + size])
            reader.end()
        except PatchbayError:
            assert reader.response.body == b""


def compressed(body: bytes, coding: str) -> RawResponse:
    return RawResponse(200, [(b"Content-Encoding", coding.encode()), (b"Content-Length", b"1")], body)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", gzip.compress(b"hello")),
        ("GZIP", gzip.compress(b"hel") + gzip.compress(b"lo")),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")[2:-4]),
        ("deflate, gzip", gzip.compress(zlib.compress(b"hello"))),
    ],
)
def test_a_compressed_body_is_unpacked(coding: str, body: bytes) -> None:
    response = compressed(body, coding)

    decompress(response, limit=100)

    assert response.body == b"hello"
    assert response.headers == []


@pytest.mark.parametrize("layers", ["gzip", "gzip, gzip"])
def test_a_body_that_unpacks_to_more_than_allowed_is_refused(layers: str) -> None:
    bomb = b"0" * 10_000_000
    for _ in layers.split(","):
        bomb = gzip.compress(bomb)

    with pytest.raises(LimitExceeded, match="once decompressed"):
        decompress(compressed(bomb, layers), limit=100_000)


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"hello")[:-6], b"\x1f\x8b"])
def test_a_damaged_compressed_body_is_trouble_of_the_remote_side(body: bytes) -> None:
    with pytest.raises(RemoteUnavailable):
        decompress(compressed(body, "gzip"), limit=100)


@pytest.mark.parametrize("coding", ["br", "identity", "", "gzip, br"])
def test_what_cannot_be_unpacked_stays_as_it_is(coding: str) -> None:
    response = compressed(b"raw", coding)

    decompress(response, limit=100)

    assert response.body == b"raw"
