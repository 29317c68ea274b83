"""JavaScript by QuickJS: a context of its own for every run, which knows the language and nothing of the machine."""

import json
import re
import time
from pathlib import Path
from typing import Any, Final

import quickjs

from engine.workers.console import CUT, Console
from engine.workers.protocol import Ending, Ran, Run
from engine.workers.results import checked

HARNESS: Final = Path(__file__).with_name("harness.js").read_text(encoding="utf-8")
STACK_BYTES: Final = 512 * 1024
TO_READ: Final = 16 * 1024 * 1024
"""What may be used beyond the limit to take out what a run that reached it has written."""
ABOVE_SOURCE: Final = 2
"""Lines that the language puts above the body of a function made from a text."""

_PLACE = re.compile(r"<input>:(\d+)")


class JavaScript:
    """Runs sources one after the other, in one process."""

    def run(self, run: Run) -> Ran:
        """Run a source; whatever it does, this returns."""
        return _Execution(run).result()


class _Execution:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._context: Any = quickjs.Context()
        self._context.set_max_stack_size(STACK_BYTES)
        harness = self._context.eval(HARNESS)
        names = self._context.parse_json(json.dumps(run.names))
        self._context.set("parts", harness(names, run.source, run.console))
        taken = [self._context.eval(f"parts[{index}]") for index in range(6)]
        self._begin, self._state, self._value, self._stack, self._lines, self._cut = taken
        self._context.eval("delete globalThis.parts")

    def result(self) -> Ran:
        limit = self._run.memory
        self._context.set_memory_limit(limit + self._context.memory()["malloc_size"])
        error = self._drive()
        self._context.set_time_limit(1)
        self._context.set_memory_limit(limit + TO_READ)
        try:
            return self._told(error)
        except quickjs.JSException:
            return Ran(ending=Ending.MEMORY)

    def _drive(self) -> str | None:
        """Run until nothing is left to do; return what broke it off."""
        until = time.monotonic() + self._run.time
        self._context.set_time_limit(self._run.time)
        try:
            self._begin()
            while self._context.execute_pending_job():
                left = until - time.monotonic()
                if left <= 0:
                    return "interrupted"
                self._context.set_time_limit(left)
        except quickjs.JSException as exc:
            return str(exc)
        return None

    def _told(self, error: str | None) -> Ran:
        log = self._log()
        state, value = self._state(), self._value()
        if error is not None and "interrupted" in error.partition("\n")[0]:
            return Ran(ending=Ending.TIME, log=log)
        if error is not None:
            return Ran(ending=_ending(error), message=_placed(error.partition("\n")[0], error), log=log)
        if state == "returned":
            return checked(value, self._run.output, log)
        if state == "thrown":
            return Ran(ending=_ending(value), message=_placed(value, self._stack()), log=log)
        return Ran(ending=Ending.THROWN, message="the code awaits something that never comes", log=log)

    def _log(self) -> tuple[str, ...]:
        console = Console(self._run.console)
        for line in json.loads(self._lines()):
            console.write(f"{line}\n")
        lines = console.lines()
        return (*lines, CUT) if self._cut() and CUT not in lines else lines


def _ending(error: str) -> Ending:
    return Ending.MEMORY if error.startswith("InternalError: out of memory") else Ending.THROWN


def _placed(message: str, stack: str) -> str:
    """Put the line of the source before a message, if the stack names one."""
    for number in (int(found) for found in _PLACE.findall(stack)):
        if number > ABOVE_SOURCE:
            return f"line {number - ABOVE_SOURCE}: {message}"
    return message
