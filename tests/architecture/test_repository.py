"""The repository stands alone, keeps no unfinished business, and says what it is made of and set by."""

import ast
import re
from pathlib import Path

import pytest

from gateway.settings import CLIENT_VARIABLES, PREFIX, Settings
from tests.architecture.sources import PACKAGES, ROOT, files, modules, text

UNFINISHED = re.compile("TODO|FIXME|XXX|NotImplementedError|for now[,;.]")
PACKAGE_INDEX = re.compile(r"(?:pypi|pythonhosted)\.(?:org|io)|--(?:extra-)?index-url [a-z]|/simple/?\b")
MACHINE_PATH = re.compile(r"/work/|/root/|/home/\w|/Users/\w|/opt/py")

TEST_VARIABLES = {f"PATCHBAY_TEST_{name}" for name in ("DATABASE_URL", "BROKER_URL", "CHAOS_SECONDS", "CHAOS_SEED")}
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock")


def occurrences(pattern: re.Pattern[str]) -> list[str]:
    """Return ``path:line: text`` for every line that the pattern is found in, this file's own patterns aside."""
    return [
        f"{path}:{number}: {line.strip()}"
        for path in files()
        if ROOT / path != Path(__file__)
        for number, line in enumerate((text(path) or "").splitlines(), start=1)
        if pattern.search(line)
    ]


def test_nothing_is_left_unfinished() -> None:
    assert not occurrences(UNFINISHED)


def test_no_package_index_is_named() -> None:
    """Where packages come from is the installer's choice; the hashes decide what is taken."""
    assert not occurrences(PACKAGE_INDEX)


def test_no_path_of_somebodys_machine_is_named() -> None:
    assert not occurrences(MACHINE_PATH)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_pins_every_package_with_hashes_and_nothing_else(name: str) -> None:
    entries = (ROOT / name).read_text().replace("\\\n", " ").splitlines()

    pin = re.compile(r"[a-z0-9-]+==[\w.]+(?: ; [^#@]+?)?(?:\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert entries
    assert [entry for entry in entries if not pin.fullmatch(entry)] == []


def test_the_lock_files_agree() -> None:
    """What is tested is what is shipped."""
    development = pins("requirements-dev.lock")

    for name in LOCKS:
        assert pins(name) <= development, name


def test_every_module_says_why_it_exists() -> None:
    """All but the ``__init__.py`` of a test folder, which mirrors a folder of the source."""
    silent = [
        str(path)
        for path in modules()
        if not ast.get_docstring(ast.parse(text(path) or "")) and (path.parts[0], path.name) != ("tests", "__init__.py")
    ]

    assert not silent


def test_every_folder_of_a_package_is_importable() -> None:
    """A folder without ``__init__.py`` is left out of the distribution, and its tests may shadow a package of ours."""
    folders = {path.parent for path in modules(*PACKAGES, "tests", "benchmarks")}

    missing = [str(folder) for folder in folders if not (ROOT / folder / "__init__.py").exists()]
    assert sorted(missing) == []


def test_every_setting_is_documented() -> None:
    documentation = (ROOT / "docs" / "operations.md").read_text()

    assert sorted(name for name in settings() if f"`{name}`" not in documentation) == []


def test_every_setting_that_the_documents_name_exists() -> None:
    named = {
        name
        for path in files()
        if path.suffix == ".md" or path.name in {".env.example", "docker-compose.yml", "Dockerfile"}
        for name in re.findall(r"\bPATCHBAY_[A-Z0-9_]*[A-Z0-9]\b", text(path) or "")
    }

    assert sorted(named - settings() - TEST_VARIABLES) == []


def settings() -> set[str]:
    return {f"{PREFIX}{name.upper()}" for name in Settings.__dataclass_fields__} | CLIENT_VARIABLES


def pins(name: str) -> set[str]:
    return set(re.findall(r"^[a-z0-9-]+==\S+", (ROOT / name).read_text(), re.MULTILINE))
