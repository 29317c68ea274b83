"""The table of node kinds: which handler runs which."""

from collections.abc import Mapping

from engine.model.node import NodeKind
from engine.nodes import condition, delay, loop, merge, parallel, respond, stop, switch, transform
from engine.nodes.base import PureHandler

PURE: Mapping[NodeKind, PureHandler] = {
    NodeKind.TRANSFORM: transform.run,
    NodeKind.CONDITION: condition.run,
    NodeKind.SWITCH: switch.run,
    NodeKind.MERGE: merge.run,
    NodeKind.DELAY: delay.run,
    NodeKind.RESPOND: respond.run,
    NodeKind.STOP: stop.run,
    NodeKind.LOOP: loop.run,
    NodeKind.PARALLEL: parallel.run,
}
"""Kinds that change nothing outside. The others are effects; their handlers are built in ``gateway.bootstrap``."""
