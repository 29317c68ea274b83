"""From text to a checked tree of Jinja's nodes.

Jinja's lexer and parser read the text; this file bounds what they are given, so that neither can recurse
deeply or compute anything large, and then lets through only the nodes of the closed language.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.lexer import TokenStream
from jinja2.parser import Parser

from engine.errors import ExpressionError
from engine.expressions.bounds import MAX_CHARACTERS, MAX_DEPTH, MAX_NODES, MAX_TOKENS
from engine.expressions.filters import FILTERS
from engine.expressions.filters.table import misuse
from engine.expressions.predicates import TESTS

ROOTS = frozenset({"trigger", "steps", "input", "vars", "execution", "workflow", "now", "item", "index"})

ENVIRONMENT = Environment(autoescape=False, optimized=False)  # noqa: S701  nothing here makes HTML

_ESCAPE = re.compile(r"""\\(?:(['"\\nrtbf])|x[\da-fA-F]{2}|u[\da-fA-F]{4}|U[\da-fA-F]{8}|(.|$))""", re.DOTALL)
_LONGEST_NUMBER = 40  # characters
_OPENING, _CLOSING = ("(", "[", "{"), (")", "]", "}")
_OPERATORS: tuple[type[nodes.Node], ...] = (
    nodes.Add,
    nodes.Sub,
    nodes.Mul,
    nodes.Div,
    nodes.FloorDiv,
    nodes.Mod,
    nodes.Pow,
    nodes.Neg,
    nodes.Pos,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.Concat,
    nodes.Compare,
    nodes.Operand,
    nodes.CondExpr,
)
_ALLOWED: frozenset[type[nodes.Node]] = frozenset(
    {
        *_OPERATORS,
        *(nodes.Name, nodes.Const, nodes.Getattr, nodes.Getitem, nodes.Slice),
        *(nodes.List, nodes.Tuple, nodes.Dict, nodes.Pair),
        *(nodes.Filter, nodes.Test, nodes.Keyword),
    }
)


@dataclass(frozen=True, slots=True)
class Tree:
    """A parsed expression that keeps to the rules. ``lineno`` of its nodes is the column, from 1."""

    root: nodes.Expr
    references: frozenset[str]


def parse(text: str, roots: Collection[str] = ROOTS) -> Tree:
    """Parse one bare expression and check every rule that does not need data.

    Raises:
        ExpressionError: Not in the language, or beyond a bound; the message names the column and the fix.
    """
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"the expression has {len(text):,} characters; the bound is {MAX_CHARACTERS:,}")
    if not text.strip():
        raise ExpressionError("the expression is empty; write null for no value")
    root = _parse(text.replace("\r\n", "\n").replace("\r", "\n"))
    _check_size(root)
    for node in _walk(root):
        _check_node(node, roots)
    return Tree(root, frozenset(_references(root)))


def at(column: int, message: str) -> ExpressionError:
    """Build the error for a place in the text."""
    return ExpressionError(f"column {column}: {message}")


def nearest(name: str, known: Iterable[str]) -> str:
    """Return `` (did you mean "x"?)``, or nothing if nothing is near."""
    near = difflib.get_close_matches(name[:60], list(known), n=1, cutoff=0.6)
    return f' (did you mean "{near[0]}"?)' if near else ""


def _parse(text: str) -> nodes.Expr:
    try:
        tokens = list(_tokens(text))
        parser = Parser(ENVIRONMENT, "", state="variable")
        parser.stream = _stream(tokens)
        if parser.stream.eos:
            raise ExpressionError("the expression is empty; write null for no value")
        root = parser.parse_expression()
        if not parser.stream.eos:
            token = parser.stream.current
            raise at(token.lineno, f'the expression should end before "{str(token.value)[:40]}"')
        return root
    except TemplateSyntaxError as error:
        message = (error.message or "syntax error").replace("end of template", "end of expression")
        raise at(error.lineno, message[:200]) from None
    except RecursionError:
        raise ExpressionError(f"the expression is nested deeper than {MAX_DEPTH} levels") from None


def _tokens(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield Jinja's raw tokens with their column in place of their line, refusing what is costly to convert."""
    column, depth, run, count, source = 1, 0, 0, 0, ENVIRONMENT.lexer.tokeniter(text, None, None, "variable")
    while True:
        try:
            _, kind, value = next(source)
        except StopIteration:
            return
        except TemplateSyntaxError as error:
            raise at(column, re.sub(r" at \d+$", "", error.message or "")) from None
        if kind in ("integer", "float") and len(value) > _LONGEST_NUMBER:
            raise at(column, f"a number may have at most {_LONGEST_NUMBER} characters")
        if kind == "string":
            _check_escapes(value, column)
        count += kind != "whitespace"
        if count > MAX_TOKENS:
            raise at(column, f"the expression has more than {MAX_TOKENS:,} words and signs; split it into steps")
        run = run + 1 if value in ("-", "+", "not") else run if kind == "whitespace" else 0
        depth += (value in _OPENING) - (value in _CLOSING)
        if max(depth, run) > MAX_DEPTH:
            raise at(column, f"the expression is nested deeper than {MAX_DEPTH} levels")
        yield column, kind, value
        column += len(value)


def _stream(tokens: list[tuple[int, str, str]]) -> TokenStream:
    return TokenStream(ENVIRONMENT.lexer.wrap(tokens), None, None)


def _check_escapes(literal: str, column: int) -> None:
    for match in _ESCAPE.finditer(literal[1:-1]):
        if match.group(2) is not None:
            raise at(column + 1 + match.start(), f'unknown escape "{match.group()}"; write \\\\ for a backslash')


def _check_size(root: nodes.Node) -> None:
    """Bound nodes and depth without recursion: a chain of operators is as deep as it is long."""
    count, level = 0, [root]
    for _ in range(MAX_DEPTH + 1):
        count += len(level)
        if count > MAX_NODES:
            raise ExpressionError(f"the expression has more than {MAX_NODES} syntax nodes; split it into steps")
        level = [child for node in level for child in node.iter_child_nodes()]
        if not level:
            return
    raise ExpressionError(f"the expression is nested deeper than {MAX_DEPTH} levels; split it into steps")


def _walk(root: nodes.Node) -> Iterator[nodes.Node]:
    stack: list[nodes.Node] = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(node.iter_child_nodes())


def _check_node(node: nodes.Node, roots: Collection[str]) -> None:
    if isinstance(node, nodes.Call):
        raise at(node.lineno, "nothing can be called in an expression; use a filter: value | name(arguments)")
    if type(node) not in _ALLOWED:
        raise at(node.lineno, f"{type(node).__name__.lower()} is not part of the expression language")
    if isinstance(node, nodes.Name) and node.name not in roots and node.name != "null":
        known = nearest(node.name, roots) or f"; the names are {', '.join(sorted(roots))}"
        raise at(node.lineno, f'unknown name "{node.name[:60]}"{known}')
    if isinstance(node, nodes.Const):
        _check_constant(node)
    if isinstance(node, nodes.Filter | nodes.Test):
        _check_use(node)


def _check_constant(node: nodes.Const) -> None:
    value = node.value
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise at(node.lineno, "the number is too large")
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise at(node.lineno, "a text must not hold half of a surrogate pair; write \\U0001f600")


def _check_use(node: nodes.Filter | nodes.Test) -> None:
    what, table = ("filter", FILTERS) if isinstance(node, nodes.Filter) else ("test", TESTS)
    if node.name not in table:
        raise at(node.lineno, f'unknown {what} "{node.name[:60]}"{nearest(node.name, table)}')
    if node.dyn_args is not None or node.dyn_kwargs is not None:
        raise at(node.lineno, f"{what} {node.name}: arguments cannot be spread with * or **")
    problem = misuse(table[node.name], len(node.args), [_keyword(one) for one in node.kwargs])
    if problem:
        raise at(node.lineno, f"{what} {node.name}: {problem}; write {table[node.name].usage}")


def _keyword(node: nodes.Node) -> str:
    return node.key if isinstance(node, nodes.Keyword) else ""


def _references(root: nodes.Node) -> Iterator[str]:
    """Yield root names; ``steps`` and ``vars`` with their key where it is written out."""
    stack: list[nodes.Node] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, nodes.Name):
            if node.name != "null":
                yield node.name
            continue
        inner = getattr(node, "node", None)
        key = static_key(node)
        if isinstance(inner, nodes.Name) and inner.name in ("steps", "vars") and isinstance(key, str):
            yield f"{inner.name}.{key}"
            continue
        stack.extend(node.iter_child_nodes())


def static_key(node: nodes.Node) -> str | int | None:
    """Return the key that a dot or an index names, if it is written out."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    if isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const) and type(node.arg.value) in (str, int):
        key: str | int = node.arg.value
        return key
    return None
