"""The workflows of the demo: the same files as in ``examples/``, in a hurry and pointed at the demo's receiver."""

from pathlib import Path

FOLDER = Path(__file__).parent
NAMES = ("paid-orders", "quote", "fan-out", "ship-orders", "follow-up", "heartbeat")

CHANGES = {
    "follow-up": ("default: 24h", "default: 1s"),
    "heartbeat": ("every: 2s", "every: 1s"),
}
"""What the demo changes in a text, because nobody wants to wait for a day."""

RECEIVER = "http://127.0.0.1:8401"


def text_of(name: str, *, receiver: str) -> str:
    """Return a definition as the demo applies it."""
    text = (FOLDER / f"{name}.yaml").read_text(encoding="utf-8").replace(RECEIVER, receiver)
    before, after = CHANGES.get(name, ("", ""))
    return text.replace(before, after) if before else text
