"""A/B splits of a workflow's events between two versions."""

from typing import Annotated

from msgspec import Meta

from engine.audit import Act
from engine.model.access import Scope
from gateway.endpoints import Call, Endpoint
from gateway.inputs import Body, Query
from gateway.routes.versions import Which
from gateway.views.splits import SplitView, split_view

Percent = Annotated[int, Meta(ge=1, le=99, description="how many of a hundred events go to the version")]


class SplitBody(Body, frozen=True, kw_only=True):
    """What to split."""

    version: Which
    percent: Percent


async def get_split(call: Call[Query, None]) -> SplitView:
    """Compare the two versions that share the events.

    The counts are of executions since the split began; 404 if the events are not split.
    """
    return split_view(await call.hub.splitting.compare(_act(call), call.key("workflow")))


async def put_split(call: Call[Query, SplitBody]) -> SplitView:
    """Let a part of the events run another version than the published one.

    The same dedupe key always runs the same version. The version needs the triggers of the published one. A split that
    there was is replaced, and counting begins anew. Publishing a version ends the split.
    """
    body = call.body
    return split_view(
        await call.hub.splitting.put(_act(call), call.key("workflow"), which=body.version, percent=body.percent)
    )


async def end_split(call: Call[Query, None]) -> None:
    """Let all events run the published version again."""
    await call.hub.splitting.end(_act(call), call.key("workflow"))


def _act(call: Call[Query, SplitBody] | Call[Query, None]) -> Act:
    return Act(call.caller.project, call.caller.actor)


_PATH = "/workflows/{workflow}/split"

endpoints = [
    Endpoint(method="GET", path=_PATH, handler=get_split, scope=Scope.READ),
    Endpoint(method="PUT", path=_PATH, handler=put_split, scope=Scope.WRITE, refusals=(409, 422)),
    Endpoint(method="DELETE", path=_PATH, handler=end_split, scope=Scope.WRITE, status=204),
]
