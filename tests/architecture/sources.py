"""Which files there are: what git tracks or would track, so that caches and environments never count."""

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("gateway", "triggers", "connectors", "engine", "webhooks", "db")


@cache
def files() -> tuple[Path, ...]:
    """Return every file of the repository, relative to its root."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    # Outside a checkout (an unpacked archive) there is nothing but the files themselves.
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else _walk()
    return tuple(sorted(Path(name) for name in set(names) if name and (ROOT / name).is_file()))


def modules(*folders: str) -> tuple[Path, ...]:
    """Return the Python files, those below ``folders`` if any are named."""
    return tuple(path for path in files() if path.suffix == ".py" and (not folders or path.parts[0] in folders))


def text(path: Path) -> str | None:
    """Return the file's text, or ``None`` if it is not text."""
    try:
        return (ROOT / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def _walk() -> list[str]:
    skipped = {"__pycache__", "build", "dist"}
    found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
    return [
        str(path)
        for path in found
        if not any(part in skipped or (part.startswith(".") and part != ".ci") for part in path.parts[:-1])
    ]
