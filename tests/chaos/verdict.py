"""The verdict: what in the evidence breaks a promise. Pure, so that its own tests can show that it sees what it should."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.chaos.evidence import Call, Evidence, Run
from tests.chaos.faults import SKEWS, Fault, Kind
from tests.chaos.flow import Flow

MARGIN_SECONDS = 5.0
"""How long before the kill of its executor a call may have begun whose step was not recorded yet.

A call takes up to 0.12 s and its commit a few milliseconds, but everything shares few cores. Where the database was away
in that time, so long before its absence: what could not be recorded waits in the executor's memory.
"""

DATABASE_FAULTS = (Kind.RESTART_DATABASE, Kind.KILL_DATABASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """``problems`` is empty when nothing was lost; ``repeats`` counts the effects that were made again after a kill."""

    problems: Sequence[str]
    repeats: int


def judge(evidence: Evidence, flows: Sequence[Flow]) -> Verdict:
    """Compare the three accounts: the sender's, the database's and the witness'."""
    by_name = {flow.name: flow for flow in flows}
    runs: dict[str, list[Run]] = defaultdict(list)
    for run in evidence.runs:
        runs[run.sender_id].append(run)
    problems = [
        *_fates(evidence, runs),
        *_history(evidence, by_name),
        *_children(evidence, by_name),
        *(f"dead letter: {letter}" for letter in evidence.dead_letters),
        *(f"trigger {key}: the balance is off by {off}" for key, off in evidence.differences.items() if off),
    ]
    by_parent: dict[str, list[str]] = defaultdict(list)
    for child in evidence.children:
        by_parent[child.parent_id].append(child.id)
    repeats = 0
    calls: dict[tuple[str, str], list[Call]] = defaultdict(list)
    for call in sorted(evidence.calls, key=lambda call: call.at):
        calls[call.id, call.path].append(call)
    for accepted in evidence.accepted:
        flow = by_name[accepted.flow]
        own = [run.id for run in runs[accepted.id]]
        started = [each for run in own for each in by_parent[run]]
        expected = [(step, path, own) for step, path in flow.effects.items()]
        expected += [(step, path, started) for step, path in flow.child_effects.items()]
        for step, path, makers in expected:
            made = [call for call in calls.pop((accepted.id, path), []) if call.status == 200]
            repeats += max(len(made) - 1, 0)
            problems += _effects(made, f"{accepted.id} at {path}", evidence.faults)
            keys = {f"{maker}:{step}" for maker in makers}
            problems += [f"{call} has another key than {keys}" for call in made if call.key not in keys]
    problems += [f"nobody sent the event of {made}" for made in calls.values()]
    return Verdict(problems=problems, repeats=repeats)


def _fates(evidence: Evidence, runs: Mapping[str, list[Run]]) -> Iterator[str]:
    """Every accepted event has one execution, which succeeded; and there is no execution besides."""
    known = {accepted.id for accepted in evidence.accepted}
    for event_id in evidence.strays:
        yield f"the event {event_id} was started without its execution"
    for accepted in evidence.accepted:
        of_event = runs.get(accepted.id, [])
        if len(of_event) != 1:
            yield f"{accepted} has {len(of_event)} executions"
            continue
        run = of_event[0]
        if run.status != "succeeded":
            yield f"{accepted} is {run.status}: {run}"
        if accepted.event_id not in (None, run.event_id) or accepted.execution_id not in (None, run.id):
            yield f"{accepted} was answered with other ids than {run}"
    for sender_id in runs.keys() - known:
        yield f"there are executions of {sender_id}, which was never accepted: {runs[sender_id]}"


def _history(evidence: Evidence, flows: Mapping[str, Flow]) -> Iterator[str]:
    """Every step of every execution is recorded as succeeded, once."""
    succeeded: dict[str, Counter[str]] = defaultdict(Counter)
    cancelled: dict[str, set[str]] = defaultdict(set)
    numbers: dict[str, list[int]] = defaultdict(list)
    own = {run.id for run in evidence.runs}
    for step in evidence.steps:
        if step.execution_id not in own:
            continue
        numbers[step.execution_id].append(step.seq)
        if step.status == "succeeded":
            succeeded[step.execution_id][step.path] += 1
        elif step.status == "cancelled":
            cancelled[step.execution_id].add(step.path)
        elif step.status != "retrying" and step.attempt > 0:  # 0: what was inside a loop or parallel node
            yield f"a step was left {step.status}: {step}"
    for run in evidence.runs:
        flow = flows[run.sender_id.rpartition("-")[0]]
        expected = Counter(flow.steps)
        if cancelled[run.id] != flow.cancelled:
            yield f"{run} gave up {sorted(cancelled[run.id])} instead of {sorted(flow.cancelled)}"
        if succeeded[run.id] != expected:
            yield f"{run} recorded {dict(succeeded[run.id])} instead of {sorted(expected)}"
        if len(set(numbers[run.id])) != len(numbers[run.id]):
            yield f"{run} recorded steps under one number: {sorted(numbers[run.id])}"


def _children(evidence: Evidence, flows: Mapping[str, Flow]) -> Iterator[str]:
    """Every step that starts others started as many as it should, and all of them succeeded."""
    of_parent = Counter(child.parent_id for child in evidence.children)
    for run in evidence.runs:
        expected = flows[run.sender_id.rpartition("-")[0]].children
        if (number := of_parent.pop(run.id, 0)) != expected:
            yield f"{run} has {number} children instead of {expected}"
    yield from (f"a child is {child.status}: {child}" for child in evidence.children if child.status != "succeeded")
    yield from (f"there are {number} children of {parent}, which there is not" for parent, number in of_parent.items())


def _effects(made: Sequence[Call], what: str, faults: Sequence[Fault]) -> Iterator[str]:
    """An effect happened, and again only because an executor was killed while its step was under way."""
    if not made:
        yield f"{what} never happened"
    if len({call.key for call in made}) > 1:
        yield f"{what} happened under several keys: {made}"
    for earlier, later in pairwise(made):
        if not any(_explains(fault, earlier, later, faults) for fault in faults):
            yield f"{what} happened again without a kill: {earlier.at:.3f}, {later.at:.3f}"


def _explains(fault: Fault, earlier: Call, later: Call, faults: Sequence[Fault]) -> bool:
    """Whether the executor that ``fault`` hit can have made the earlier call and not have recorded it.

    One that was frozen goes on with what it had begun when it thaws, before or after the other owner's call.
    """
    if fault.kind in (Kind.FREEZE_EXECUTOR, *SKEWS):
        return fault.began - MARGIN_SECONDS <= earlier.at <= fault.ended + MARGIN_SECONDS and fault.began <= later.at
    if fault.kind is not Kind.KILL_EXECUTOR or not earlier.at <= fault.began <= later.at:
        return False
    since = fault.began - MARGIN_SECONDS
    for other in faults:
        if other.kind in DATABASE_FAULTS and other.began <= fault.began and other.ended >= since:
            since = min(since, other.began - MARGIN_SECONDS)
    return earlier.at >= since
