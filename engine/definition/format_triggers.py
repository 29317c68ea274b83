"""The triggers of a workflow as data: the fields of every kind and the ones all kinds share."""

from datetime import timedelta
from typing import Final

from engine.definition.json_schemas import JsonSchema
from engine.definition.shapes import Either, Field, Kinds, ListOf, OneOrMany, Section
from engine.definition.times import CronLine, Instant, Zone
from engine.definition.types import Boolean, Choice, Duration, Expression, Number, Size, Template, Text
from engine.model.workflow import RespondWhen, TriggerKind

MAX_BODY_BYTES: Final = 64 * 1_048_576

VERIFY: Final = Either(
    word=Choice(options=("none",)),
    section=Section(
        noun="verify",
        doc="How the sender proves who it is.",
        open=True,
        fields=(
            Field(
                "scheme", Text(min_length=1, max_length=60), "the scheme, such as `standard` or `hmac`", required=True
            ),
            Field("secret", Text(min_length=1, max_length=200), "the name of the project's secret to verify with"),
            Field(
                "secrets",
                ListOf(type=Text(min_length=1, max_length=200), minimum=1, maximum=10),
                "several names, while one secret replaces another; each is tried",
            ),
        ),
    ),
)

DEDUPE: Final = Section(
    noun="dedupe",
    doc="Where the sender's own id of an event stands, if the scheme has none.",
    exactly_one=("header", "expression"),
    fields=(
        Field(
            "header",
            Text(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$", max_length=200, says="the name of a header"),
            "the header that holds it",
        ),
        Field("expression", Expression(), "an expression that gives it, such as `trigger.data.id`"),
    ),
)

RESPOND: Final = Either(
    word=Choice(options=tuple(RespondWhen)),
    section=Section(
        noun="respond",
        doc="When and how the caller is answered.",
        later=("headers", "body"),
        fields=(
            Field(
                "when",
                Choice(options=tuple(RespondWhen)),
                "`accepted`: as soon as the event is stored; `finished`: with the execution's result; "
                "`node`: by a `respond` node",
                default="accepted",
            ),
            Field(
                "timeout",
                Duration(positive=True),
                "how long to wait for it; then the answer is 202 with the execution's id",
                default="30s",
            ),
            Field("status", Number(minimum=200, maximum=599), "the status of the answer, in place of the usual one"),
        ),
    ),
)

COMMON: Final = (
    Field("filter", Expression(), "where this is false the event's fate is `filtered` and nothing runs"),
    Field("map", Template(), "the shape of `trigger.data`, made from what came in"),
    Field("enabled", Boolean(), "whether the trigger listens", default=True),
    Field("expect_every", Duration(positive=True), "a longer silence than this raises an alert"),
)

_WEBHOOK: Final = Section(
    noun="a webhook trigger",
    doc="An HTTP request to the trigger's hook.",
    later=("allow_ips", "require", "rate", "challenge"),
    fields=(
        Field(
            "verify",
            VERIFY,
            "how the sender proves who it is, or `none` to let everybody in",
            required=True,
            missing="choose a scheme, such as {scheme: standard, secret: NAME}, or write verify: none "
            "to let everybody in",
        ),
        Field(
            "methods",
            ListOf(type=Choice(options=("GET", "POST", "PUT", "PATCH", "DELETE")), minimum=1, unique=True),
            "the HTTP methods it takes",
            default=["POST"],
        ),
        Field(
            "path",
            Text(
                pattern=r"^[A-Za-z0-9][A-Za-z0-9._~-]*(/[A-Za-z0-9][A-Za-z0-9._~-]*)*$",
                max_length=200,
                says="a path such as shop/orders (letters, digits, . _ ~ -, and / between parts)",
            ),
            "a readable address of its own under `/webhooks/`",
        ),
        Field("max_body", Size(maximum=MAX_BODY_BYTES), "the largest body it takes", default=1_048_576),
        Field("dedupe", DEDUPE, "where the sender's own id of an event stands, if the scheme has none"),
        Field("respond", RESPOND, "when and how the caller is answered", default="accepted"),
    ),
)

_SCHEDULE: Final = Section(
    noun="a schedule trigger",
    doc="A clock.",
    exactly_one=("cron", "every", "at"),
    later=("rrule", "window", "jitter", "overlap"),
    fields=(
        Field("cron", CronLine(), "five fields, or six with seconds first"),
        Field("every", Duration(minimum=timedelta(seconds=1)), "a fixed distance, at least `1s`"),
        Field("at", OneOrMany(type=Instant()), "one time or several"),
        Field("timezone", Zone(), "the IANA zone that `cron` is meant in", default="UTC"),
        Field(
            "missed",
            Choice(options=("skip", "last", "all"), later=("within",)),
            "what happens to due times that passed while nothing could fire: none of them, the last one or all run",
            default="last",
        ),
    ),
)

_MANUAL: Final = Section(
    noun="a manual trigger",
    doc="A call by API or command line.",
    fields=(Field("input_schema", JsonSchema(bounded=True), "a JSON Schema that the input must satisfy"),),
)

TRIGGERS: Final = Kinds(
    noun="trigger",
    common=COMMON,
    later=("polling", "event", "listener", "form", "chat"),
    kinds={
        TriggerKind.WEBHOOK: _WEBHOOK,
        TriggerKind.SCHEDULE: _SCHEDULE,
        TriggerKind.MANUAL: _MANUAL,
    },
)
