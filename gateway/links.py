"""Links that work without signing in: each names one visit of one execution, and is signed.

The signature is an HMAC-SHA256 under a key that is derived from the hub's encryption keys, so nobody can make a link
who does not have those, and every process of the hub makes the same one. The first key signs, all can be read.
"""

import base64
import binascii
import hashlib
import hmac
import uuid
from dataclasses import dataclass

from db.vault import Vault
from engine.model.base import ExecutionId

PURPOSE = b"patchbay links 1"
CALLBACK = "callbacks"
APPROVAL = "approvals"
_MAC_BYTES = 24
_ID_BYTES = 16
LONGEST_TOKEN = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a good link names; ``assignee`` only if it is one person's."""

    execution_id: ExecutionId
    path: str
    assignee: str = ""


class SignedLinks:
    """Makes links and reads them. Implements ``engine.links.Links``."""

    def __init__(self, vault: Vault, base_url: str) -> None:
        self._keys = vault.derive(PURPOSE)
        self._base_url = base_url

    def callback(self, execution_id: ExecutionId, path: str) -> str:
        """The address whose caller resumes the step at ``path``."""
        return f"{self._base_url}/{CALLBACK}/{self._token(CALLBACK, execution_id, path)}"

    def approval(self, execution_id: ExecutionId, path: str, assignee: str) -> str:
        """The address of the page where an assignee answers what the step at ``path`` asks."""
        return f"{self._base_url}/{APPROVAL}/{self._token(APPROVAL, execution_id, path, assignee)}"

    def read(self, kind: str, token: str) -> Target | None:
        """Return what a token names; ``None`` for one that this hub has not made for this kind of link."""
        if len(token) > LONGEST_TOKEN:
            return None
        try:
            raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        given, content = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        signed = any(hmac.compare_digest(given, _mac(key, kind, content)) for key in self._keys)
        if not signed or len(content) <= _ID_BYTES:
            return None
        execution_id = ExecutionId(str(uuid.UUID(bytes=content[:_ID_BYTES])))
        path, _, assignee = content[_ID_BYTES:].decode().partition("\0")
        return Target(execution_id=execution_id, path=path, assignee=assignee)

    def _token(self, kind: str, execution_id: ExecutionId, path: str, assignee: str = "") -> str:
        named = f"{path}\0{assignee}" if assignee else path
        content = uuid.UUID(execution_id).bytes + named.encode()
        return base64.urlsafe_b64encode(_mac(self._keys[0], kind, content) + content).decode().rstrip("=")


def _mac(key: bytes, kind: str, content: bytes) -> bytes:
    return hmac.digest(key, kind.encode() + b"\0" + content, hashlib.sha256)[:_MAC_BYTES]
