"""The arithmetic of the report: what counts as finished, lost and wrong."""

from dataclasses import replace
from datetime import timedelta

import pytest

from benchmarks.figures import Counts, Load
from tests.unit.benchmarks.examples import GOOD_COUNTS, GOOD_LOAD, START, a_measurement, a_result, a_run


def test_failed_answers_are_not_accepted() -> None:
    load = replace(GOOD_LOAD, failed=200)

    assert load.accepted == 800
    assert load.accepted_per_s == 80


def test_a_load_of_no_time_accepts_nothing_per_second() -> None:
    assert replace(GOOD_LOAD, seconds=0).accepted_per_s == 0


def test_a_backlog_counts_against_the_hub() -> None:
    """Ten seconds of load whose last execution ended ten seconds later: half the rate."""
    late = replace(GOOD_COUNTS, last_finished_at=START + timedelta(seconds=20))

    assert a_measurement(came=late).finished_per_s == 50


def test_ending_before_the_load_does_is_not_going_faster() -> None:
    early = replace(GOOD_COUNTS, last_finished_at=START + timedelta(seconds=1))

    assert a_measurement(came=early).finished_per_s == 100


def test_only_executions_that_succeeded_are_finished() -> None:
    half = replace(GOOD_COUNTS, succeeded=500, ended_otherwise=500)

    assert a_measurement(came=half).finished_per_s == 50


def test_nothing_finished_is_a_rate_of_zero() -> None:
    assert a_measurement(came=Counts()).finished_per_s == 0


def test_an_accepted_event_without_a_finished_execution_is_lost() -> None:
    fewer = replace(GOOD_COUNTS, events=997, executions=997, succeeded=997)

    measured = a_measurement(came=fewer)

    assert measured.lost == 3
    assert "3 accepted events have no finished execution" in measured.problems


def test_executions_whose_answer_the_load_did_not_wait_for_are_not_negative_losses() -> None:
    more = replace(GOOD_COUNTS, events=1064, executions=1064, succeeded=1064)

    measured = a_measurement(came=more)

    assert measured.lost == 0
    assert measured.problems == ()


@pytest.mark.parametrize(
    ("came", "problem"),
    [
        (replace(GOOD_COUNTS, executions=1005, events=1005), "5 executions never ended"),
        (replace(GOOD_COUNTS, succeeded=993, ended_otherwise=7), "7 executions did not succeed"),
        (replace(GOOD_COUNTS, orphans=2), "2 started events have no execution"),
        (replace(GOOD_COUNTS, events=1001), "1001 events made 1000 executions"),
    ],
)
def test_what_does_not_balance_is_a_problem(came: Counts, problem: str) -> None:
    assert problem in a_measurement(came=came).problems


@pytest.mark.parametrize(
    ("load", "problem"),
    [
        (replace(GOOD_LOAD, failed=4), "4 answers were no success"),
        (replace(GOOD_LOAD, errors=6), "6 requests met a broken connection or no answer"),
        (replace(GOOD_LOAD, requests=0), "nothing was accepted"),
    ],
)
def test_what_the_load_met_is_a_problem(load: Load, problem: str) -> None:
    assert problem in a_measurement(load=load).problems


def test_what_came_is_the_difference_and_the_last_finish() -> None:
    before = Counts(events=10, executions=10, succeeded=9, ended_otherwise=1, orphans=1, last_finished_at=START)
    later = START + timedelta(seconds=5)
    after = Counts(events=30, executions=29, succeeded=25, ended_otherwise=3, orphans=2, last_finished_at=later)

    came = after.since(before)

    assert came == Counts(events=20, executions=19, succeeded=16, ended_otherwise=2, orphans=1, last_finished_at=later)
    assert came.unfinished == 1


def test_processor_time_is_told_per_finished_execution() -> None:
    result = a_measurement().result("w1", "distributed", connections=64)

    assert result.cpu_ms == {"gateway": 2.0, "executor": 1.0}


def test_the_bare_endpoint_counts_as_the_mean_of_its_measurements() -> None:
    assert a_run(bare=(10_000, 12_000)).bare_rps == 11_000


def test_a_problem_of_a_run_names_its_workload() -> None:
    run = a_run(a_result(), a_result(workload="w3", problems=("3 executions never ended",)))

    assert run.problems == ("w3 distributed: 3 executions never ended",)
