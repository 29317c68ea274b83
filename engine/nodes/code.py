"""Code nodes: run a source in a worker process, within its limits."""

import asyncio
import re
from dataclasses import dataclass, replace
from typing import Final, Protocol

import msgspec

from engine.errors import CodeFailed, InvalidInput, LimitExceeded, StepError, StepTimeout
from engine.model.action import Effect
from engine.model.base import JsonObject
from engine.model.node import CodeSpec
from engine.model.outcome import Failed, Outcome, Succeeded
from engine.nodes.base import Attempt, failed
from engine.workers import Ending, Language, Ran, Run
from engine.workers.protocol import LARGEST_REQUEST

NAMES: Final = ("input", "steps", "vars", "trigger")
"""What a source sees."""
_WORD: Final = re.compile(r"\w+")


class Runs(Protocol):
    """Where code runs. Implemented by ``engine.workers.Workers``."""

    async def run(self, run: Run) -> Ran:
        """Run it. Raises WorkerLost."""


@dataclass(frozen=True, slots=True)
class CodeHandler:
    """Runs sources in workers. Repeating a run is harmless: it reaches nothing outside."""

    workers: Runs

    def prepare(self, attempt: Attempt) -> "PreparedCode":
        """Collect what the source sees. Raises InvalidInput, LimitExceeded."""
        spec = attempt.node.node.spec
        assert isinstance(spec, CodeSpec)  # noqa: S101  the definition's kinds and specs go together
        limits = spec.limits
        run = Run(
            language=Language(spec.language),
            source=spec.source,
            names=_names(spec.source, attempt.scope),
            time=limits.time.total_seconds(),
            memory=limits.memory,
            output=limits.output,
            console=limits.console,
        )
        return PreparedCode(self.workers, attempt, spec, run)


@dataclass(frozen=True, slots=True)
class PreparedCode:
    """One run, ready to begin."""

    workers: Runs
    attempt: Attempt
    spec: CodeSpec
    run: Run
    effect: Effect = Effect.PURE

    async def perform(self) -> Outcome:
        """Run the source; waiting for a free worker counts against the node's time limit, not against the source's.

        Raises:
            StepTimeout: No worker was free, or done, within the node's time limit or the execution's.
            WorkerLost: The worker died.
        """
        attempt = self.attempt
        limit = attempt.time_left
        try:
            async with asyncio.timeout(limit.total_seconds()):
                ran = await self.workers.run(self.run)
        except TimeoutError as exc:
            raise StepTimeout(f"no worker ran the code within the node's time limit, {limit}") from exc
        if ran.ending is Ending.RETURNED:
            return Succeeded(output=ran.value, log=ran.log)
        outcome = failed(_error(ran, self.spec), step=attempt.visit.path)
        return replace(outcome, log=ran.log) if isinstance(outcome, Failed) else outcome


def _names(source: str, scope: JsonObject) -> JsonObject:
    """What the source sees; a name that it never writes is there and empty, which spares sending all steps' outputs."""
    words = set(_WORD.findall(source))
    names = {name: scope[name] if name in words else None for name in NAMES}
    try:
        size = len(msgspec.json.encode(names))
    except (TypeError, RecursionError) as exc:
        raise InvalidInput(f"the code cannot be given its input: {exc}") from exc
    if size > LARGEST_REQUEST:
        raise LimitExceeded(f"the code is given {size} bytes as JSON; the limit is {LARGEST_REQUEST}")
    return names


def _error(ran: Ran, spec: CodeSpec) -> StepError:
    limits = spec.limits
    match ran.ending:
        case Ending.TIME:
            return StepTimeout(f"the code ran longer than limits.time, {limits.time.total_seconds():g} s")
        case Ending.MEMORY:
            return LimitExceeded(f"the code needed more than limits.memory, {limits.memory} bytes")
        case Ending.OUTPUT:
            return LimitExceeded(f"{ran.message}; limits.output allows {limits.output}")
        case _:
            return CodeFailed(ran.message or "the code failed and did not say why")
