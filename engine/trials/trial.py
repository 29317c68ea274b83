"""One trial: a version runs in memory on a stored event, and what it did is laid beside what was done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from engine.graph import Graph
from engine.history import history
from engine.model.execution import StepRecord
from engine.model.workflow import Definition
from engine.trials.answers import AnswerHandler, Answers, SeenCall
from engine.trials.comparison import StepComparison, Told, compare_steps
from engine.trials.fate import cautions, why_not_started
from engine.trials.places import nodes_by_place
from engine.trials.recomputing import recompute_calls
from engine.trials.recording import Occasion, Recording
from engine.trials.run import Stage, TrialRun, TrialStatus, mapped_data, run_trial


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """The version or the text that is tried."""

    definition: Definition
    graph: Graph


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a candidate would have done with a stored event, and how that differs from what was done."""

    recording: Recording
    run: TrialRun
    steps: Sequence[StepComparison]
    cautions: Sequence[str]


async def tried(candidate: Candidate, recording: Recording, occasion: Occasion, stage: Stage) -> Trial:
    """Run a candidate and compare. Bounded by the stage's clock and by the limits of ``engine.trials.run``."""
    done = _done(recording, occasion, stage)
    why = why_not_started(candidate.definition, occasion)
    if why:
        run = TrialRun(status=TrialStatus.NOT_STARTED, reason=why)
    else:
        given = stage.handler.answers.given
        moved = _moved(candidate, recording, occasion, stage)
        playing = replace(stage, handler=AnswerHandler(Answers(done, given, moved=moved)))
        run = await run_trial(candidate.graph, occasion, playing)
    calls = run.calls or {}
    nows = {call.path: call.now for call in calls.values()}
    made: Mapping[tuple[str, int], SeenCall] = {}
    if recording.graph is not None:
        made = recompute_calls(recording.graph, occasion, recording.records, stage=stage, nows=nows)
    before = Told(graph=recording.graph, steps=done, calls=made)
    after = Told(graph=candidate.graph, steps=run.steps, calls=calls)
    return Trial(
        recording=recording,
        run=run,
        steps=compare_steps(before, after),
        cautions=cautions(candidate.definition, occasion),
    )


def _moved(candidate: Candidate, recording: Recording, occasion: Occasion, stage: Stage) -> Sequence[SeenCall]:
    """The stored calls of nodes that the candidate has not, in the order in which they began."""
    places = nodes_by_place(candidate.graph)
    gone = {record.path for record in recording.records if record.node not in places}
    if recording.graph is None or not gone:
        return ()
    made = recompute_calls(recording.graph, occasion, recording.records, stage=stage, nows={})
    return [call for call in made.values() if call.path in gone]


def _done(recording: Recording, occasion: Occasion, stage: Stage) -> Sequence[StepRecord]:
    """The stored steps, completed with what nodes passed on unchanged."""
    if recording.graph is None:
        return recording.records
    data = mapped_data(recording.graph, occasion, stage)
    return history(recording.graph, occasion.trigger_key, data, recording.records).steps
