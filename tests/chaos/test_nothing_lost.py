"""Promise 1 and 2 under fire: executors, gateway and scheduler are killed, RabbitMQ and PostgreSQL restarted and killed."""

import os
import random
import sys
from pathlib import Path

import pytest

from tests.chaos.run import Plan, World, run
from tests.services import Services

SECONDS = float(os.environ.get("PATCHBAY_TEST_CHAOS_SECONDS", "40"))
SEED = os.environ.get("PATCHBAY_TEST_CHAOS_SEED")
RATE = 40.0


@pytest.mark.chaos
@pytest.mark.integration
async def test_nothing_is_lost_and_nothing_done_twice(
    private_services: Services,
    private_database_url: str,
    broker_prefix: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert private_services.postgres is not None
    assert private_services.rabbitmq is not None
    seed = random.SystemRandom().randrange(1_000_000) if SEED is None else int(SEED)
    world = World(
        database=private_services.postgres,
        broker=private_services.rabbitmq,
        database_url=private_database_url,
        broker_prefix=broker_prefix,
        folder=tmp_path,
    )

    report = await run(Plan(seconds=SECONDS, rate=RATE, seed=seed), world)

    with capsys.disabled():
        sys.stdout.write(f"\n{report.summary}\n")
    assert not report.problems, "\n".join([report.summary, f"logs in {tmp_path}", *report.problems[:50]])
