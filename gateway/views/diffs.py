"""What two versions of a workflow differ in, or a version and a text that is not saved."""

from collections.abc import Sequence

from msgspec import Struct

from engine.diff import Change, Kind, summary


class ChangeView(Struct, frozen=True, kw_only=True):
    """One difference: its place in the newer text, or in the older one if it was removed, and what it means.

    ``runs`` is false for what changes only texts or the layout.
    """

    place: str
    kind: Kind
    text: str
    runs: bool


class DiffView(Struct, frozen=True, kw_only=True):
    """What changes from version ``before`` to version ``after``, which is ``null`` for a text that is not saved.

    Where ``runs_alike`` is true, at most texts and the layout differ.
    """

    before: int
    after: int | None
    summary: str
    runs_alike: bool
    changes: list[ChangeView]


def diff_view(changes: Sequence[Change], *, before: int, after: int | None) -> DiffView:
    views = [ChangeView(place=change.place, kind=change.kind, text=change.text, runs=change.runs) for change in changes]
    return DiffView(
        before=before,
        after=after,
        summary=summary(changes),
        runs_alike=not any(change.runs for change in changes),
        changes=views,
    )
