"""Collects what code writes to its console, up to a limit, as lines."""

from typing import Final

CUT: Final = "(the console output was cut here; limits.console says how much is kept)"


class Console:
    """Keeps the first ``limit`` bytes that are written; what comes later is counted as cut and dropped."""

    def __init__(self, limit: int) -> None:
        self._room = limit
        self._parts: list[str] = []
        self._cut = False

    def write(self, text: str) -> None:
        """Take some more text, which may hold several lines or a part of one."""
        if self._cut:
            return
        encoded = text.encode(errors="replace")
        if len(encoded) > self._room:
            text = encoded[: self._room].decode(errors="ignore")
            self._cut = True
        self._room -= len(encoded)
        self._parts.append(text)

    def lines(self) -> tuple[str, ...]:
        """Return the lines, the last of which says so if anything was dropped."""
        text = "".join(self._parts).removesuffix("\n")
        lines = tuple(text.split("\n")) if text else ()
        return (*lines, CUT) if self._cut else lines
