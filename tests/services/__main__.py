"""``python -m tests.services``: a private PostgreSQL and RabbitMQ until Ctrl-C, for working on the tests."""

import signal
import sys
from contextlib import ExitStack

from tests.services.finding import POSTGRES, RABBITMQ, Unavailable, start_private


def main() -> int:
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, _interrupt)
    try:
        with ExitStack() as stack:
            database = start_private(POSTGRES, stack)
            broker = start_private(RABBITMQ, stack)
            print(f"export {POSTGRES.variable}={database.url}")
            print(f"export {RABBITMQ.variable}={broker.url}")
            print("running until Ctrl-C; another terminal may use them after pasting the two lines above", flush=True)
            while True:
                signal.pause()
    except KeyboardInterrupt:
        print("stopped")
        return 0
    except Unavailable as error:
        print(error, file=sys.stderr)
        return 1


def _interrupt(_number: int, _frame: object) -> None:
    for stop in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(stop, signal.SIG_IGN)  # once is enough: the servers are being stopped
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
