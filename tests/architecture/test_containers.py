"""``docker-compose.yml`` starts only what exists, in an order that works, and says when each part is well."""

import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from tests.architecture.sources import PACKAGES, ROOT

OURS = {"migrate", "gateway", "executor", "scheduler"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return parsed


def test_the_parts_are_those_of_the_cluster(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == OURS | {"postgres", "rabbitmq"}
    assert compose["services"]["executor"]["deploy"]["replicas"] == 2


def test_every_service_that_stays_has_a_health_check(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name == "migrate":
            assert service["healthcheck"] == {"disable": True}
            assert service["restart"] == "no"
        else:
            assert service["healthcheck"]["test"][0] == "CMD", name


def test_services_wait_for_what_they_need(compose: dict[str, Any]) -> None:
    services = compose["services"]

    for name in OURS - {"migrate"}:
        needs = {other: condition["condition"] for other, condition in services[name]["depends_on"].items()}
        assert needs == {
            "migrate": "service_completed_successfully",
            "postgres": "service_healthy",
            "rabbitmq": "service_healthy",
        }
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_command_exists(name: str, compose: dict[str, Any]) -> None:
    (subcommand,) = compose["services"][name]["command"]

    asked = subprocess.run(
        [sys.executable, "-c", "from gateway.cli import main; main()", subcommand, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert asked.returncode == 0, asked.stderr
    assert subcommand in asked.stdout


def test_every_value_from_outside_is_in_the_example() -> None:
    wanted = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))

    offered = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))

    assert wanted == offered


def test_the_image_does_not_run_as_root_and_checks_its_health() -> None:
    instructions = [
        line.split(maxsplit=1) for line in (ROOT / "Dockerfile").read_text().splitlines() if line[:1].isupper()
    ]
    last_stage = instructions[max(i for i, line in enumerate(instructions) if line[0] == "FROM") :]

    users = [rest[0] for name, *rest in last_stage if name == "USER"]
    assert users
    assert not {"root", "0"} & set(users)
    assert "HEALTHCHECK" in {line[0] for line in last_stage}


def test_the_image_gets_every_package() -> None:
    included = set(re.findall(r"^!(\w+)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE))

    assert set(PACKAGES) <= included


def test_the_test_containers_are_the_same_servers(compose: dict[str, Any]) -> None:
    tested = yaml.safe_load((ROOT / "tests" / "services" / "compose.yaml").read_text())

    for name in ("postgres", "rabbitmq"):
        assert tested["services"][name]["image"] == compose["services"][name]["image"]
