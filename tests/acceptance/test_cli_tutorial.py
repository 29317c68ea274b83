"""The tutorial is true: its files are written, its commands are run, and its outputs are found in theirs."""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.processes import PROGRAM, ROOT, environment, running

pytestmark = pytest.mark.acceptance

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text()
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LOOK = "patchbay executions list"
AGAIN = 50
"""How often the reader looks for what comes a moment later."""

DEFAULT_URL = "http://127.0.0.1:8400"

CURL = """
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen
given = sys.argv[1:]
header, _, value = given[given.index("-H") + 1].partition(": ")
request = Request(given[-1], data=given[given.index("-d") + 1].encode(), headers={header: value})
try:
    answer = urlopen(request)
except HTTPError as error:
    answer = error
print(answer.read().decode())
"""


@dataclass(frozen=True)
class Terminal:
    """The reader's second terminal."""

    folder: Path
    variables: dict[str, str]
    url: str

    def run(self, commands: str) -> str:
        """Run a block; return everything it wrote."""
        done = subprocess.run(
            ["sh", "-e", "-c", commands.replace(DEFAULT_URL, self.url)],
            cwd=self.folder,
            env=environment(self.variables),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}"
        return done.stdout


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    programs = tmp_path / "bin"
    programs.mkdir()
    make_program(programs / "patchbay", PROGRAM)
    make_program(
        programs / "curl", [sys.executable, "-c", CURL]
    )  # what of curl the tutorial uses; not every machine has it
    with running("serve", "--port", "0", folder=tmp_path) as hub:
        url = hub.wait_for_line(r"Patchbay serves (http://[\d.]+:\d+)")[1]
        key = hub.wait_for_line(r"export PATCHBAY_API_KEY=(pbk_\w+)")[1]
        path = f"{programs}{os.pathsep}{os.environ['PATH']}"
        yield Terminal(tmp_path, {"PATCHBAY_API_KEY": key, "PATCHBAY_URL": url, "PATH": path}, url)
        assert hub.end() == 0


def test_the_tutorial_is_true(terminal: Terminal) -> None:
    commands = output = ""
    for kind, text in BLOCK.findall(TUTORIAL):
        if kind == "yaml":
            (terminal.folder / text.splitlines()[0].removeprefix("# ")).write_text(text)
        elif kind == "sh":
            commands, output = text, terminal.run(text)
        else:
            for _ in range(AGAIN if commands.startswith(LOOK) else 0):
                if not missing(text, output):
                    break
                output = terminal.run(commands)
            assert missing(text, output) == [], output

    assert {kind for kind, _ in BLOCK.findall(TUTORIAL)} == {"yaml", "sh", "text"}


def make_program(path: Path, command: list[str]) -> None:
    words = " ".join("'" + word.replace("'", "'\\''") + "'" for word in command)
    path.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def missing(told: str, output: str) -> list[str]:
    """The lines of ``told`` that ``output`` lacks, whatever the spaces; ``…`` stands for anything."""
    lines = [" ".join(line.split()) for line in output.splitlines()]
    return [line for line in told.splitlines() if not any(pattern(line).search(written) for written in lines)]


def pattern(line: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part.strip()) for part in " ".join(line.split()).split("…")))
