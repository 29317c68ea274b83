"""A private PostgreSQL: the newest binaries on this machine, durable as in production, on 127.0.0.1 only."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from tests.services.private import PrivateFolder, PrivateServer, ServiceError, free_port, known_user, run_as
from tests.services.probes import postgres_answers

PASSWORD = "postgres"

SETTINGS = {
    "fsync": "on",  # the tests kill it and expect everything that was committed
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "warning",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "unix_socket_directories": "",
}


def find_binaries() -> Path | None:
    """Return the folder of ``initdb`` and ``postgres``; Debian keeps it off the path, one per major version."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if debian:
        return debian[-1].parent
    on_path = shutil.which("postgres")
    return Path(on_path).resolve().parent if on_path and shutil.which("initdb") else None


def may_run() -> bool:
    """PostgreSQL refuses to run as root, so root needs another user to run it as."""
    return find_binaries() is not None and (os.geteuid() != 0 or known_user("postgres"))


def start(private: PrivateFolder) -> PrivateServer:
    """Create a cluster in ``private`` and start it.

    Raises:
        ServiceError: ``initdb`` failed, or the server did not answer in time.
    """
    binaries = find_binaries()
    if binaries is None:
        raise ServiceError("PostgreSQL is not installed")
    user = "postgres" if os.geteuid() == 0 else None
    folder = private.add("postgres", user=user)
    _create_cluster(binaries, folder=folder, user=user)
    port = free_port()
    url = f"postgresql+asyncpg://postgres:{PASSWORD}@127.0.0.1:{port}/postgres"
    options = [f"--{name}={value}" for name, value in {**SETTINGS, "port": str(port)}.items()]
    server = PrivateServer(
        name="PostgreSQL",
        url=url,
        command=[str(binaries / "postgres"), "-D", str(folder / "data"), *options],
        folder=folder,
        environment={},
        user=user,
        stop_signal=signal.SIGINT,  # "fast": ends sessions, writes a checkpoint
        answers=lambda: postgres_answers(url),
    )
    server.start()
    return server


def _create_cluster(binaries: Path, *, folder: Path, user: str | None) -> None:
    password = folder / "password"
    password.write_text(PASSWORD)
    password.chmod(0o644)
    initdb = run_as(
        user,
        [
            str(binaries / "initdb"),
            f"--pgdata={folder / 'data'}",
            "--username=postgres",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ],
        folder=folder,
        environment={},
        output=subprocess.PIPE,
    )
    output, _ = initdb.communicate()
    if initdb.returncode != 0:
        raise ServiceError(f"initdb failed:\n{output.decode(errors='replace')}")
