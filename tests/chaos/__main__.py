"""``python -m tests.chaos --minutes 10``: the chaos test for as long as one likes, on servers of its own."""

# ruff: noqa: T201 - it talks to a person

import argparse
import asyncio
import random
import sys
import tempfile
import uuid
from contextlib import ExitStack
from pathlib import Path

from tests.chaos.run import Plan, World, run
from tests.services import Unavailable, start_private_services
from tests.services.probes import create_database


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long the load lasts")
    parser.add_argument("--rate", type=float, default=60.0, help="events per second")
    parser.add_argument("--seed", type=int, default=None, help="repeat an earlier run's faults and events")
    parser.add_argument("--folder", type=Path, default=None, help="where logs and the witness stay")
    given = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if given.seed is None else given.seed
    folder = given.folder or Path(tempfile.mkdtemp(prefix="patchbay-chaos-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {seed}, files in {folder}", flush=True)
    try:
        with ExitStack() as stack:
            services = start_private_services(stack)
            assert services.postgres is not None
            assert services.rabbitmq is not None
            create_database(services.database_url, "chaos")
            world = World(
                database=services.postgres,
                broker=services.rabbitmq,
                database_url=f"{services.database_url.rpartition('/')[0]}/chaos",
                broker_prefix=f"chaos-{uuid.uuid4().hex[:8]}",
                folder=folder,
            )
            report = asyncio.run(run(Plan(seconds=given.minutes * 60, rate=given.rate, seed=seed), world))
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 1
    print(report.summary)
    for problem in report.problems:
        print(f"- {problem}")
    return 1 if report.problems else 0


if __name__ == "__main__":
    sys.exit(main())
