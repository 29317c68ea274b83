"""A process whose work is done ends, whatever is left in its event loop."""

import asyncio
import subprocess
import sys
from datetime import timedelta

import pytest

from gateway.strays import to_its_end
from tests.processes import ROOT, environment

PROGRAM = """
import asyncio
from datetime import timedelta
from gateway.strays import to_its_end

async def stubborn():
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            pass

async def work():
    global task
    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    print("done")
    {end}

asyncio.run(to_its_end(work(), patience=timedelta(milliseconds=10)))
"""


@pytest.mark.parametrize(("end", "code"), [("return", 0), ("raise LookupError('gone')", 1)])
def test_a_task_that_does_not_end_keeps_no_process_alive(end: str, code: int) -> None:
    program = [sys.executable, "-c", PROGRAM.format(end=end)]

    done = subprocess.run(program, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=30, check=False)

    assert (done.returncode, done.stdout) == (code, "done\n")
    assert "the process ends although tasks are left" in done.stderr
    assert ("LookupError: gone" in done.stderr) == bool(code)


async def test_what_the_work_raises_comes_out_where_nothing_is_left() -> None:
    async def work() -> None:
        raise LookupError

    async def alone() -> None:
        await to_its_end(work(), patience=timedelta(0))

    with pytest.raises(LookupError):
        await asyncio.to_thread(asyncio.run, alone())
