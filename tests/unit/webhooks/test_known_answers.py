"""Published answers of each scheme, and what happens when anything about them changes."""

import base64
import hashlib
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import standardwebhooks

from engine.errors import VerificationError
from webhooks.building import build_verifier
from webhooks.secrets import generate_secret
from webhooks.signatures import SignedRequest, Verified, Verifier, sign

STANDARD_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_AT = datetime.fromtimestamp(1614265330, UTC)
STANDARD = SignedRequest(
    method="POST",
    url="https://hub.example/hooks/1",
    headers={
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    },
    body=b'{"test": 2432232314}',
)
# The slash-command example of Slack's documentation on verifying requests.
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
    b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
    b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
HUBSPOT = {
    "scheme": "hmac",
    "secret": "s",
    "header": "X-HubSpot-Signature-v3",
    "encoding": "base64",
    "parts": ["method", "url", "body", "timestamp"],
    "timestamp_header": "X-HubSpot-Request-Timestamp",
    "timestamp_unit": "ms",
}


def verifier(stored: str = STANDARD_SECRET, **verify: object) -> Verifier:
    return build_verifier({"secret": "s", **verify}, {"s": stored.encode()})


def request(body: bytes, **headers: str) -> SignedRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SignedRequest(method="POST", url="https://www.example.com/webhook_uri", headers=named, body=body)


def test_standard_webhooks_published_example_verifies() -> None:
    verified = verifier(scheme="standard").verify(STANDARD, now=STANDARD_AT)

    assert verified == Verified(message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", signed_at=STANDARD_AT)


def test_svix_is_the_same_under_other_names() -> None:
    headers = {name.replace("webhook-", "svix-"): value for name, value in STANDARD.headers.items()}

    verified = verifier(scheme="svix").verify(replace(STANDARD, headers=headers), now=STANDARD_AT)

    assert verified.message_id == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_github_published_example_verifies() -> None:
    given = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    github = verifier("It's a Secret to Everybody", scheme="github")

    verified = github.verify(
        request(b"Hello, World!", x_hub_signature_256=given, x_github_delivery="72d3162e"), now=STANDARD_AT
    )

    assert verified == Verified(message_id="72d3162e", signed_at=None)


def test_slack_published_example_verifies() -> None:
    slack = verifier("8f742231b10e8888abcd99yyyzzz85a5", scheme="slack")
    signed_at = datetime.fromtimestamp(1531420618, UTC)

    verified = slack.verify(
        request(
            SLACK_BODY,
            x_slack_signature="v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
            x_slack_request_timestamp="1531420618",
        ),
        now=signed_at,
    )

    assert verified.signed_at == signed_at


def test_paddle_published_example_verifies() -> None:
    paddle = verifier("pdl_ntf_01hbpjmytsa32fhr36nqgc3kgb_WvRO0eL4Bj9rgYYIBZY6wZhG4EHy9jzh", scheme="paddle")
    signature = "ts=1696195954;h1=d96299976a6eb066f484d7fde011ac56fc32b38fc9940bc419d6e537fdc6ef02"

    verified = paddle.verify(
        request(b"hello-world", paddle_signature=signature), now=datetime.fromtimestamp(1696195954, UTC)
    )

    assert verified.signed_at == datetime.fromtimestamp(1696195954, UTC)


def test_a_scheme_over_method_address_body_and_milliseconds_is_only_data() -> None:
    """HubSpot's third version, as its documentation shows it, written by a user as generic HMAC."""
    hubspot = verifier("yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy", **HUBSPOT)

    verified = hubspot.verify(
        request(
            b"{'example_field':'example_value'}",
            x_hubspot_signature_v3="HPW73RUtKmcYoEDADG0s6MmGFWUzWJKAW07r8RDgcQw=",
            x_hubspot_request_timestamp="15000000",
        ),
        now=datetime.fromtimestamp(15_000, UTC),
    )

    assert verified.signed_at == datetime.fromtimestamp(15_000, UTC)


def test_stripe_takes_any_of_several_signatures() -> None:
    body = b'{"id": "evt_1"}'
    right = hmac.new(b"whsec_stripe", b"1614265330." + body, hashlib.sha256).hexdigest()
    stripe = verifier("whsec_stripe", scheme="stripe")

    verified = stripe.verify(
        request(body, stripe_signature=f"t=1614265330,v1={'0' * 64},v1={right},v0=ignored"), now=STANDARD_AT
    )

    assert verified.signed_at == STANDARD_AT


def test_shopify_signs_the_body_in_base64() -> None:
    digest = base64.b64encode(hmac.digest(b"app-secret", b'{"id":1}', "sha256")).decode()
    shopify = verifier("app-secret", scheme="shopify")

    verified = shopify.verify(
        request(b'{"id":1}', x_shopify_hmac_sha256=digest, x_shopify_webhook_id="b54557e4"), now=STANDARD_AT
    )

    assert verified.message_id == "b54557e4"


def test_what_we_sign_the_reference_library_verifies() -> None:
    secret = generate_secret()
    now = datetime.now(UTC)

    headers = sign(secret, "msg_1", '{"grüße": 1}'.encode(), at=now)

    assert standardwebhooks.Webhook(secret).verify('{"grüße": 1}', headers) == {"grüße": 1}


def test_what_the_reference_library_signs_we_verify() -> None:
    secret = generate_secret()
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_2",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": standardwebhooks.Webhook(secret).sign("msg_2", now, "{}"),
    }

    verified = verifier(secret, scheme="standard").verify(replace(STANDARD, headers=headers, body=b"{}"), now=now)

    assert verified.message_id == "msg_2"


@pytest.mark.parametrize("body", [b"", b"\xff\xfe\x00", b"x" * 1_000_000], ids=["empty", "invalid UTF-8", "a megabyte"])
def test_any_bytes_can_be_signed(body: bytes) -> None:
    headers = sign("raw secret", "msg_3", body, at=STANDARD_AT)

    verified = verifier("raw secret", scheme="standard").verify(
        replace(STANDARD, headers=headers, body=body), now=STANDARD_AT
    )

    assert verified.message_id == "msg_3"


@pytest.mark.parametrize("seconds", [-300, -299, 0, 299, 300])
def test_a_time_within_the_tolerance_is_accepted(seconds: int) -> None:
    verified = verifier(scheme="standard").verify(STANDARD, now=STANDARD_AT + timedelta(seconds=seconds))

    assert verified.signed_at == STANDARD_AT


@pytest.mark.parametrize("seconds", [-301, 301, -10_000_000, 10_000_000])
def test_a_time_outside_the_tolerance_is_refused(seconds: int) -> None:
    with pytest.raises(VerificationError, match="outside the tolerance"):
        verifier(scheme="standard").verify(STANDARD, now=STANDARD_AT + timedelta(seconds=seconds))


def test_a_definition_may_narrow_the_tolerance() -> None:
    narrow = verifier(scheme="standard", tolerance="5s")

    with pytest.raises(VerificationError, match="outside the tolerance"):
        narrow.verify(STANDARD, now=STANDARD_AT + timedelta(seconds=6))
    assert narrow.verify(STANDARD, now=STANDARD_AT + timedelta(seconds=5)).signed_at == STANDARD_AT
