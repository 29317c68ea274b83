"""Approvals: when answers are enough, whom a template names, and what the node waits for."""

from datetime import UTC, datetime

import pytest

from engine.errors import InvalidInput
from engine.model.approval import Answer, Decision, Question, read_question, verdict
from engine.nodes.approval import assignees_of

AT = datetime(2026, 3, 1, tzinfo=UTC)


def question(needed: int, *, first: bool = True) -> Question:
    return Question(
        id="q", node="ask", title="?", message="", assignees=("a", "b", "c"), needed=needed, rejected_by_first=first
    )


def answers(text: str) -> list[Answer]:
    """``+`` approves, ``-`` rejects."""
    words = {"+": Decision.APPROVED, "-": Decision.REJECTED}
    return [
        Answer(assignee=str(number), decision=words[each], comment="", data=None, by="", at=AT)
        for number, each in enumerate(text)
    ]


@pytest.mark.parametrize(
    ("needed", "first", "said", "reached"),
    [
        (1, True, "", None),
        (1, True, "+", Decision.APPROVED),
        (1, True, "-", Decision.REJECTED),
        (3, True, "++", None),
        (3, True, "+++", Decision.APPROVED),
        (2, True, "+-", Decision.REJECTED),
        (2, False, "+-", None),
        (2, False, "-+-", Decision.REJECTED),
        (2, False, "-++", Decision.APPROVED),
        (1, False, "--", None),
        (1, False, "---", Decision.REJECTED),
    ],
)
def test_answers_are_enough_when_so_many_approved_or_not_enough_can(
    needed: int, said: str, reached: Decision | None, *, first: bool
) -> None:
    assert verdict(question(needed, first=first), answers(said)) is reached


def test_a_question_survives_being_stored() -> None:
    asked = Question(
        id="q",
        node="ask",
        title="t",
        message="m",
        assignees=("a",),
        needed=1,
        form={"type": "object"},
        order=("x",),
        due_at=AT,
    )

    assert read_question("q", asked.as_json()) == asked


def test_people_are_named_by_a_list_or_a_text_and_once() -> None:
    assert assignees_of([" ann ", "bob", "ann"]) == ("ann", "bob")
    assert assignees_of("ann") == ("ann",)


@pytest.mark.parametrize("value", [None, [], "", ["ann", 3], [{"a": 1}], ["p" + str(n) for n in range(101)]])
def test_nobody_too_many_and_what_is_no_name_are_refused(value: object) -> None:
    with pytest.raises(InvalidInput, match="assignees must be 1 to 100 texts"):
        assignees_of(value)
