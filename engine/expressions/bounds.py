"""How large an expression may be, and how much one evaluation may do.

Work is counted, not timed, so that the same expression on the same data always ends the same way. A unit is
about a nanosecond or a byte, whichever is more; every operation that can touch much pays before it starts.
"""

from engine.errors import ExpressionError

MAX_CHARACTERS = 4_000
MAX_NODES = 400
MAX_DEPTH = 40
MAX_TOKENS = 2_000
"""Words and signs; what keeps within the other bounds seldom has half as many."""
MAX_TEXT = 1_048_576
"""Characters in a text that an operation makes."""
MAX_ITEMS = 100_000
"""Items in a list or mapping that an operation makes."""
MAX_INTEGER = 10**30
"""The largest absolute value of an integer that arithmetic takes or makes."""
MAX_WORK = 20_000_000
"""Units one evaluation may spend: about 20 ms, and never more than 20 MiB."""

ITEM = 24
"""Units for handling one item by reference."""
CONTAINER = 280
"""Units for making one small list or mapping."""


class Budget:
    """What is left of one evaluation's work. Made fresh for each evaluation, shared by its operations."""

    __slots__ = ("left", "work")

    def __init__(self, work: int = MAX_WORK) -> None:
        self.left = self.work = work

    def spend(self, units: int) -> None:
        """Pay for work that is about to be done.

        Raises:
            ExpressionError: The evaluation would go beyond its bound; the work has not been done.
        """
        self.left -= units
        if self.left < 0:
            raise ExpressionError(
                f"the evaluation needs more than {self.work:,} units of work; use less data or a code step"
            )

    def make_text(self, length: int) -> None:
        """Pay for a text of at most ``length`` characters that is about to be made."""
        if length > MAX_TEXT:
            raise ExpressionError(f"the text would have {length:,} characters; the bound is {MAX_TEXT:,}")
        self.spend(4 * length)

    def make_items(self, count: int, *, each: int = ITEM) -> None:
        """Pay for a list or mapping of ``count`` items that is about to be made."""
        if count > MAX_ITEMS:
            raise ExpressionError(f"there would be {count:,} items; the bound is {MAX_ITEMS:,}")
        self.spend(count * each)

    def search(self, length: int, pattern: int) -> None:
        """Pay for looking for ``pattern`` characters in ``length``.

        CPython searches short texts in quadratic time at worst and long ones in linear time
        (Objects/stringlib/fastsearch.h), hence the three cases.
        """
        if length < 2_500:
            self.spend(length + length * pattern // 2)
        elif length < 30_000:
            self.spend(length + length * min(pattern, 100) // 2)
        else:
            self.spend(4 * length)
