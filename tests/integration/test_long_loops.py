"""A list of 100,000 items: every iteration runs, commits stay small, and nothing piles up."""

import json

from engine.definition import parse_definition
from engine.graph import compile_graph
from engine.model.base import VersionId
from engine.model.execution import Status
from tests.unit.engine.test_drive import Bench

TEXT = """
name: long
nodes:
  each:
    type: loop
    over: "{{ trigger.data }}"
    body: {nodes: {half: {type: transform, value: "{{ item.n // 2 }}"}}}
  count: {type: transform, value: "{{ steps.each | length }}"}
edges: [each -> count]
"""
MANY = 100_000


async def test_a_list_of_100_000_items_runs_in_commits_of_bounded_size() -> None:
    bench = Bench(largest_output_bytes=4 * 1024 * 1024)
    graph = compile_graph(parse_definition(TEXT)[0], VersionId("v"))

    end = await bench.run(graph, data=[{"n": number} for number in range(MANY)])

    sizes = [len(record.steps) for record in bench.recorder.records]
    assert (end.status, end.output) == (Status.SUCCEEDED, MANY)
    assert sum(sizes) == MANY + 3, "each iteration, the opening, the loop and what follows"
    assert max(sizes) <= 1100
    results = next(step.output for step in end.steps if step.path == "each")
    assert results == [number // 2 for number in range(MANY)]
    assert len(json.dumps(results)) < 1_000_000
