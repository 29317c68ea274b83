"""How news moves along edges: a finished visit sends tokens, a node gathers them and runs, or is skipped.

When a visit ends, each outbound edge gets one token: live if the node left by that port, else dead. A node gathers
one token per inbound edge (a generation) and then runs once if any was live (``join: all``), or is skipped, which
sends dead tokens on. ``any`` and ``count`` run earlier in the generation, ``each`` once per live token. An edge that
closes a cycle starts its target at once. Pure, like ``engine.planner``.
"""

from collections import deque

from engine.errors import LimitExceeded
from engine.flow import CompiledNode
from engine.model.execution import Failure, Status
from engine.model.node import JoinKind
from engine.state import DEAD, Ending, Frame, Gathering, Region, Stage, State, Token, Visit


def send(state: State, frame: Frame, tokens: list[tuple[int, Token]]) -> None:
    """Put tokens on edges and let what follows from them happen, skips included, without recursion."""
    todo = deque(tokens)
    cycles = frame.flow.cycles
    while todo:
        index, token = todo.popleft()
        node = frame.flow.nodes[frame.flow.edges[index].target]
        if cycles.regions and not _passes(frame, index, token):
            continue
        if index in cycles.closing:
            start_visit(state, frame, node, (token,))
            continue
        if len(node.inbound) == 1:
            skips = 0 if token.live else 1
            if token.live:
                start_visit(state, frame, node, (token,))
        else:
            frame.queues.setdefault(index, deque()).append(token)
            skips = _gather(state, frame, node)
        for _ in range(skips):
            todo.extend(_skipped(frame, node))


def _passes(frame: Frame, index: int, token: Token) -> bool:
    """Whether news goes on now: dead news does not close a cycle, and leaves a region only when it stands still."""
    cycles = frame.flow.cycles
    if index in cycles.closing and not token.live:
        return False
    exits = cycles.exits.get(index, ())
    if exits and not token.live:
        region_of(frame, exits[0]).held.add(index)
        return False
    for number in exits:
        region_of(frame, number).taken.add(index)
    _enter(frame, index)
    return True


def _enter(frame: Frame, index: int) -> None:
    for number, entries in enumerate(frame.flow.cycles.entries):
        if index in entries:
            region_of(frame, number).entered.add(index)


def region_of(frame: Frame, number: int) -> Region:
    return frame.regions.setdefault(number, Region())


def leave_regions(state: State, frame: Frame, *, stalled: bool = False) -> bool:
    """Let go the news that regions held back which stand still; say whether anything moved."""
    cycles, moved = frame.flow.cycles, False
    for number, members in enumerate(cycles.regions):
        region = frame.regions.get(number)
        if region is None or region.busy or not (region.held or region.taken):
            continue
        unfinished = any(key in members for key in frame.gatherings) or region.entered < cycles.entries[number]
        if unfinished and not stalled:
            continue
        del frame.regions[number]
        news = []
        for index in sorted(region.held - region.taken):
            exits = cycles.exits[index]
            further = exits[exits.index(number) + 1 :]
            if further:
                region_of(frame, further[0]).held.add(index)
            else:
                news.append((index, DEAD))
        _send_on(state, frame, news)
        moved = True
    return moved


def _send_on(state: State, frame: Frame, news: list[tuple[int, Token]]) -> None:
    """Send news that has left its region: it is held back no more."""
    for index, token in news:
        _enter(frame, index)
        node = frame.flow.nodes[frame.flow.edges[index].target]
        if len(node.inbound) == 1:
            send(state, frame, _skipped(frame, node))
            continue
        frame.queues.setdefault(index, deque()).append(token)
        for _ in range(_gather(state, frame, node)):
            send(state, frame, _skipped(frame, node))


def _gather(state: State, frame: Frame, node: CompiledNode) -> int:
    """Take at most one token per inbound edge and generation; return in how many generations the node is skipped."""
    skips = 0
    while True:
        gathering = frame.gatherings.setdefault(node.key, Gathering())
        taken = [index for index in node.inbound if index not in gathering.tokens and frame.queues.get(index)]
        if not taken:
            if not gathering.tokens:
                del frame.gatherings[node.key]
            return skips
        for index in taken:
            gathering.tokens[index] = frame.queues[index].popleft()
            _arrived(state, frame, node, gathering=gathering, token=gathering.tokens[index])
        if len(gathering.tokens) == len(node.inbound):
            del frame.gatherings[node.key]
            skips += _complete(state, frame, node, gathering=gathering)


def _arrived(state: State, frame: Frame, node: CompiledNode, *, gathering: Gathering, token: Token) -> None:
    """Fire the joins that need not wait for the whole generation."""
    join = node.node.join
    if not token.live or join.kind is JoinKind.ALL:
        return
    if join.kind is JoinKind.EACH:
        gathering.fired = True
        start_visit(state, frame, node, (token,))
        return
    live = tuple(token for token in gathering.tokens.values() if token.live)
    if not gathering.fired and len(live) >= (1 if join.kind is JoinKind.ANY else join.count):
        gathering.fired = True
        start_visit(state, frame, node, live)


def _complete(state: State, frame: Frame, node: CompiledNode, *, gathering: Gathering) -> bool:
    """End a generation; say whether the node is skipped in it."""
    if gathering.fired:
        return False
    live = tuple(gathering.tokens[index] for index in node.inbound if gathering.tokens[index].live)
    if live and node.node.join.kind is JoinKind.ALL:
        start_visit(state, frame, node, live)
        return False
    return True


def start_visit(state: State, frame: Frame, node: CompiledNode, arrivals: tuple[Token, ...]) -> None:
    """Make a new visit of the node ready, unless its frame or the execution is ending; too many visits end it."""
    if state.stopping or frame.closing is not None:
        return
    number = frame.visits.get(node.key, 0) + 1
    limit = state.graph.settings.max_iterations
    if number > limit:
        _end_runaway(state, node, f"{frame.prefix}{node.key}", limit)
        return
    frame.visits[node.key] = number
    frame.skipped.discard(node.key)
    path = frame.prefix + (node.key if number == 1 else f"{node.key}#{number}")
    begin_visit(state, Visit(path=path, node=node, frame=frame, arrivals=arrivals))


def begin_visit(state: State, visit: Visit) -> None:
    """Make a visit ready."""
    frame = visit.frame
    state.pending[visit.path] = frame.under_way[visit.path] = visit
    for number in frame.flow.cycles.around.get(visit.node.key, ()):
        region_of(frame, number).busy += 1
    state.ready.append(visit)


def end_visit(state: State, visit: Visit) -> None:
    """Take a visit out; its tokens are sent afterwards."""
    frame = visit.frame
    del state.pending[visit.path], frame.under_way[visit.path]
    for number in frame.flow.cycles.around.get(visit.node.key, ()):
        region_of(frame, number).busy -= 1
    if visit.stage is Stage.READY and visit in state.ready:
        state.ready.remove(visit)


def _end_runaway(state: State, node: CompiledNode, path: str, limit: int) -> None:
    if state.ending is None:
        message = f'"{node.place}" ran {limit} times and its cycle goes on; the limit is settings.max_iterations'
        failure = Failure(code=LimitExceeded.code, message=message, step=path)
        state.ending = Ending(Status.FAILED, error=failure)


def skip(state: State, frame: Frame, node: CompiledNode) -> None:
    send(state, frame, _skipped(frame, node))


def _skipped(frame: Frame, node: CompiledNode) -> list[tuple[int, Token]]:
    if node.key in frame.absorbing:  # started by the trigger in the middle of the graph: nothing before it matters
        frame.absorbing.discard(node.key)
        return []
    if node.key not in frame.visits:
        frame.skipped.add(node.key)
    return [(index, DEAD) for index in node.outbound]


def resolve_stalled(state: State, frame: Frame) -> None:
    """When nothing in a frame is under way, what is still missing at a join can never come: it is dead.

    Only possible behind ``join: each`` and ``any``, and cycles, which may send more or fewer tokens than other paths.
    """
    while not frame.under_way and not state.stopping and frame.closing is None:
        if leave_regions(state, frame, stalled=True):
            continue
        if not frame.gatherings:
            return
        key, gathering = next(iter(frame.gatherings.items()))
        missing = [index for index in frame.flow.nodes[key].inbound if index not in gathering.tokens]
        _send_on(state, frame, [(index, DEAD) for index in missing])
