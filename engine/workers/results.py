"""Checks that what code gave is JSON and not too large, before it leaves the worker."""

from typing import Any

import msgspec

from engine.workers.protocol import Ending, Ran


def checked(text: str | bytes, limit: int, log: tuple[str, ...]) -> Ran:
    """Return a result that was written as JSON, or why it cannot be one."""
    size = len(text.encode(errors="surrogatepass") if isinstance(text, str) else text)
    if size > limit:
        return Ran(ending=Ending.OUTPUT, message=f"the result has {size} bytes as JSON", log=log)
    try:
        value: Any = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as exc:
        return Ran(ending=Ending.THROWN, message=f"the result is not JSON: {exc}"[:500], log=log)
    return Ran(ending=Ending.RETURNED, value=value, log=log)
