"""Failures with the same cause get the same fingerprint."""

import pytest

from engine.fingerprint import fingerprint


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("order 17 not found", "order 23456 not found"),
        ('customer "Ann" is blocked', 'customer "Bob, 3rd" is blocked'),
        ("no row for 01890a5d-ac96-774b-bcce-b302099a8057", "no row for 01890A5D-AC96-774B-BCCE-B302099A8058"),
        ("token 9f86d081884c7d65 expired", "token aa2bb081884c7d65 expired"),
        ("took 1,234.5 ms", "took 7 ms"),
        ("Connection  refused\n", "connection refused"),
        ("at 12:30:01", "at 9:05"),
        ("bad pointer 0xdeadbeef", "bad pointer 0x1"),
    ],
)
def test_what_differs_between_executions_does_not_count(one: str, other: str) -> None:
    assert fingerprint("fetch", "remote_rejected", one) == fingerprint("fetch", "remote_rejected", other)


@pytest.mark.parametrize(
    ("step", "code", "message"),
    [
        ("send", "remote_rejected", "not found"),
        ("fetch", "step_timeout", "not found"),
        ("fetch", "remote_rejected", "forbidden"),
        (None, "remote_rejected", "not found"),
    ],
)
def test_node_code_and_wording_count(step: str | None, code: str, message: str) -> None:
    assert fingerprint(step, code, message) != fingerprint("fetch", "remote_rejected", "not found")


def test_visits_of_one_node_belong_together() -> None:
    assert fingerprint("fetch#2", "x", "y") == fingerprint("fetch", "x", "y") == fingerprint("fetch#31", "x", "y")


def test_a_very_long_message_is_no_burden() -> None:
    assert len(fingerprint("fetch", "x", "'" * 1_000_000)) == 16
