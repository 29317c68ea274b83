"""What a definition is told about its ``verify`` when it is saved."""

from typing import Any

import pytest

from engine.errors import DefinitionError
from webhooks.building import build_verifier, check_scheme, scheme_names, secret_names
from webhooks.secrets import generate_secret, key_bytes

HMAC = {"scheme": "hmac", "header": "X-Sig", "secret": "s"}


@pytest.mark.parametrize(
    "verify",
    [
        *({"scheme": name, "secret": "s"} for name in scheme_names() if name not in ("hmac", "header", "none")),
        HMAC,
        {"scheme": "none"},
        {"scheme": "header", "header": "X-Token", "secrets": ["a", "b"]},
        {**HMAC, "algorithm": "sha512", "encoding": "base64", "prefix": "sha512=", "id_header": "X-Id"},
        {**HMAC, "parts": ["timestamp", ".", "body"], "timestamp_header": "X-Time", "tolerance": "10m"},
        {**HMAC, "separator": ",", "prefix": "v1=", "timestamp_key": "t", "parts": ["timestamp", ".", "body"]},
    ],
    ids=str,
)
def test_a_good_scheme_has_no_problems(verify: dict[str, Any]) -> None:
    assert check_scheme(verify) == []


@pytest.mark.parametrize(
    ("verify", "problem"),
    [
        ({}, '"scheme" is missing'),
        ({"scheme": "strype", "secret": "s"}, 'did you mean "stripe"'),
        ({"scheme": 7, "secret": "s"}, 'unknown scheme "7"'),
        ({"scheme": "github"}, '"secret" is missing'),
        ({"scheme": "github", "secret": 7}, '"secret" must be the name'),
        ({"scheme": "github", "secrets": "s"}, '"secrets" must be a list'),
        ({"scheme": "github", "secret": "s", "tolerance": "5m"}, 'unknown field "tolerance"'),
        ({"scheme": "stripe", "secret": "s", "tolerence": "5m"}, 'did you mean "tolerance"'),
        ({"scheme": "stripe", "secret": "s", "tolerance": "0s"}, '"tolerance" is "0s"'),
        ({"scheme": "stripe", "secret": "s", "tolerance": "2d"}, "up to 1d"),
        ({"scheme": "stripe", "secret": "s", "tolerance": "soon"}, "such as 5m"),
        ({"scheme": "stripe", "secret": "s", "tolerance": True}, "such as 5m"),
        ({"scheme": "hmac", "secret": "s"}, '"header" is missing'),
        ({"scheme": "header", "secret": "s"}, '"header" is missing'),
        ({**HMAC, "algorithm": "md5"}, "write one of sha256, sha512, sha1"),
        ({**HMAC, "encoding": "base65"}, "write one of hex, base64"),
        ({**HMAC, "encoding": ["hex"]}, "write one of hex, base64"),
        ({**HMAC, "header": "X-Sïg"}, "must be ASCII"),
        ({**HMAC, "separator": ""}, '"separator" is empty'),
        ({**HMAC, "parts": []}, '"parts" must be a list'),
        ({**HMAC, "parts": "body"}, '"parts" must be a list'),
        ({**HMAC, "parts": ["id"], "id_header": "x"}, "anybody could change the body"),
        ({**HMAC, "timestamp_header": "X-Time"}, "sent again with a new time"),
        ({**HMAC, "parts": ["timestamp", "body"]}, "say where it is"),
        ({**HMAC, "parts": ["id", "body"]}, "say which header"),
        ({**HMAC, "timestamp_key": "t", "parts": ["timestamp", "body"]}, 'needs "separator"'),
    ],
    ids=str,
)
def test_a_wrong_scheme_is_told_what_to_write(verify: dict[str, Any], problem: str) -> None:
    problems = check_scheme(verify)

    assert any(problem in found for found in problems), problems


def test_all_problems_are_told_together() -> None:
    problems = check_scheme({"scheme": "hmac", "algorithm": "md5", "encoding": "x", "tolerance": "-1s", "nonsense": 1})

    assert len(problems) == 6


def test_building_from_wrong_data_lists_every_problem() -> None:
    with pytest.raises(DefinitionError, match=r"unknown field.*does not exist"):
        build_verifier({"scheme": "github", "secret": "missing", "x": 1}, {})


@pytest.mark.parametrize(
    ("scheme", "stored"), [("standard", b"whsec_not base64!"), ("standard", b"whsec_"), ("github", b"")]
)
def test_a_malformed_secret_is_refused_without_being_shown(scheme: str, stored: bytes) -> None:
    with pytest.raises(DefinitionError) as caught:
        build_verifier({"scheme": scheme, "secret": "s"}, {"s": stored})

    assert "not base64!" not in str(caught.value)


@pytest.mark.parametrize(
    ("stored", "encoding", "key"),
    [(b"00ff", "hex", b"\x00\xff"), (b"AP8=\n", "base64", b"\x00\xff"), (b" raw ", "raw", b" raw ")],
)
def test_a_secret_is_read_as_its_scheme_writes_it(stored: bytes, encoding: str, key: bytes) -> None:
    assert key_bytes(stored, encoding=encoding) == key


def test_a_new_secret_has_256_bits_and_is_never_the_same() -> None:
    first, second = generate_secret(), generate_secret()

    assert first != second
    assert len(key_bytes(first.encode(), encoding="whsec")) == 32


def test_the_secrets_of_a_definition_are_found() -> None:
    assert secret_names({"scheme": "stripe", "secret": "a", "secrets": ["b", "c"]}) == ["a", "b", "c"]
