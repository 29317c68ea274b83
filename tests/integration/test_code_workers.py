"""Sources in real worker processes: results, console, errors, and everything that must not get out or go on."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import WorkerLost
from engine.workers import Ending, Language, Ran, Run, Workers
from engine.workers.console import CUT
from engine.workers.pool import RUNS_PER_WORKER

JS, PY = Language.JAVASCRIPT, Language.PYTHON
MIB = 1024 * 1024
INPUT = {"a": 1, "list": [1, 2.5, None, True, "é"]}
ENDLESS = {JS: "while (true) {}", PY: "while True: pass"}
both = pytest.mark.parametrize("language", [JS, PY])


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    async with Workers(2, grace=1) as started:
        yield started


def a_run(language: Language, source: str, **changes: Any) -> Run:
    bounds = {"time": 2.0, "memory": 64 * MIB, "output": MIB, "console": 64 * 1024}
    names = {"input": INPUT, "steps": {}, "vars": {}, "trigger": {}}
    return Run(language=language, source=source, names=names, **(bounds | changes))


async def ran(workers: Workers, language: Language, source: str, **changes: Any) -> Ran:
    return await workers.run(a_run(language, source, **changes))


RESULTS = [
    (JS, "return input", INPUT),
    (JS, "return await Promise.resolve(input.a + 1)", 2),
    (JS, "return undefined", None),
    (JS, "const x = 1", None),
    (JS, "return [new Date(0), NaN, 'a\\0b']", ["1970-01-01T00:00:00.000Z", None, "a\0b"]),
    (PY, "input", INPUT),
    (PY, "return input['a'] + 1", 2),
    (PY, "x = 1", None),
    (PY, "import json, re, math\n(json.loads('[1]'), re.sub('a', 'b', 'a'), math.floor(1.5))", [[1], "b", 1]),
]


@pytest.mark.parametrize(("language", "source", "value"), RESULTS)
async def test_a_source_gives_a_json_value(workers: Workers, language: Language, source: str, value: Any) -> None:
    assert await ran(workers, language, source) == Ran(ending=Ending.RETURNED, value=value)


async def test_console_output_is_kept_in_lines(workers: Workers) -> None:
    script = await ran(workers, JS, "console.log('a', {b: 1}, null); console.error(new Error('no')); return 1")
    program = await ran(workers, PY, "print('a', {'b': 1}, None)\nprint('c\\nd', end='')\n1")

    assert script.log == ('a {"b":1} null', "Error: no")
    assert program.log == ("a {'b': 1} None", "c", "d")


@pytest.mark.parametrize(
    ("language", "source"),
    [(JS, "for (let i = 0; i < 1e4; i++) console.log('x'.repeat(99))"), (PY, "for i in range(10000): print('x' * 99)")],
)
async def test_too_much_console_output_is_cut(workers: Workers, language: Language, source: str) -> None:
    given = await ran(workers, language, source, console=1000)

    assert given.ending is Ending.RETURNED
    assert len("\n".join(given.log[:-1])) <= 1000
    assert given.log[-1] == CUT


@pytest.mark.parametrize(
    ("language", "source", "message"),
    [
        (JS, "let x;\n\nreturn x.foo;", "line 3: TypeError: cannot read property 'foo' of undefined"),
        (JS, "let a = 1;\nlet b = ;", "line 2: SyntaxError"),
        (JS, "const f = () => {\n  throw new RangeError('far');\n};\nf();", "line 2: RangeError: far"),
        (JS, "throw {a: 1}", 'thrown: {"a":1}'),
        (JS, "function f() { return f() + 1 }\nreturn f()", "line 1: RangeError: Maximum call stack"),
        (JS, "await new Promise(() => {})", "awaits something that never comes"),
        (JS, "return 10n", "BigInt"),
        (JS, "const a = {}; a.a = a; return a", "circular"),
        (PY, "x = 1\n\ny = None\ny.foo", "line 4: AttributeError: 'NoneType'"),
        (PY, "x = (", "SyntaxError"),
        (PY, "def f():\n  return f() + 1\nf()", "RecursionError"),
        (PY, "raise TimeoutError('mine')", "line 1: TimeoutError: mine"),
        (PY, "{1, 2}", "the result is no JSON: it holds a set"),
        (PY, "{1: 2}", "keys that are not texts"),
    ],
)
async def test_an_error_says_what_and_in_which_line(
    workers: Workers, language: Language, source: str, message: str
) -> None:
    failed = await ran(workers, language, source)

    assert failed.ending is Ending.THROWN
    assert message in failed.message


@pytest.mark.parametrize(
    ("language", "source", "ending"),
    [
        (JS, ENDLESS[JS], Ending.TIME),
        (JS, "try { while (true) {} } catch { while (true) {} } finally { while (true) {} }", Ending.TIME),
        (JS, "await 1; while (true) {}", Ending.TIME),
        (JS, "return /(a+)+$/.test('a'.repeat(60) + 'b')", Ending.TIME),
        (JS, "console.log('x'); while (true) console.log('x')", Ending.TIME),
        (JS, "const all = []; while (true) all.push('x'.repeat(1e6) + all.length)", Ending.MEMORY),
        (JS, "return new Array(1e9).fill(1)", Ending.MEMORY),
        (JS, "return 'x'.repeat(3e6)", Ending.OUTPUT),
        (PY, ENDLESS[PY], Ending.TIME),
        (PY, "try:\n  while True: pass\nexcept BaseException:\n  while True: pass", Ending.TIME),
        (PY, "import time\ntime.sleep(100)", Ending.TIME),
        (PY, "while True: print('x')", Ending.TIME),
        (PY, "all = []\nwhile True: all.append('x' * 1000000)", Ending.MEMORY),
        (PY, "9 ** 9 ** 9", Ending.MEMORY),
        (PY, "[1] * 10 ** 10", Ending.MEMORY),
        (PY, "'x' * 3000000", Ending.OUTPUT),
    ],
)
async def test_a_bomb_ends_at_its_limit_and_the_next_run_succeeds(
    workers: Workers, language: Language, source: str, ending: Ending
) -> None:
    bomb = await ran(workers, language, source, time=0.3 if ending is Ending.TIME else 9)

    after = await ran(workers, language, "return 5")
    assert (bomb.ending, after.value) == (ending, 5)


@pytest.mark.parametrize(
    ("language", "source"),
    [
        (JS, "return require('fs')"),
        (JS, "return await import('os')"),
        (JS, "return await import('std')"),
        (JS, "return process.env"),
        (JS, "return await fetch('http://127.0.0.1')"),
        (JS, "return new XMLHttpRequest()"),
        (JS, "return new Worker('x')"),
        (JS, "return std.open('/etc/passwd', 'r')"),
        (PY, "import os\nos.environ['PATH']"),
        (PY, "import os\nos.listdir('/')"),
        (PY, "import os\nos.system('true')"),
        (PY, "import socket"),
        (PY, "import subprocess"),
        (PY, "import urllib.request"),
        (PY, "open('/etc/passwd').read()"),
        (PY, "open('/tmp/made-by-code', 'w').write('x')"),
        (PY, "from pathlib import Path\nPath('/etc/passwd').read_text()"),
        (PY, "__import__('os')"),
        (PY, "().__class__.__base__.__subclasses__()"),
    ],
)
async def test_code_reaches_nothing_outside(workers: Workers, language: Language, source: str) -> None:
    assert (await ran(workers, language, source)).ending is Ending.THROWN


@both
async def test_nothing_stays_from_one_run_to_the_next(workers: Workers, language: Language) -> None:
    leave = {JS: "globalThis.left = 1; Array.prototype.map = null", PY: "left = 1"}[language]
    look = {JS: "return [typeof left, [1].map(x => x)]", PY: "left"}[language]

    await ran(workers, language, leave)
    found = await ran(workers, language, look)

    if language is JS:
        assert found.value == ["undefined", [1]]
    else:
        assert "NameError" in found.message


@both
async def test_a_worker_that_is_killed_fails_its_run_and_no_other(workers: Workers, language: Language) -> None:
    await ran(workers, language, "return 1")
    [pid] = workers.pids
    async with asyncio.TaskGroup() as group:
        doomed = group.create_task(caught(workers, a_run(language, ENDLESS[language], time=9)))
        other = group.create_task(ran(workers, JS, "return 2"))
        await other
        os.kill(pid, signal.SIGKILL)

    assert isinstance(doomed.result(), WorkerLost)
    assert other.result().value == 2
    assert (await ran(workers, language, "return 3")).value == 3
    assert pid not in workers.pids


async def caught(workers: Workers, run: Run) -> Ran | WorkerLost:
    try:
        return await workers.run(run)
    except WorkerLost as exc:
        return exc


async def test_a_result_too_large_to_take_over_costs_no_more_than_the_worker(workers: Workers) -> None:
    bomb = await caught(workers, a_run(PY, "a = [0]\nfor _ in range(20): a = [a, a, a]\na", time=1))

    assert isinstance(bomb, WorkerLost) or bomb.ending is Ending.TIME
    assert (await ran(workers, PY, "2")).value == 2


@both
async def test_a_stopped_worker_is_killed_when_its_time_is_over(language: Language) -> None:
    async with Workers(1, grace=0.1) as workers:
        await ran(workers, language, "return 1")
        [pid] = workers.pids
        os.kill(pid, signal.SIGSTOP)

        assert (await ran(workers, language, "return 2", time=0.1)).ending is Ending.TIME
        assert not exists(pid)
        assert (await ran(workers, language, "return 3")).value == 3


@both
async def test_cancelling_kills_the_worker_and_frees_its_place(language: Language) -> None:
    async with Workers(1) as workers:
        await ran(workers, language, "return 1")
        [pid] = workers.pids
        endless = asyncio.create_task(ran(workers, language, ENDLESS[language], time=10))
        await asyncio.sleep(0.01)
        endless.cancel()
        with pytest.raises(asyncio.CancelledError):
            await endless

        assert not exists(pid)
        assert (await ran(workers, language, "return 2")).value == 2


async def test_there_are_never_more_processes_than_places() -> None:
    async with Workers(2) as workers:
        seen = 0
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(ran(workers, [JS, PY][n % 2], f"return {n}")) for n in range(20)]
            while not all(task.done() for task in tasks):
                seen = max(seen, len(workers.pids))
                await asyncio.sleep(0.001)

        assert [task.result().value for task in tasks] == list(range(20))
        assert 1 <= seen <= 2


async def test_a_worker_is_replaced_after_enough_runs() -> None:
    async with Workers(1) as workers:
        await ran(workers, JS, "return 0")
        [first] = workers.pids
        for _ in range(RUNS_PER_WORKER):
            await ran(workers, JS, "return 0")

        assert first not in workers.pids
        assert not exists(first)


async def test_no_worker_runs_before_the_first_source_and_none_after_the_end() -> None:
    async with Workers(2) as workers:
        assert workers.pids == []
        await asyncio.gather(ran(workers, JS, "return 1"), ran(workers, PY, "1"))
        pids = list(workers.pids)

    assert len(pids) == 2
    assert not any(exists(pid) for pid in pids)


async def test_the_event_loop_goes_on_while_code_runs(workers: Workers) -> None:
    await asyncio.gather(ran(workers, JS, "return 1"), ran(workers, PY, "1"))
    endless = [asyncio.create_task(ran(workers, each, ENDLESS[each], time=0.3)) for each in (JS, PY)]
    ticks = 0
    while not all(task.done() for task in endless):
        await asyncio.sleep(0.001)
        ticks += 1

    assert [task.result().ending for task in endless] == [Ending.TIME, Ending.TIME]
    assert ticks > 30


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@both
async def test_a_worker_inherits_nothing_and_is_bounded(
    workers: Workers, language: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATCHBAY_ENCRYPTION_KEY", "a secret")
    await ran(workers, language, "return 1")
    [pid] = workers.pids
    process = Path(f"/proc/{pid}")

    assert b"a secret" not in (process / "environ").read_bytes()
    limits = {line[:25].strip(): line[25:].split()[0] for line in (process / "limits").read_text().splitlines()[1:]}
    assert (limits["Max file size"], limits["Max processes"], limits["Max core file size"]) == ("0", "0", "0")
    assert limits["Max address space"] == str(1024 * MIB)
    assert (process / "cwd").readlink() == Path("/")


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
