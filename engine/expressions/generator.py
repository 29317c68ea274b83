"""From a checked tree to one Python function, with Jinja's own code generator.

Jinja writes literals, ``and``, ``or``, ``not`` and the structure; whatever could reach a Python attribute, or do
unbounded work, is overridden here to go through our functions. Its optimizer stays off: it would
evaluate constant parts while compiling, outside every bound.

The function is ``(scope, budget, get)``, where ``get`` is ``lookup.find`` or ``lookup.require``.
"""

# ruff: noqa: ARG002, N802, N815  visitors are named after the nodes and all take the frame: Jinja calls them so

from collections.abc import Callable
from types import CodeType
from typing import Any, TypeAlias

from jinja2 import nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.nodes import EvalContext

from engine.expressions import lookup, operators
from engine.expressions.bounds import Budget
from engine.expressions.filters import FILTERS
from engine.expressions.lookup import Lookup
from engine.expressions.predicates import TESTS
from engine.expressions.syntax import ENVIRONMENT, Tree, static_key
from engine.model.base import Json

Compiled: TypeAlias = Callable[[Any, Budget, Lookup], Json]

_BUDGETED = {"Add": "add", "Mul": "multiply", "Concat": "concatenate"}
_PLAIN = {"Sub": "subtract", "Div": "divide", "FloorDiv": "floor_divide", "Mod": "remainder", "Pow": "power"}
_LENIENT_FILTERS = frozenset({"default"})
_LENIENT_TESTS = frozenset({"defined", "undefined"})


def compile_tree(tree: Tree) -> Compiled:
    """Return the function that evaluates the tree."""
    generator = _Generator(ENVIRONMENT, None, None, optimized=False)
    generator.visit(tree.root, Frame(EvalContext(ENVIRONMENT, None)))
    generator.stream.seek(0)
    code: CodeType = compile(f"lambda scope, budget, get: {generator.stream.read()}", "<expression>", "eval")
    function: Compiled = eval(code, _NAMES)  # noqa: S307  our own code: names from the tables below and literals
    return function


class _Generator(CodeGenerator):
    """Writes one expression. ``_get`` names the lookup in force: ``get``, or ``find`` where a missing key is fine."""

    _get = "get"

    def visit_Name(self, node: nodes.Name, frame: Frame) -> None:
        self.write("None" if node.name == "null" else f"{self._get}(scope, {node.name!r}, {node.name!r})")

    def visit_Const(self, node: nodes.Const, frame: Frame) -> None:
        self.write(repr(node.value))

    def visit_Tuple(self, node: nodes.Tuple, frame: Frame) -> None:
        self.visit_List(nodes.List(node.items), frame)

    def visit_Dict(self, node: nodes.Dict, frame: Frame) -> None:
        self._call("mapping", [part for pair in node.items for part in (pair.key, pair.value)], frame, budget=False)

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:
        self._look_up(node, frame, nodes.Const(node.attr))

    def visit_Getitem(self, node: nodes.Getitem, frame: Frame) -> None:
        if not isinstance(node.arg, nodes.Slice):
            self._look_up(node, frame, node.arg)
            return
        bounds = [bound or nodes.Const(None) for bound in (node.arg.start, node.arg.stop, node.arg.step)]
        self.write("cut(budget, ")
        self.visit(node.node, frame)
        self.write(", (")
        for bound in bounds:
            self.visit(bound, frame)
            self.write(", ")
        self.write("))")

    def _look_up(self, node: nodes.Getattr | nodes.Getitem, frame: Frame, key: nodes.Expr) -> None:
        self.write(f"{self._get}(")
        self.visit(node.node, frame)
        self.write(", ")
        self.visit(key, frame)
        self.write(f", {_path(node)!r})")

    def _binary(self, node: nodes.BinExpr, frame: Frame) -> None:
        name = type(node).__name__
        if name in _BUDGETED:
            self._call(_BUDGETED[name], [node.left, node.right], frame)
        else:
            self._call(_PLAIN[name], [node.left, node.right], frame, budget=False)

    visit_Add = visit_Sub = visit_Mul = visit_Div = visit_FloorDiv = visit_Mod = visit_Pow = _binary

    def visit_Neg(self, node: nodes.UnaryExpr, frame: Frame) -> None:
        self._call("negate", [node.node], frame, budget=False)

    def visit_Pos(self, node: nodes.UnaryExpr, frame: Frame) -> None:
        self._call("keep_sign", [node.node], frame, budget=False)

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self._call("concatenate", node.nodes, frame)

    def visit_Compare(self, node: nodes.Compare, frame: Frame) -> None:
        if len(node.ops) == 1:
            self._call(f"{node.ops[0].op}_", [node.expr, node.ops[0].expr], frame)
            return
        self.write("chain(budget, ")
        self.visit(node.expr, frame)
        for operand in node.ops:
            self.write(f", ({operand.op!r}, ")
            self.visit(operand.expr, frame)
            self.write(")")
        self.write(")")

    def visit_CondExpr(self, node: nodes.CondExpr, frame: Frame) -> None:
        self.write("(")
        self.visit(node.expr1, frame)
        self.write(" if ")
        self.visit(node.test, frame)
        self.write(" else ")
        self.visit(node.expr2 or nodes.Const(None), frame)
        self.write(")")

    def visit_Filter(self, node: nodes.Filter, frame: Frame) -> None:
        entry = FILTERS[node.name]
        if entry.takes_null:
            self._use(f"filter_{node.name}", node, frame, lenient=node.name in _LENIENT_FILTERS)
            return
        self.write("(None if (value := ")
        self.visit(_subject(node), frame)
        self.write(f") is None else filter_{node.name}(budget, value")
        self._arguments(node, frame)
        self.write("))")

    def visit_Test(self, node: nodes.Test, frame: Frame) -> None:
        self._use(f"test_{node.name}", node, frame, lenient=node.name in _LENIENT_TESTS)

    def _use(self, name: str, node: nodes.Filter | nodes.Test, frame: Frame, *, lenient: bool) -> None:
        self.write(f"{name}(budget, ")
        before, self._get = self._get, "find" if lenient else self._get
        self.visit(_subject(node), frame)
        self._get = before
        self._arguments(node, frame)
        self.write(")")

    def _arguments(self, node: nodes.Filter | nodes.Test, frame: Frame) -> None:
        for argument in node.args:
            self.write(", ")
            self.visit(argument, frame)
        for keyword in node.kwargs:
            self.write(f", {keyword.key}=")
            self.visit(keyword.value, frame)

    def _call(self, name: str, arguments: list[nodes.Expr], frame: Frame, *, budget: bool = True) -> None:
        self.write(f"{name}(budget" if budget else f"{name}(")
        for index, argument in enumerate(arguments):
            self.write(", " if budget or index else "")
            self.visit(argument, frame)
        self.write(")")


def _subject(node: nodes.Filter | nodes.Test) -> nodes.Expr:
    if node.node is None:  # only Jinja's filter blocks lack it, and they are statements
        raise ValueError("a filter without a value")
    return node.node


def _path(node: nodes.Node) -> str:
    """Return how a lookup is written, ``trigger.data["a b"][…]``, for the strict lookup's message."""
    if isinstance(node, nodes.Name):
        return node.name
    if not isinstance(node, nodes.Getattr | nodes.Getitem):
        return "(…)"
    key = static_key(node)
    if isinstance(key, str):
        return f"{_path(node.node)}.{key}"
    return f"{_path(node.node)}[{'…' if key is None else key}]"


def _functions() -> dict[str, Any]:
    """Everything that generated code can name. There are no built-ins."""
    names = (*_BUDGETED.values(), *_PLAIN.values(), "negate", "keep_sign", "chain")
    return {
        "__builtins__": {},
        "find": lookup.find,
        "cut": lookup.cut,
        "mapping": operators.mapping,
        **{name: getattr(operators, name) for name in names},
        **{f"{name}_": function for name, function in operators.COMPARISONS.items()},
        **{f"filter_{name}": entry.function for name, entry in FILTERS.items()},
        **{f"test_{name}": entry.function for name, entry in TESTS.items()},
    }


_NAMES = _functions()
