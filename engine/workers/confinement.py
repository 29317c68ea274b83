"""What a worker gives up before it sees any code: memory, files, processes, the network, and outliving its executor."""

import contextlib
import ctypes
import resource
import signal
from typing import Final

ADDRESS_SPACE: Final = 1024 * 1024 * 1024
"""The interpreters keep to a run's own limit; this one holds if they do not."""
CPU_SECONDS: Final = 300
"""Of a whole worker's life; the executor starts another one long before."""
OPEN_FILES: Final = 64

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_NEW_USER, _NEW_NET, _NEW_IPC = 0x10000000, 0x40000000, 0x08000000


def confine() -> None:
    """Set the bounds that the interpreters, and processes they start, live in. What a system lacks is left out."""
    _without_network()
    _limit("RLIMIT_AS", ADDRESS_SPACE)
    _limit("RLIMIT_CPU", CPU_SECONDS)
    _limit("RLIMIT_FSIZE", 0)
    _limit("RLIMIT_CORE", 0)
    _limit("RLIMIT_NOFILE", OPEN_FILES)


def seal() -> None:
    """Let nothing new be started from here on; call it when the interpreter is up."""
    _limit("RLIMIT_NPROC", 0)


def _limit(name: str, value: int) -> None:
    kind = getattr(resource, name, None)
    if kind is not None:
        _, hard = resource.getrlimit(kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (bound, bound))


def _without_network() -> None:
    """Move to namespaces without network where Linux allows it, and forgo all privileges."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "prctl"):
        return
    libc.unshare(_NEW_USER | _NEW_NET | _NEW_IPC)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
