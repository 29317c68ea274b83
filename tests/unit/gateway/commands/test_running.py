"""What ``patchbay run`` makes of a definition before it runs it."""

import json

import pytest

from engine.definition import Outside
from engine.errors import InvalidDefinition, NotFound
from gateway.commands.running import ephemeral, make_runnable
from gateway.settings import Settings

TEXT = """
name: orders
triggers:
  ticks: {type: schedule, every: 1s}
  paid: {type: webhook, verify: {scheme: standard, secret: shop}, filter: trigger.data.amount > 1}
  by_hand: {type: manual, input_schema: {type: object}}
nodes:
  a: {type: transform, set: {x: 1}}
  b: {type: transform, set: {x: 2}}
start: {paid: [b]}
"""


def test_every_trigger_waits_for_a_call() -> None:
    made = make_runnable(TEXT, Outside())

    triggers = json.loads(made.text)["triggers"]
    assert {key: trigger["type"] for key, trigger in triggers.items()} == dict.fromkeys(triggers, "manual")
    assert triggers["paid"] == {"type": "manual", "filter": "trigger.data.amount > 1"}
    assert json.loads(made.text)["start"] == {"paid": ["b"]}


def test_a_manual_trigger_is_preferred() -> None:
    made = make_runnable(TEXT, Outside())

    assert made.keys == ["by_hand", "ticks", "paid"]
    assert made.choose("") == "by_hand"
    assert made.choose("paid") == "paid"


def test_a_definition_without_triggers_has_the_implicit_one() -> None:
    assert make_runnable("name: a\nnodes: {b: {type: stop}}", Outside()).choose("") == ""


def test_an_unknown_trigger_is_refused_with_the_known_ones() -> None:
    with pytest.raises(NotFound, match='no trigger "other"; it has by_hand, ticks, paid'):
        make_runnable(TEXT, Outside()).choose("other")


def test_problems_have_their_lines() -> None:
    with pytest.raises(InvalidDefinition) as error:
        make_runnable("name: a\nnodes:\n  b: {type: stpo}\n", Outside())

    assert error.value.problems[0].line == 3


def test_the_folder_is_gone_afterwards_and_only_what_is_meant_is_taken_over() -> None:
    given = Settings(database_url="postgresql+asyncpg://db.test/hub", allow_private=("10.0.0.0/8",))

    with ephemeral(given) as settings:
        assert settings.data_dir.is_dir()
        assert settings.is_embedded
        assert settings.database_url == ""
        assert settings.allow_private == ("10.0.0.0/8",)

    assert not settings.data_dir.exists()
