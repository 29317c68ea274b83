"""A very wide loop stays bounded: in its calls under way, in what waits for a commit, and in what is kept of it."""

import asyncio
from dataclasses import dataclass, field

import pytest

from engine.drive import LARGEST_JOURNAL
from engine.graph import Graph
from engine.model.base import Json
from engine.model.execution import Status
from engine.model.node import LoopSpec, Node, NodeKind
from engine.nodes.base import Attempt
from tests.unit.engine.flows import graph, node
from tests.unit.engine.test_bodies import body
from tests.unit.engine.test_drive import Bench, call, transform

WIDE = 1000


@dataclass
class Counted:
    """A call that takes a few turns, and how many of them were under way at once."""

    turns: int = 3
    now: int = 0
    most: int = 0
    made: list[int] = field(default_factory=list)

    async def __call__(self, attempt: Attempt) -> Json:
        self.now += 1
        self.most = max(self.most, self.now)
        index = int(attempt.scope["index"])
        for _ in range(self.turns + index % 7):
            await asyncio.sleep(0)
        self.now -= 1
        self.made.append(index)
        return index


def wide_loop(inner: Node, *, concurrency: int = WIDE) -> Graph:
    spec = LoopSpec(body=body(inner), over="{{ trigger.data }}", concurrency=concurrency)
    return graph(node("all", NodeKind.LOOP, spec=spec))


@pytest.fixture
def bench() -> Bench:
    return Bench(largest_output_bytes=1_000_000)


async def test_a_wide_loop_of_calls_has_no_more_under_way_than_it_says(bench: Bench) -> None:
    counted = Counted()

    end = await bench.run(wide_loop(call("work")), {"work": counted}, data=list(range(3000)))

    assert end.status is Status.SUCCEEDED
    assert end.output == list(range(3000))
    assert counted.most == WIDE
    assert sorted(counted.made) == list(range(3000))


async def test_what_waits_for_a_commit_is_bounded_by_the_width_of_the_loop(bench: Bench) -> None:
    await bench.run(wide_loop(call("work")), {"work": Counted()}, data=list(range(3000)))

    sizes = [len(record.steps) for record in bench.recorder.records]
    assert max(sizes) <= WIDE + 1
    assert sum(sizes) >= 3000 + 2


@pytest.mark.parametrize("concurrency", [1, 40, WIDE])
async def test_a_long_loop_of_pure_nodes_commits_now_and_then(bench: Bench, concurrency: int) -> None:
    flow = wide_loop(transform("work", "{{ item }}"), concurrency=concurrency)

    end = await bench.run(flow, data=list(range(5000)))

    sizes = [len(record.steps) for record in bench.recorder.records]
    assert end.status is Status.SUCCEEDED
    assert max(sizes) <= LARGEST_JOURNAL + concurrency
    assert len(sizes) >= 5000 // (LARGEST_JOURNAL + concurrency)


async def test_a_wide_loop_in_a_wide_loop_commits_as_often(bench: Bench) -> None:
    inner = LoopSpec(body=body(transform("work", "{{ index }}")), times=20, concurrency=WIDE)
    flow = wide_loop(node("inner", NodeKind.LOOP, spec=inner), concurrency=100)

    end = await bench.run(flow, data=list(range(300)))

    sizes = [len(record.steps) for record in bench.recorder.records]
    assert end.status is Status.SUCCEEDED
    assert max(sizes) <= LARGEST_JOURNAL + 100 * 20
    assert len(sizes) >= 2
