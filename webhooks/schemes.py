"""Every signature scheme as data: where a request carries its proof, and what that proof covers.

A provider is one row of ``PROVIDERS``. Where a provider needs more than this shape says, widen the shape; there is no
code per provider.
"""

from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

TOLERANCE = timedelta(minutes=5)
"""How far the sender's clock may be off, in either direction, unless the definition says otherwise."""

ALGORITHMS = ("sha256", "sha512", "sha1")
ENCODINGS = ("hex", "base64")
SECRET_ENCODINGS = ("raw", "base64", "hex", "whsec")
UNITS = MappingProxyType({"s": 1, "ms": 1000})
VARIABLES = ("id", "timestamp", "body", "method", "url")
"""Names in ``parts`` that stand for something of the request; every other part is literal text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HmacScheme:
    """A keyed hash over parts of the request.

    Attributes:
        header: Carries the signature, or several of them between ``separator``.
        prefix: Precedes each signature (``sha256=``, ``v1,``); elements without it are ignored.
        parts: What is signed, joined: names of ``VARIABLES`` and literal text.
        timestamp_header: Carries the time of signing, in ``timestamp_unit``.
        timestamp_key: The same, as an element ``key=…`` of ``header``.
        tolerance: Looked at only where there is a timestamp.
        id_header: Carries the sender's id of the message. It is trusted as much as ``parts`` covers it.
        secret_encoding: How the stored secret is written; see ``webhooks.secrets.key_bytes``.
    """

    header: str
    algorithm: str = "sha256"
    encoding: str = "hex"
    prefix: str = ""
    separator: str | None = None
    parts: tuple[str, ...] = ("body",)
    timestamp_header: str | None = None
    timestamp_key: str | None = None
    timestamp_unit: str = "s"
    tolerance: timedelta = TOLERANCE
    id_header: str | None = None
    secret_encoding: str = "raw"  # noqa: S105 - a form, not a secret

    @property
    def timed(self) -> bool:
        """Whether the request says when it was signed."""
        return self.timestamp_header is not None or self.timestamp_key is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderScheme:
    """A header that must equal the secret. Proves nothing about the body; use it where a sender offers no more."""

    header: str
    prefix: str = ""
    id_header: str | None = None


Scheme = HmacScheme | HeaderScheme


def _standard(prefix: str) -> HmacScheme:
    return HmacScheme(
        header=f"{prefix}-signature",
        encoding="base64",
        prefix="v1,",
        separator=" ",
        parts=("id", ".", "timestamp", ".", "body"),
        timestamp_header=f"{prefix}-timestamp",
        id_header=f"{prefix}-id",
        secret_encoding="whsec",  # noqa: S106 - a form, not a secret
    )


PROVIDERS: MappingProxyType[str, Scheme] = MappingProxyType(
    {
        # https://www.standardwebhooks.com, version 1, symmetric signatures
        "standard": _standard("webhook"),
        # https://docs.svix.com/receiving/verifying-payloads/how-manual
        "svix": _standard("svix"),
        # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
        "github": HmacScheme(header="x-hub-signature-256", prefix="sha256=", id_header="x-github-delivery"),
        # https://docs.gitlab.com/user/project/integrations/webhooks: the token form
        "gitlab": HeaderScheme(header="x-gitlab-token", id_header="x-gitlab-event-uuid"),
        # https://developer.paddle.com/webhooks/signature-verification
        "paddle": HmacScheme(
            header="paddle-signature",
            prefix="h1=",
            separator=";",
            parts=("timestamp", ":", "body"),
            timestamp_key="ts",
        ),
        # https://shopify.dev/docs/apps/build/webhooks/subscribe/https
        "shopify": HmacScheme(header="x-shopify-hmac-sha256", encoding="base64", id_header="x-shopify-webhook-id"),
        # https://docs.slack.dev/authentication/verifying-requests-from-slack
        "slack": HmacScheme(
            header="x-slack-signature",
            prefix="v0=",
            parts=("v0:", "timestamp", ":", "body"),
            timestamp_header="x-slack-request-timestamp",
        ),
        # https://docs.stripe.com/webhooks#verify-manually; the message's id is inside the body
        "stripe": HmacScheme(
            header="stripe-signature",
            prefix="v1=",
            separator=",",
            parts=("timestamp", ".", "body"),
            timestamp_key="t",
        ),
        # https://core.telegram.org/bots/api#setwebhook; the message's id is inside the body
        "telegram": HeaderScheme(header="x-telegram-bot-api-secret-token"),
    }
)
