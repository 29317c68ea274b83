"""Where a path of a document lies: in which of the flows inside one another, and at which node."""

from dataclasses import dataclass

from engine.definition.report import Path


@dataclass(frozen=True, slots=True)
class NodePlace:
    """A node of a flow: ``flow`` is the path of the mapping that holds its ``nodes``, ``at`` its own path."""

    flow: Path
    key: str

    @property
    def at(self) -> Path:
        return (*self.flow, "nodes", self.key)


def nodes_on(at: Path) -> list[NodePlace]:
    """Return the nodes that a path leads through, from the outermost to the innermost."""
    found: list[NodePlace] = []
    flow: Path = ("finally",) if at[:1] == ("finally",) else ()
    while len(at) > len(flow) + 1 and at[len(flow)] == "nodes":
        place = NodePlace(flow, str(at[len(flow) + 1]))
        found.append(place)
        rest = at[len(place.at) :]
        if rest[:1] == ("body",):
            flow = (*place.at, "body")
        elif rest[:1] == ("branches",) and len(rest) > 1:
            flow = (*place.at, *rest[:2])
        else:
            break
    return found
