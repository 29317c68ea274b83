"""Python by Monty: an interpreter of its own, in a process below this one, that knows no files, network or modules."""

from typing import Any, Final

import msgspec
from pydantic_monty import Frame, Monty, MontyCrashedError, MontyError, ResourceLimits

from engine.workers.console import Console
from engine.workers.protocol import Ending, Language, Ran, Run
from engine.workers.results import checked

PLAIN: Final = (str, int, float, bool, type(None))
DEEPEST: Final = 200
WARM_UP: Final = Run(
    language=Language.PYTHON, source="0", names={}, time=5, memory=16 * 1024 * 1024, output=100, console=100
)
"""Starts everything that a run needs, while the process may still start something."""


class Python:
    """Runs sources one after the other. Raises MontyCrashedError where the interpreter died, which ends the worker."""

    def __init__(self) -> None:
        self._pool = Monty(min_processes=1, max_processes=1)
        self._pool.__enter__()
        self.run(WARM_UP)

    def run(self, run: Run) -> Ran:
        """Run a source, and return what its last line, or ``return``, gave."""
        console = Console(run.console)
        limits = ResourceLimits(max_feed_duration_secs=run.time, max_total_sleep_secs=run.time, max_memory=run.memory)
        try:
            with self._pool.checkout(limits=limits) as session:
                value = session.feed_run(
                    run.source, inputs=run.names, print_callback=lambda _, text: console.write(text)
                )
                return checked(msgspec.json.encode(_plain(value, DEEPEST)), run.output, console.lines())
        except MontyCrashedError:
            raise
        except MontyError as exc:
            return _failed(exc, console.lines())
        except (TypeError, ValueError, OverflowError) as exc:
            return Ran(ending=Ending.THROWN, message=str(exc)[:500], log=console.lines())


def _plain(value: Any, depth: int) -> Any:
    """Return the value if it is JSON, tuples as lists. Raises TypeError: it is not."""
    if not depth:
        raise TypeError(f"the result is nested more than {DEEPEST} deep")
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, list | tuple):
        return [_plain(part, depth - 1) for part in value]
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _plain(part, depth - 1) for key, part in value.items()}
    kind = "mapping with keys that are not texts" if isinstance(value, dict) else type(value).__name__
    raise TypeError(f"the result is no JSON: it holds a {kind}")


def _failed(error: MontyError, log: tuple[str, ...]) -> Ran:
    text = str(error)
    if text.startswith(("TimeoutError: feed time limit", "TimeoutError: sleep limit")):
        return Ran(ending=Ending.TIME, log=log)
    if text.startswith("MemoryError: memory limit"):
        return Ran(ending=Ending.MEMORY, log=log)
    frames: list[Frame] = getattr(error, "traceback", list)()
    line = f"line {frames[-1].line}: " if frames else ""
    kind = "" if ": " in text.split("\n", 1)[0] else f"{type(error.exception()).__name__}: "
    return Ran(ending=Ending.THROWN, message=f"{line}{kind}{text}"[:2000], log=log)
