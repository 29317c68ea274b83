"""The expression language: Jinja's expression syntax as a closed language over JSON, and nothing else of Jinja.

The rules stand in ``docs/reference/expressions.md``. Evaluating is pure: no clock, no randomness, no I/O, bounded work.
"""

from engine.expressions.expression import Expression, Scope, compile_expression
from engine.expressions.filters import FILTERS
from engine.expressions.filters.table import FilterDoc
from engine.expressions.predicates import TESTS
from engine.expressions.syntax import ROOTS
from engine.expressions.template import Template, compile_template
from engine.expressions.values import truthy

__all__ = [
    "FILTERS",
    "ROOTS",
    "TESTS",
    "Expression",
    "FilterDoc",
    "Scope",
    "Template",
    "compile_expression",
    "compile_template",
    "truthy",
]
