"""What fields accept, what they refuse, and what they say about it."""

from datetime import timedelta
from typing import Any

import jsonschema_rs
import pytest

from connectors.inputs import fields_schema, parse_values
from connectors.sdk import (
    AnyJson,
    Boolean,
    Choice,
    Duration,
    Field,
    Integer,
    InvalidInput,
    List,
    Mapping,
    Number,
    Object,
    Secret,
    Text,
    Wrong,
)

PERSON = Object(label="Person", fields={"name": Text(label="Name"), "age": Integer(label="Age", default=None)})


@pytest.mark.parametrize(
    ("field", "value", "parsed"),
    [
        (Text(label="x"), "a", "a"),
        (Text(label="x"), 7, "7"),
        (Text(label="x"), 7.5, "7.5"),
        (Text(label="x"), True, "true"),
        (Text(label="x", pattern="[a-z]+"), "abc", "abc"),
        (Integer(label="x"), "-7", -7),
        (Integer(label="x"), 7.0, 7),
        (Number(label="x"), "1.5", 1.5),
        (Number(label="x"), 2, 2.0),
        (Boolean(label="x"), False, False),
        (Boolean(label="x"), "True", True),
        (Choice(label="x", options=("a", "b")), "b", "b"),
        (Duration(label="x"), "1h30m", timedelta(minutes=90)),
        (Duration(label="x"), "PT5S", timedelta(seconds=5)),
        (Duration(label="x"), 2.5, timedelta(seconds=2.5)),
        (List(label="x", of=Integer(label="y")), [1, "2"], [1, 2]),
        (Mapping(label="x", of=Text(label="y")), {"a": 1}, {"a": "1"}),
        (PERSON, {"name": "Ada"}, {"name": "Ada", "age": None}),
        (AnyJson(label="x"), {"a": [None]}, {"a": [None]}),
        (Secret(label="x"), "s3cret", "s3cret"),
    ],
    ids=repr,
)
def test_a_value_is_taken_and_converted_where_nothing_is_lost(field: Field, value: Any, parsed: Any) -> None:
    result = field.parse(value)

    assert result == parsed
    assert type(result) is type(parsed)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        (Text(label="x"), ["a"], "must be text, not a list"),
        (Text(label="x", max_length=3), "abcd", "has 4 characters; shorten it to 3"),
        (Text(label="x", min_length=1), "", "must not be empty"),
        (Text(label="x", min_length=2), "a", "must have 2 characters"),
        (Text(label="x", pattern="[a-z]+"), "abc\n", "must match"),
        (Integer(label="x"), 7.5, "must be a whole number, not 7.5"),
        (Integer(label="x"), True, "must be a whole number, not true"),
        (Integer(label="x"), "7.0", 'must be a whole number, not "7.0"'),
        (Integer(label="x", minimum=1), 0, "is 0; the least is 1"),
        (Number(label="x", maximum=2), 2.5, "is 2.5; the most is 2"),
        (Number(label="x"), "nan", "must be a number"),
        (Number(label="x"), "inf", "must be a number"),
        (Number(label="x"), 10**400, "must be a number"),
        (Boolean(label="x"), 1, "must be true or false, not 1"),
        (Choice(label="x", options=("a", "b")), "c", 'must be one of a, b, not "c"'),
        (Duration(label="x"), "soon", "such as 30s"),
        (Duration(label="x"), -1, "must be between 0s"),
        (Duration(label="x"), 1e300, "such as 30s"),
        (Duration(label="x"), float("nan"), "such as 30s"),
        (List(label="x", of=Text(label="y")), "ab", 'must be a list, not "ab"'),
        (List(label="x", of=Text(label="y"), max_items=1), [1, 2], "has 2 items"),
        (Mapping(label="x", of=Text(label="y")), [], "must be a mapping, not a list"),
        (Mapping(label="x", of=Text(label="y"), max_items=1), {"a": 1, "b": 2}, "has 2 entries"),
        (PERSON, "Ada", "must be a mapping"),
        (Secret(label="x"), "", "not empty"),
    ],
    ids=repr,
)
def test_any_other_value_is_refused_and_the_fix_is_told(field: Field, value: Any, message: str) -> None:
    with pytest.raises(Wrong) as caught:
        field.parse(value)

    assert message in str(caught.value)


def test_a_secret_is_not_quoted_when_it_is_refused() -> None:
    with pytest.raises(Wrong) as caught:
        Secret(label="x").parse(["s3cret"])

    assert "s3cret" not in str(caught.value)


def test_all_problems_are_told_at_once_with_their_place() -> None:
    fields = {
        "subject": Text(label="Subject", max_length=3),
        "people": List(label="People", of=PERSON),
        "tags": Mapping(label="Tags", of=Integer(label="Tag")),
        "missing": Text(label="Missing"),
        "empty": Text(label="Empty"),
        "fine": Text(label="Fine", default="x"),
    }

    with pytest.raises(InvalidInput) as caught:
        parse_values(
            fields,
            {
                "subject": "long",
                "people": [{"name": "Ada", "age": "old"}],
                "tags": {"a": "b"},
                "empty": None,
                "sbject": 1,
            },
        )

    assert str(caught.value).split("; input ") == [
        'input "subject" has 4 characters; shorten it to 3',
        '"people[0].age" must be a whole number, not "old"',
        '"tags.a" must be a whole number, not "b"',
        '"missing" is missing; give it a value',
        '"empty" is null; give it a value',
        '"sbject" is unknown; did you mean "subject"?',
    ]


def test_defaults_fill_what_is_left_out_or_null() -> None:
    fields = {"a": Text(label="A", default="x"), "b": Integer(label="B", default=None)}

    assert parse_values(fields, {"a": None}) == {"a": "x", "b": None}


def test_the_schema_accepts_what_the_fields_accept() -> None:
    fields = {
        "text": Text(label="Text", description="Some.", pattern="[a-z]+", min_length=1),
        "number": Integer(label="Number", minimum=1, maximum=9, default=3),
        "choice": Choice(label="Choice", options=("a", "b"), default="a"),
        "wait": Duration(label="Wait", default=timedelta(seconds=90)),
        "people": List(label="People", of=PERSON, default=None),
        "any": AnyJson(label="Any", default=None),
        "labels": Mapping(label="Labels", of=Text(label="Label"), default=None),
    }
    schema = fields_schema(fields)
    validator = jsonschema_rs.Draft202012Validator(schema)

    assert schema["required"] == ["text"]
    assert schema["properties"]["wait"]["default"] == "1m30s"
    assert validator.is_valid(
        {"text": "abc", "number": 9, "people": [{"name": "Ada"}], "any": [1], "labels": {"a": "b"}}
    )
    for wrong in (
        {},
        {"text": "ABC"},
        {"text": "a", "number": 10},
        {"text": "a", "x": 1},
        {"text": "a", "people": [{}]},
    ):
        assert not validator.is_valid(wrong), wrong


def test_a_secret_is_marked_so_that_editors_hide_it() -> None:
    schema = Secret(label="Token").schema()

    assert (schema["format"], schema["writeOnly"]) == ("password", True)
