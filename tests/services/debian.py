"""Installing a server's package on Debian or Ubuntu, without letting the machine's own instance of it start."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.services.private import ServiceError

# Debian asks this program before any package starts a service; 101 means no (Debian policy, "invoke-rc.d").
POLICY = Path("/usr/sbin/policy-rc.d")
REFUSE = "#!/bin/sh\nexit 101\n"

INSTALL_SECONDS = 900


def may_install() -> bool:
    return os.geteuid() == 0 and Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def install(package: str) -> None:
    """Install ``package`` and nothing that is merely recommended; none of its services is running afterwards.

    Raises:
        ServiceError: ``apt-get`` failed; its last lines are in the message.
    """
    print(f"installing {package} with apt-get", file=sys.stderr, flush=True)
    with _no_service_starts():
        with contextlib.suppress(ServiceError):  # stale lists may still do; the installation decides
            _apt_get("update")
        _apt_get("install", "--yes", "--no-install-recommends", package)


def _apt_get(*arguments: str) -> None:
    done = subprocess.run(
        ["apt-get", "-q", *arguments],
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=INSTALL_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        last = "\n".join(done.stdout.decode(errors="replace").splitlines()[-10:])
        raise ServiceError(f"apt-get {' '.join(arguments)} failed:\n{last}")


@contextlib.contextmanager
def _no_service_starts() -> Iterator[None]:
    if POLICY.exists():  # somebody has decided already
        yield
        return
    POLICY.write_text(REFUSE)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()
