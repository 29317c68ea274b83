"""How news moves along edges: a finished visit sends tokens, a node gathers them and runs, or is skipped.

When a visit ends, each outbound edge gets one token: live if the node left by that port, else dead. A node gathers
one token per inbound edge (a generation) and then runs once if any was live (``join: all``), or is skipped, which
sends dead tokens on. ``any`` and ``count`` run earlier in the generation, ``each`` once per live token. Pure, like
``engine.planner``, which is its only caller.
"""

from collections import deque

from engine.errors import LimitExceeded
from engine.graph import CompiledNode
from engine.model.execution import Failure, Status
from engine.model.node import JoinKind
from engine.state import DEAD, Ending, Gathering, State, Token, Visit


def send(state: State, tokens: list[tuple[int, Token]]) -> None:
    """Put tokens on edges and let what follows from them happen, skips included, without recursion."""
    todo = deque(tokens)
    while todo:
        index, token = todo.popleft()
        node = state.graph.nodes[state.graph.edges[index].target]
        if len(node.inbound) == 1:
            skips = 0 if token.live else 1
            if token.live:
                start_visit(state, node, (token,))
        else:
            state.queues[index].append(token)
            skips = _gather(state, node)
        for _ in range(skips):
            todo.extend(_skipped(state, node))


def _gather(state: State, node: CompiledNode) -> int:
    """Take at most one token per inbound edge and generation; return in how many generations the node is skipped."""
    skips = 0
    while True:
        gathering = state.gatherings.setdefault(node.key, Gathering())
        taken = [index for index in node.inbound if index not in gathering.tokens and state.queues[index]]
        if not taken:
            if not gathering.tokens:
                del state.gatherings[node.key]
            return skips
        for index in taken:
            gathering.tokens[index] = state.queues[index].popleft()
            _arrived(state, node, gathering, gathering.tokens[index])
        if len(gathering.tokens) == len(node.inbound):
            del state.gatherings[node.key]
            skips += _complete(state, node, gathering)


def _arrived(state: State, node: CompiledNode, gathering: Gathering, token: Token) -> None:
    """Fire the joins that need not wait for the whole generation."""
    join = node.node.join
    if not token.live or join.kind is JoinKind.ALL:
        return
    if join.kind is JoinKind.EACH:
        gathering.fired = True
        start_visit(state, node, (token,))
        return
    live = tuple(token for token in gathering.tokens.values() if token.live)
    if not gathering.fired and len(live) >= (1 if join.kind is JoinKind.ANY else join.count):
        gathering.fired = True
        start_visit(state, node, live)


def _complete(state: State, node: CompiledNode, gathering: Gathering) -> bool:
    """End a generation; say whether the node is skipped in it."""
    if gathering.fired:
        return False
    live = tuple(gathering.tokens[index] for index in node.inbound if gathering.tokens[index].live)
    if live and node.node.join.kind is JoinKind.ALL:
        start_visit(state, node, live)
        return False
    return True


def start_visit(state: State, node: CompiledNode, arrivals: tuple[Token, ...]) -> None:
    """Make a new visit of the node ready, unless the execution is ending; too many visits end it."""
    if state.ending is not None:
        return
    number = state.visits.get(node.key, 0) + 1
    state.visits[node.key] = number
    state.skipped.discard(node.key)
    state.total += 1
    if state.total > state.graph.settings.max_iterations:
        limit = state.graph.settings.max_iterations
        message = f'more than {limit} steps ran, the last at "{node.key}"; the limit is settings.max_iterations'
        failure = Failure(code=LimitExceeded.code, message=message, step=node.key)
        state.ending = Ending(Status.FAILED, error=failure)
        return
    visit = Visit(path=node.key if number == 1 else f"{node.key}#{number}", node=node, arrivals=arrivals)
    state.pending[visit.path] = visit
    state.ready.append(visit)


def skip(state: State, node: CompiledNode) -> None:
    send(state, _skipped(state, node))


def _skipped(state: State, node: CompiledNode) -> list[tuple[int, Token]]:
    if node.key in state.absorbing:  # started by the trigger in the middle of the graph: nothing before it matters
        state.absorbing.discard(node.key)
        return []
    if node.key not in state.visits:
        state.skipped.add(node.key)
    return [(index, DEAD) for index in node.outbound]


def resolve_stalled(state: State) -> None:
    """When nothing is under way, what is still missing at a join can never come: it is dead.

    Only possible behind ``join: each`` and ``any``, which may send more or fewer tokens than the other paths.
    """
    while not state.pending and state.ending is None and state.gatherings:
        key, gathering = next(iter(state.gatherings.items()))
        missing = [index for index in state.graph.nodes[key].inbound if index not in gathering.tokens]
        send(state, [(index, DEAD) for index in missing])
