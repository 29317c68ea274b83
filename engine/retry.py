"""When a failed attempt is followed by another, and after how long. Pure: chance comes in as a number."""

from datetime import timedelta

from engine.errors import Category
from engine.model.node import RetryPolicy

LONGEST_RETRY_AFTER = timedelta(days=1)
"""A remote side may ask for more; it is not obeyed further, so that a typing error of theirs parks nobody for years."""


def may_retry(policy: RetryPolicy, *, attempt: int, category: Category) -> bool:
    """Say whether attempt number ``attempt`` (from 1), which failed with ``category``, may be followed by another."""
    return attempt < policy.max_attempts and category in policy.on


def next_delay(policy: RetryPolicy, *, attempt: int, retry_after: timedelta | None, jitter: float) -> timedelta:
    """Return the wait between attempt ``attempt`` (from 1), which failed, and the next.

    Args:
        retry_after: What the remote side asked for. It is a minimum, never more than a day, and outranks ``max_delay``.
        jitter: A random number in [0, 1); takes off up to half of the policy's own wait, never of ``retry_after``.
    """
    if attempt < 1:
        raise ValueError(f"attempts count from 1, not {attempt}")
    wait = _growing(policy, attempt)
    if policy.jitter:
        wait *= 1 - jitter / 2
    if retry_after is None:
        return wait
    return max(wait, min(retry_after, LONGEST_RETRY_AFTER))


def _growing(policy: RetryPolicy, attempt: int) -> timedelta:
    try:
        seconds = policy.delay.total_seconds() * policy.factor ** (attempt - 1)
    except OverflowError:  # floats end near 2 ** 1024
        return policy.max_delay
    ceiling = policy.max_delay.total_seconds()
    return policy.max_delay if seconds >= ceiling else timedelta(seconds=max(seconds, 0.0))
