"""A private RabbitMQ: node name, data, cookie, ports and name server (epmd) of its own, on 127.0.0.1 only.

A shared epmd would make two private nodes, or a private node and the machine's own, see each other.
"""

import os
import shutil
import signal
import time
from pathlib import Path

from tests.services.private import PrivateFolder, PrivateServer, ServiceError, free_port, known_user, run_as
from tests.services.probes import rabbitmq_answers

CONFIGURATION = """\
listeners.tcp.1 = 127.0.0.1:{port}
log.console = true
log.console.level = warning
log.file = false
disk_free_limit.absolute = 50MB
"""

# Waiting schedulers sleep instead of spinning: the tests share few cores with the server.
ERLANG_OPTIONS = "-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none"

# RabbitMQ 3.10 writes the name of a new quorum queue to disk up to a second after it has declared the queue to the
# client. Killed before that, it comes back with a queue that exists but never answers (reproduced with 3.10.8).
# Queues are made once, when a hub first meets its broker; the tests make new ones all the time.
SETTLE_SECONDS = 1.5


def find_program() -> Path | None:
    """Return the server's own start script; Debian's wrapper on the path knows only the machine's instance."""
    debian = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
    if debian.exists():
        return debian
    on_path = shutil.which("rabbitmq-server")
    return Path(on_path) if on_path else None


def may_run() -> bool:
    return find_program() is not None and _find_epmd() is not None


def start(private: PrivateFolder) -> PrivateServer:
    """Start a node of its own in ``private``.

    Raises:
        ServiceError: It did not answer in time.
    """
    program = find_program()
    if program is None:
        raise ServiceError("RabbitMQ is not installed")
    user = "rabbitmq" if os.geteuid() == 0 and known_user("rabbitmq") else None
    folder = private.add("rabbitmq", user=user)
    port, names_port = free_port(), free_port()
    environment = _environment(folder, port=port, names_port=names_port)
    (folder / "rabbitmq.conf").write_text(CONFIGURATION.format(port=port))
    (folder / "rabbitmq-env.conf").write_text("")
    _start_epmd(private, user=user, environment=environment)
    url = f"amqp://guest:guest@127.0.0.1:{port}/"
    server = PrivateServer(
        name="RabbitMQ",
        url=url,
        command=[str(program)],
        folder=folder,
        environment=environment,
        user=user,
        stop_signal=signal.SIGTERM,
        answers=lambda: rabbitmq_answers(url),
        settle_seconds=SETTLE_SECONDS,
    )
    server.start()
    return server


def _environment(folder: Path, *, port: int, names_port: int) -> dict[str, str]:
    return {
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(names_port),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "feature_flags"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_NODENAME": f"patchbay-{port}@localhost",
        "RABBITMQ_PID_FILE": str(folder / "node.pid"),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": ERLANG_OPTIONS,
        # The start script then becomes the server instead of watching it as a child, so that a SIGKILL hits the server.
        "RUNNING_UNDER_SYSTEMD": "true",
    }


def _find_epmd() -> str | None:
    found = shutil.which("epmd") or shutil.which("epmd", path="/usr/lib/erlang/bin")
    if found:
        return found
    bundled = sorted(Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))
    return str(bundled[-1]) if bundled else None


def _start_epmd(private: PrivateFolder, *, user: str | None, environment: dict[str, str]) -> None:
    """Start the node's name server ourselves: one that the node starts is a daemon and would outlive it."""
    epmd = _find_epmd()
    if epmd is None:
        raise ServiceError("epmd, a part of Erlang, is not installed")
    folder = private.add("epmd", user=user)
    with (folder / "log").open("ab") as log:
        process = run_as(user, [epmd], folder=folder, environment=environment, output=log)
    private.keep(process, folder=folder)
    time.sleep(0.05)
    if process.poll() is not None:
        raise ServiceError(f"epmd ended at once:\n{(folder / 'log').read_text()}")
