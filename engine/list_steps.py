"""Operations on lists, one after another: what the ``steps`` of a transform do. Pure, and bounded like an expression.

What an operation goes by is worked out for each item by an expression; sorting, grouping and comparing is left to the
filters of the language, so that ``sort`` in a step and ``| sort`` in an expression agree.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from engine.errors import ExpressionError
from engine.expressions import Expression, Scope, Template, compile_expression, compile_template
from engine.expressions.bounds import CONTAINER, Budget
from engine.expressions.filters import lists, queries
from engine.expressions.filters.arguments import fields, items, whole
from engine.expressions.lookup import Lookup, find, require
from engine.model.base import Json, JsonObject
from engine.model.list_steps import ListOperation, ListStep

GROUP_NAMES = frozenset({"items", "key"})
"""What ``aggregate`` knows beyond the usual names."""

EVALUATION = 1_000
"""Units for evaluating an expression on one item, on top of what it does."""

_MOST = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledStep:
    """One step, compiled: what it has not is ``None``.

    ``by``, ``on`` and ``to`` are its expressions, ``count`` and ``start`` the templates of a ``limit``,
    ``aggregate`` that of an ``aggregate``, or of a ``group`` that has one.
    """

    place: str
    step: ListStep
    by: Expression | None = None
    on: Expression | None = None
    to: Expression | None = None
    aggregate: Template | None = None
    count: Template | None = None
    start: Template | None = None


def compile_steps(steps: Sequence[ListStep], *, names: frozenset[str]) -> tuple[CompiledStep, ...]:
    """Compile the steps of one node; ``names`` are in scope beyond the usual ones.

    Raises:
        ExpressionError: One of them does not compile.
    """
    return tuple(_compiled(f"steps[{index}].{step.operation}", step, names) for index, step in enumerate(steps))


def run_steps(steps: Sequence[CompiledStep], value: Json, scope: Scope, *, strict: bool) -> Json:
    """Return what the last step gives. Each step may do the work of one expression.

    Raises:
        ExpressionError: Names the step by its place, ``steps[1].sort``, and where it is about an item, its index.
    """
    for step in steps:
        run = _Run(step, Budget(), scope, require if strict else find)
        try:
            value = _OPERATIONS[step.step.operation](run, value)
        except ExpressionError as error:
            raise ExpressionError(f"{step.place}: {error}") from None
    return value


def _compiled(place: str, step: ListStep, names: frozenset[str]) -> CompiledStep:
    aggregate: JsonObject | None = step.by if step.operation is ListOperation.AGGREGATE else step.aggregate
    limits = step.operation is ListOperation.LIMIT
    bare = step.operation not in (ListOperation.AGGREGATE, ListOperation.LIMIT)
    on = compile_expression(step.on, names=names) if step.on else None
    return CompiledStep(
        place=place,
        step=step,
        by=compile_expression(step.by, names=names) if bare else None,
        on=on,
        to=compile_expression(step.to, names=names) if step.to else on,
        aggregate=None if aggregate is None else compile_template(aggregate, names=names | GROUP_NAMES),
        count=compile_template(step.by, names=names) if limits else None,
        start=compile_template(step.start, names=names) if limits else None,
    )


@dataclass(frozen=True, slots=True)
class _Run:
    """One step under way, on one budget."""

    compiled: CompiledStep
    budget: Budget
    scope: Scope
    get: Lookup

    @property
    def step(self) -> ListStep:
        return self.compiled.step

    def alone(self, expression: Expression | None) -> Json:
        """Evaluate what is the same for all items."""
        assert expression is not None  # noqa: S101  compiled for every operation that asks
        return expression.evaluate_within(self.budget, self.scope, self.get)

    def filled(self, template: Template | None, names: Mapping[str, Json]) -> Json:
        assert template is not None  # noqa: S101  compiled for every operation that asks
        return template.render_within(self.budget, {**self.scope, **names}, self.get)

    def keyed(self, expression: Expression | None, value: Json) -> list[JsonObject]:
        """Pair every item with what an expression gives for it: ``{"key": …, "item": …}``."""
        assert expression is not None  # noqa: S101  compiled for every operation that asks
        known = items(value, self.step.operation)
        self.budget.make_items(len(known), each=CONTAINER + EVALUATION)
        scope = dict(self.scope)
        pairs = []
        for index, item in enumerate(known):
            scope["item"], scope["index"] = item, index
            try:
                key = expression.evaluate_within(self.budget, scope, self.get)
            except ExpressionError as error:
                raise ExpressionError(f"item {index}: {error}") from None
            pairs.append({"key": key, "item": item})
        return pairs


def _filter(run: _Run, value: Json) -> Json:
    return _items(queries.where(run.budget, run.keyed(run.compiled.by, value), "key"))


def _sort(run: _Run, value: Json) -> Json:
    return _items(queries.sort(run.budget, run.keyed(run.compiled.by, value), "key", run.step.descending))


def _unique(run: _Run, value: Json) -> Json:
    return _items(queries.unique(run.budget, run.keyed(run.compiled.by, value), "key"))


def _group(run: _Run, value: Json) -> Json:
    groups = _grouped(run, run.keyed(run.compiled.by, value)).values()
    made = [{"key": members[0]["key"], "items": _items(members)} for members in groups]
    if run.compiled.aggregate is None:
        return made
    run.budget.make_items(len(made), each=CONTAINER + EVALUATION)
    return [{"key": group["key"], **run.filled(run.compiled.aggregate, group)} for group in made]


def _aggregate(run: _Run, value: Json) -> Json:
    return run.filled(run.compiled.aggregate, {"key": None, "items": items(value, "aggregate")})


def _split(run: _Run, value: Json) -> Json:
    name = run.step.alias
    made: list[Json] = []
    for index, pair in enumerate(run.keyed(run.compiled.by, value)):
        entries = pair["key"]
        if entries is None:
            continue
        try:
            known = items(entries, "split")
            around = fields(pair["item"], 'split with "as"') if name else {}
        except ExpressionError as error:
            raise ExpressionError(f"item {index}: {error}") from None
        run.budget.make_items(len(made) + len(known), each=0)
        run.budget.make_items(len(known), each=CONTAINER + 24 * len(around))
        made += [{**around, name: entry} for entry in known] if name else known
    return made


def _join(run: _Run, value: Json) -> Json:
    step = run.step
    other = run.keyed(run.compiled.to, run.alone(run.compiled.by))
    found = _grouped(run, [pair for pair in other if pair["key"] is not None])
    made = []
    for index, pair in enumerate(run.keyed(run.compiled.on, value)):
        try:
            around = fields(pair["item"], "join")
            key = None if pair["key"] is None else queries.group_key(run.budget, pair["key"], step.operation)
        except ExpressionError as error:
            raise ExpressionError(f"item {index}: {error}") from None
        matches = () if key is None else found.get(key, ())
        if not matches and step.drop:
            continue
        run.budget.spend(CONTAINER + 24 * (len(around) + len(matches)))
        several = _items(matches)
        joined: JsonObject = dict(around)
        joined[step.alias or ""] = several if step.several else several[0] if several else None
        made.append(joined)
    return made


def _grouped(run: _Run, pairs: Sequence[JsonObject]) -> dict[str, list[JsonObject]]:
    """Bring together what has the same key, as the filter ``group_by`` does."""
    groups: dict[str, list[JsonObject]] = {}
    for pair in pairs:
        run.budget.spend(EVALUATION)
        groups.setdefault(queries.group_key(run.budget, pair["key"], run.step.operation), []).append(pair)
    return groups


def _limit(run: _Run, value: Json) -> Json:
    start = whole(run.filled(run.compiled.start, {}), '"from"', low=0, high=_MOST)
    count = whole(run.filled(run.compiled.count, {}), "limit", low=0, high=_MOST)
    return lists.slice_(run.budget, items(value, "limit"), start, start + count)


def _items(pairs: Sequence[JsonObject]) -> list[Json]:
    return [pair["item"] for pair in pairs]


_Operation: TypeAlias = Callable[[_Run, Json], Json]

_OPERATIONS: Mapping[ListOperation, _Operation] = {
    ListOperation.FILTER: _filter,
    ListOperation.SORT: _sort,
    ListOperation.UNIQUE: _unique,
    ListOperation.GROUP: _group,
    ListOperation.AGGREGATE: _aggregate,
    ListOperation.SPLIT: _split,
    ListOperation.JOIN: _join,
    ListOperation.LIMIT: _limit,
}
