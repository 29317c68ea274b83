"""One compiled bare expression: what ``if``, ``when``, ``filter`` and every hole of a template hold."""

from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

from engine.errors import ExpressionError
from engine.expressions.bounds import MAX_CHARACTERS, Budget
from engine.expressions.generator import Compiled, compile_tree
from engine.expressions.lookup import Lookup, find, require
from engine.expressions.operators import checked
from engine.expressions.syntax import ROOTS, parse
from engine.model.base import Json

Scope: TypeAlias = Mapping[str, Json]

# What hostile values can make Python raise in the middle of an operation that is otherwise checked.
_ACCIDENTS = (ArithmeticError, LookupError, TypeError, ValueError, RecursionError, MemoryError)


class Expression:
    """Immutable and safe to share between threads.

    ``references`` are the names it reads: ``trigger``, ``steps.shape``, ``vars.threshold``; ``steps`` and ``vars``
    alone where the key is computed.
    """

    __slots__ = ("_run", "references", "source")

    source: str
    references: frozenset[str]

    def __init__(self, source: str, references: frozenset[str], run: Compiled) -> None:
        self.source = source
        self.references = references
        self._run = run

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def evaluate(self, scope: Scope, *, strict: bool = False) -> Json:
        """Return the value; parts of ``scope`` are returned as they are, not copied, so nobody may change them.

        Args:
            scope: The data by root name; its values are JSON.
            strict: A missing key is an error instead of null.

        Raises:
            ExpressionError: The data do not fit the expression, or a bound was reached; names both.
        """
        return self.evaluate_within(Budget(), scope, require if strict else find)

    def evaluate_within(self, budget: Budget, scope: Scope, get: Lookup) -> Json:
        """Evaluate on a budget that is shared with other expressions, as the holes of one template do."""
        try:
            value = self._run(scope, budget, get)
            return checked(value) if type(value) is float else value
        except ExpressionError as error:
            raise ExpressionError(f"{error}, in {shown(self.source)}") from None
        except _ACCIDENTS as error:
            raise ExpressionError(f"{_story(error)}, in {shown(self.source)}") from None


def compile_expression(text: str, *, names: frozenset[str] = frozenset()) -> Expression:
    """Compile one bare expression; the same text is compiled once.

    Args:
        text: The expression, without braces.
        names: Names in scope beyond the usual ones, such as the one that a loop gives its item.

    Raises:
        ExpressionError: Not in the language, or beyond a bound; the message names the column and the fix.
    """
    if not isinstance(text, str):
        raise ExpressionError(f"an expression must be a text, not {type(text).__name__}")
    if len(text) > MAX_CHARACTERS:  # before the cache, which would keep it
        raise ExpressionError(f"the expression has {len(text):,} characters; the bound is {MAX_CHARACTERS:,}")
    return _compile(text, names)


def shown(source: str) -> str:
    """Quote an expression for a message, shortened."""
    flat = " ".join(source.split())
    return f'"{flat}"' if len(flat) <= 80 else f'"{flat[:79]}…"'


@lru_cache(maxsize=4096)
def _compile(text: str, names: frozenset[str]) -> Expression:
    try:
        tree = parse(text, ROOTS | names if names else ROOTS)
        return Expression(text, tree.references, compile_tree(tree))
    except ExpressionError as error:
        raise ExpressionError(f"{error}, in {shown(text)}") from None
    except (RecursionError, MemoryError, SyntaxError):
        raise ExpressionError(f"the expression is nested too deeply; split it into steps, in {shown(text)}") from None


def _story(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "a value is nested too deeply"
    if isinstance(error, MemoryError):
        return "there is not enough memory"
    return f"the operation does not work on these values ({type(error).__name__}: {str(error)[:100]})"
