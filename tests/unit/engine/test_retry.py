"""When a failed attempt is followed by another, and after how long."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Category
from engine.model.node import RetryPolicy
from engine.retry import LONGEST_RETRY_AFTER, may_retry, next_delay

SECOND = timedelta(seconds=1)
EXACT = RetryPolicy(max_attempts=5, delay=SECOND, factor=2, max_delay=timedelta(seconds=10), jitter=False)

policies = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 100),
    delay=st.timedeltas(min_value=timedelta(), max_value=timedelta(days=1)),
    factor=st.floats(1, 1000),
    max_delay=st.timedeltas(min_value=timedelta(), max_value=timedelta(days=1)),
    jitter=st.booleans(),
)
chances = st.floats(0, 1, exclude_max=True)
asked = st.none() | st.timedeltas(min_value=timedelta(), max_value=timedelta(days=4000))


def test_the_wait_grows_by_the_factor_up_to_the_ceiling() -> None:
    waits = [next_delay(EXACT, attempt=attempt, retry_after=None, jitter=0.9) for attempt in range(1, 7)]

    assert [wait.total_seconds() for wait in waits] == [1, 2, 4, 8, 10, 10]


def test_jitter_takes_off_up_to_half() -> None:
    policy = RetryPolicy(delay=SECOND, jitter=True)

    assert next_delay(policy, attempt=1, retry_after=None, jitter=0.0) == SECOND
    assert next_delay(policy, attempt=1, retry_after=None, jitter=0.5) == SECOND * 0.75


def test_what_the_remote_side_asks_for_outranks_the_ceiling() -> None:
    assert next_delay(EXACT, attempt=1, retry_after=timedelta(minutes=3), jitter=0.0) == timedelta(minutes=3)


def test_a_shorter_wish_of_the_remote_side_does_not_shorten_the_policy() -> None:
    assert next_delay(EXACT, attempt=3, retry_after=SECOND, jitter=0.0) == timedelta(seconds=4)


def test_nobody_may_ask_for_more_than_a_day() -> None:
    assert next_delay(EXACT, attempt=1, retry_after=timedelta(days=400), jitter=0.0) == timedelta(days=1)


def test_attempts_count_from_one() -> None:
    with pytest.raises(ValueError, match="count from 1"):
        next_delay(EXACT, attempt=0, retry_after=None, jitter=0.0)


@given(policy=policies, attempt=st.integers(1, 10_000), retry_after=asked, jitter=chances)
def test_every_wait_is_bounded_by_the_policy_and_by_what_was_asked(
    policy: RetryPolicy, attempt: int, retry_after: timedelta | None, jitter: float
) -> None:
    wait = next_delay(policy, attempt=attempt, retry_after=retry_after, jitter=jitter)

    wish = min(retry_after or timedelta(), LONGEST_RETRY_AFTER)
    assert wish <= wait <= max(policy.max_delay, wish)


@given(policy=policies, attempt=st.integers(1, 1000), jitter=chances)
def test_a_later_attempt_never_waits_less_under_the_same_chance(
    policy: RetryPolicy, attempt: int, jitter: float
) -> None:
    earlier = next_delay(policy, attempt=attempt, retry_after=None, jitter=jitter)
    later = next_delay(policy, attempt=attempt + 1, retry_after=None, jitter=jitter)

    assert later >= earlier


@pytest.mark.parametrize(
    ("attempt", "category", "expected"),
    [
        (1, Category.TRANSIENT, True),
        (4, Category.TIMEOUT, True),
        (5, Category.TRANSIENT, False),
        (1, Category.PERMANENT, False),
        (1, Category.BUSINESS, False),
    ],
)
def test_only_named_categories_are_retried_and_only_so_often(attempt: int, category: Category, expected: bool) -> None:
    assert may_retry(EXACT, attempt=attempt, category=category) is expected


def test_the_default_policy_never_retries() -> None:
    assert not may_retry(RetryPolicy(), attempt=1, category=Category.TRANSIENT)
