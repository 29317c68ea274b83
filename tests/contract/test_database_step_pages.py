"""What every database must do when people look at a part of a long history."""

from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.model.base import ExecutionId, Json, new_id
from engine.model.execution import Failure, Status, StepRecord, StepStatus
from engine.repositories import PartCounts, StepFilter
from tests.contract.database_kits import Sample, claim, record, save, step
from tests.fakes import START

pytestmark = pytest.mark.contract

FAILURE = Failure(code="x", message="no")


def opening(path: str, output: Json) -> StepRecord:
    return step(path, node="orders", attempt=0, status=StepStatus.RUNNING, finished_at=None, ports=(), output=output)


def broken(path: str) -> StepRecord:
    return step(path, status=StepStatus.FAILED, ports=(), error=FAILURE)


def waiting(path: str, attempt: int = 1) -> StepRecord:
    return step(path, attempt=attempt, status=StepStatus.RETRYING, ports=(), due_at=START + timedelta(hours=1))


async def stored(database: SqlDatabase, sample: Sample, *steps: StepRecord) -> ExecutionId:
    """An execution with these steps, and another one beside it with the same."""
    for _ in range(2):
        claimed = await claim(database, await sample.start(database))
        await save(database, [record(claimed[0], Status.RUNNING, steps=steps)])
    return claimed[0].id


async def read(
    database: SqlDatabase, id: ExecutionId, *, limit: int = 100, budget: int = 0, **where: Json
) -> list[tuple[str, int]]:
    async with database.read() as work:
        found = await work.executions.some_steps(id, StepFilter(**where), limit=limit, budget=budget)
    return [(one.path, one.attempt) for one in found]


PATHS = ("a", "orders", "orders#2", "orders#2[0].x", "orders.undo", "orders2", "orders2[0].x", "orders[0].x")
NESTED = ("orders[1].lines", "orders[10].x", "orders[1].lines[0].y", "orders_", "z")


async def test_what_is_inside_a_step_is_read_and_nothing_beside_it(database: SqlDatabase, sample: Sample) -> None:
    id = await stored(database, sample, *(step(path) for path in (*PATHS, *NESTED)))

    inside = await read(database, id, within="orders")
    iteration = await read(database, id, within="orders[1]")

    assert [path for path, _ in inside] == [
        "orders",
        "orders.undo",
        "orders[0].x",
        "orders[10].x",
        "orders[1].lines",
        "orders[1].lines[0].y",
    ]
    assert [path for path, _ in iteration] == ["orders[1].lines", "orders[1].lines[0].y"]
    assert [path for path, _ in await read(database, id, path="orders")] == ["orders"]


async def test_the_outermost_steps_are_read_alone(database: SqlDatabase, sample: Sample) -> None:
    id = await stored(database, sample, *(step(path) for path in (*PATHS, *NESTED, "finally.tidy")))

    assert [path for path, _ in await read(database, id, outermost=True)] == [
        "a",
        "orders",
        "orders#2",
        "orders2",
        "orders_",
        "z",
    ]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
async def test_pages_follow_one_another_without_gap_or_overlap(
    database: SqlDatabase, sample: Sample, size: int
) -> None:
    attempts = [step("orders[0].x", attempt=number) for number in (1, 2, 3)]
    id = await stored(database, sample, *(step(path) for path in (*PATHS[:-1], *NESTED)), *attempts)
    for within in (None, "orders"):
        whole = await read(database, id, within=within)

        paged: list[tuple[str, int]] = []
        while part := await read(database, id, within=within, limit=size, after=paged[-1] if paged else None):
            paged += part

        assert paged == whole
        assert len(set(whole)) == len(whole)


async def test_steps_are_chosen_by_how_they_stand(database: SqlDatabase, sample: Sample) -> None:
    id = await stored(database, sample, step("a[0].x"), broken("a[1].x"), waiting("a[2].x"))

    chosen = await read(database, id, within="a", statuses=frozenset({StepStatus.FAILED, StepStatus.RETRYING}))

    assert [path for path, _ in chosen] == ["a[1].x", "a[2].x"]


async def test_an_opening_is_left_out_once_more_is_recorded(database: SqlDatabase, sample: Sample) -> None:
    id = await stored(database, sample, opening("a", {}), step("a"), opening("b", {"times": 2}))

    assert await read(database, id) == [("a", 1), ("b", 0)]
    assert await read(database, id, superseded=True) == [("a", 0), ("a", 1), ("b", 0)]


async def test_large_values_are_loaded_as_far_as_the_budget_reaches(database: SqlDatabase, sample: Sample) -> None:
    big = {"text": "x" * 70_000}
    list_of = {"over": ["y" * 70_000]}
    more = {"text": "z" * 70_000}
    id = await stored(database, sample, opening("a", list_of), step("b", output=big), step("c", output=more))

    async with database.read() as work:
        seen = {
            budget: [one.output for one in await work.executions.some_steps(id, StepFilter(), limit=9, budget=budget)]
            for budget in (0, 150_000, 1_000_000)
        }

    marker = {"$large_value": {"bytes": 70_011}}
    assert seen[0] == [list_of, marker, marker]
    assert seen[150_000] == [list_of, big, marker]
    assert seen[1_000_000] == [list_of, big, more]


async def test_iterations_are_counted_by_what_their_steps_say(database: SqlDatabase, sample: Sample) -> None:
    id = await stored(
        database,
        sample,
        opening("a", {"times": 20}),
        step("a[0].x"),
        step("a[0].y"),
        broken("a[1].x"),
        waiting("a[2].x"),
        waiting("a[3].x"),
        step("a[3].x", attempt=2),
        step("a[10].x", status=StepStatus.FAILED, ports=("error",), error=FAILURE),
        broken("a[11].inner[0].x"),
        step("a[11].inner"),
        opening("a[12].inner", {"times": 2}),
        step("a#2[0].x"),
    )

    async with database.read() as work:
        counts = await work.executions.part_counts(id, "a", numbered=True)

    assert counts == PartCounts(begun=7, open=2, failed=1)


async def test_branches_are_counted_by_what_their_steps_say(database: SqlDatabase, sample: Sample) -> None:
    steps = [step("a.left.x"), step("a.left.y"), broken("a.right.x"), waiting("a.middle.loop[0].x")]
    id = await stored(database, sample, opening("a", {}), *steps)

    async with database.read() as work:
        counts = await work.executions.part_counts(id, "a", numbered=False)
        total = await work.executions.step_count(id)

    assert counts == PartCounts(begun=3, open=1, failed=1)
    assert total == 5


async def test_an_unknown_execution_has_no_steps(database: SqlDatabase) -> None:
    for id in (new_id(), "x"):
        assert await read(database, ExecutionId(id)) == []
        async with database.read() as work:
            assert await work.executions.step_count(ExecutionId(id)) == 0
            none = await work.executions.part_counts(ExecutionId(id), "a", numbered=True)
        assert none == PartCounts(begun=0, open=0, failed=0)
