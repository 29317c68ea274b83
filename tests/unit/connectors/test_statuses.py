"""What each status means to whoever must decide about trying again."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from connectors.statuses import failure, retry_after
from engine.errors import (
    ConnectionRevoked,
    OutcomeUnknown,
    RateLimited,
    RemoteRejected,
    RemoteUnavailable,
    RetryableError,
    StepError,
)
from engine.model.action import Effect

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


def response(status: int, content: bytes = b"", **headers: str) -> httpx.Response:
    request = httpx.Request("GET", "https://api.example/things?token=s3cret")
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, content=content, headers=given, request=request)


@pytest.mark.parametrize("status", [200, 201, 204, 206])
def test_success_is_no_failure(status: int) -> None:
    assert failure(response(status), now=NOW) is None


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, RemoteUnavailable),
        (502, RemoteUnavailable),
        (503, RemoteUnavailable),
        (504, RemoteUnavailable),
        (408, RemoteUnavailable),
        (429, RateLimited),
        (400, RemoteRejected),
        (401, RemoteRejected),
        (403, RemoteRejected),
        (404, RemoteRejected),
        (422, RemoteRejected),
        (302, RemoteRejected),
        (304, RemoteRejected),
    ],
)
def test_any_other_status_has_its_error(status: int, kind: type[StepError]) -> None:
    error = failure(response(status, location="/new"), now=NOW)

    assert type(error) is kind
    assert "api.example answered" in str(error)
    assert str(status) in str(error)
    assert "s3cret" not in str(error)


@pytest.mark.parametrize(("status", "kind"), [(401, ConnectionRevoked), (403, RemoteRejected)])
def test_only_401_speaks_of_the_credentials_that_were_sent(status: int, kind: type[StepError]) -> None:
    assert type(failure(response(status), now=NOW, authorised=True)) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (504, OutcomeUnknown),
        (503, RemoteUnavailable),
        (429, RateLimited),
        (400, RemoteRejected),
    ],
)
def test_an_unclear_answer_to_an_unrepeatable_call_is_for_a_person(status: int, kind: type[StepError]) -> None:
    assert type(failure(response(status), now=NOW, effect=Effect.UNREPEATABLE)) is kind


def test_expected_statuses_are_the_only_good_ones() -> None:
    assert failure(response(404), now=NOW, expect=[200, 404]) is None
    assert isinstance(failure(response(201), now=NOW, expect=[200, 404]), RemoteRejected)


def test_a_redirect_that_was_not_followed_says_where_it_leads() -> None:
    error = failure(response(301, location="https://api.example/new?token=s3cret"), now=NOW)

    assert 'a redirect to "https://api.example/new"' in str(error)
    assert "s3cret" not in str(error)


def test_a_refusal_quotes_what_the_service_said_in_short() -> None:
    error = failure(
        response(400, b'{"error":\n  "channel_not_found"}' + b" x" * 5_000, content_type="application/json"), now=NOW
    )

    assert 'channel_not_found"' in str(error)
    assert "\n" not in str(error)
    assert len(str(error)) < 400


@pytest.mark.parametrize("status", [429, 503, 500])
def test_the_wait_that_a_server_asks_for_is_kept(status: int) -> None:
    error = failure(response(status, retry_after="7"), now=NOW)

    assert isinstance(error, RetryableError)
    assert error.retry_after == timedelta(seconds=7)


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        ("0", timedelta(0)),
        (" 120 ", timedelta(minutes=2)),
        ("Fri, 20 Nov 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Fri, 20 Nov 2026 11:59:00 GMT", timedelta(0)),
        ("Fri, 20 Nov 2026 12:01:00 -0000", timedelta(minutes=1)),
        ("Fri, 20 Nov 2099 12:00:00 GMT", timedelta(days=1)),
        ("99999999999999999999", timedelta(days=1)),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
        ("", None),
        ("Fri, 99 Nov 2026 12:01:00 GMT", None),
        (None, None),
    ],
)
def test_retry_after_is_read_in_both_forms_and_nonsense_is_ignored(value: str | None, wait: timedelta | None) -> None:
    assert retry_after(value, now=NOW) == wait
