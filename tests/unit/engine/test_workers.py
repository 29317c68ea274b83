"""The parts of the workers that need no process: the console, frames, results, and the serving loop."""

import io

import msgspec
import pytest

from engine.workers.console import CUT, Console
from engine.workers.main import serve
from engine.workers.protocol import LENGTH_BYTES, Ending, Language, Ran, Run, frame
from engine.workers.results import checked

RUN = Run(language=Language.PYTHON, source="é", names={"input": [1, None]}, time=1.5, memory=1, output=2, console=3)


def console(limit: int, *texts: str) -> tuple[str, ...]:
    collected = Console(limit)
    for text in texts:
        collected.write(text)
    return collected.lines()


@pytest.mark.parametrize(
    ("texts", "lines"),
    [
        ((), ()),
        (("a\n",), ("a",)),
        (("a", "b\n", "c"), ("ab", "c")),
        (("a\n\nb\n",), ("a", "", "b")),
    ],
)
def test_console_output_becomes_lines(texts: tuple[str, ...], lines: tuple[str, ...]) -> None:
    assert console(100, *texts) == lines


def test_console_output_is_cut_at_its_limit_and_says_so() -> None:
    assert console(4, "abc", "def", "ghi") == ("abcd", CUT)


def test_a_character_is_not_cut_in_two() -> None:
    assert console(3, "ééé") == ("é", CUT)


def test_a_frame_is_the_length_and_the_message() -> None:
    sent = frame(RUN)

    assert int.from_bytes(sent[:LENGTH_BYTES], "big") == len(sent) - LENGTH_BYTES
    assert msgspec.json.decode(sent[LENGTH_BYTES:], type=Run) == RUN


@pytest.mark.parametrize("text", ["NaN", '"\\ud800"', "{", "[" * 100_000])
def test_a_result_that_is_no_json_is_an_error_of_the_code(text: str) -> None:
    ran = checked(text, 1_000_000, ("said",))

    assert (ran.ending, ran.log) == (Ending.THROWN, ("said",))
    assert "the result is not JSON" in ran.message


def test_a_result_is_measured_in_bytes() -> None:
    assert checked('"é"', 4, ()) == Ran(ending=Ending.RETURNED, value="é")
    assert checked('"é"', 3, ()).ending is Ending.OUTPUT


class Echo:
    def run(self, run: Run) -> Ran:
        return Ran(ending=Ending.RETURNED, value=run.names)


def test_a_worker_answers_each_request_and_ends_with_its_input() -> None:
    replies = io.BytesIO()

    serve(Echo(), io.BytesIO(frame(RUN) + frame(RUN) + b"\0\0"), replies)

    assert replies.getvalue() == frame(Ran(ending=Ending.RETURNED, value={"input": [1, None]})) * 2
