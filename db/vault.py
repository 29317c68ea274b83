"""Encrypts credentials and secrets at rest, in envelopes: each value under a key of its own, which ours wraps.

Fernet (AES-128-CBC with HMAC-SHA256) by ``cryptography``. Our keys have ids, so that a text says which one opens it.
The first key wraps, all unwrap; how keys are replaced is in ``db.keyring``.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Sequence

from cryptography.fernet import Fernet, InvalidToken

from engine.errors import ConfigurationError

_KEY_BYTES = 32


def generate_key() -> str:
    """Make a new key, as text for the settings."""
    return Fernet.generate_key().decode()


class Vault:
    """Encrypts and decrypts with a list of keys; ``repr`` shows their ids only."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take keys as ``generate_key`` makes them, the one that encrypts first.

        Raises:
            ConfigurationError: There is none, or one is not a key.
        """
        if not keys:
            raise ConfigurationError("no encryption key is set; make one with `patchbay keys new-encryption-key`")
        self._fernets: dict[str, Fernet] = {}
        self._raw: list[bytes] = []
        for place, key in enumerate(keys, start=1):
            raw = _raw_key(key)
            if raw is None:
                raise ConfigurationError(
                    f"encryption key number {place} is not 32 bytes in URL-safe base64; "
                    "make one with `patchbay keys new-encryption-key`"
                )
            self._fernets[_key_id(raw)] = Fernet(key)
            self._raw.append(raw)
        self._primary = next(iter(self._fernets))

    @classmethod
    def from_settings(cls, texts: Iterable[str]) -> "Vault":
        """Read keys from settings; a text may hold several, divided by commas or spaces."""
        return cls([key for text in texts for key in text.replace(",", " ").split()])

    def __repr__(self) -> str:
        return f"Vault({', '.join(self._fernets)})"

    @property
    def primary(self) -> str:
        """The id of the key that encrypts."""
        return self._primary

    @property
    def key_ids(self) -> frozenset[str]:
        return frozenset(self._fernets)

    def derive(self, purpose: bytes) -> tuple[bytes, ...]:
        """Return a key of 32 bytes for another purpose from each of ours, which it does not reveal; the first first."""
        return tuple(hmac.digest(raw, purpose, hashlib.sha256) for raw in self._raw)

    def encrypt(self, plain: bytes) -> str:
        """Return ``<key id>:<wrapped key>:<token>``: a key made for this value alone, and the value under that key."""
        own = Fernet.generate_key()
        return f"{self._wrap(own)}:{Fernet(own).encrypt(plain).decode()}"

    def decrypt(self, text: str) -> bytes:
        """Undo ``encrypt``.

        Raises:
            ConfigurationError: The key that wrapped it is not among ours, or the text was changed.
        """
        key_id, _, rest = text.partition(":")
        wrapped, _, token = rest.partition(":")
        own = self._unwrap(key_id, wrapped)
        try:
            return Fernet(own).decrypt(token.encode())
        except InvalidToken as error:
            raise _damaged(key_id) from error

    def rewrap(self, text: str) -> str:
        """Wrap a value's own key with the first of ours; the value itself is not touched. Raises as ``decrypt``."""
        key_id, _, rest = text.partition(":")
        wrapped, _, token = rest.partition(":")
        return f"{self._wrap(self._unwrap(key_id, wrapped))}:{token}"

    def _wrap(self, own: bytes) -> str:
        return f"{self._primary}:{self._fernets[self._primary].encrypt(own).decode()}"

    def _unwrap(self, key_id: str, wrapped: str) -> bytes:
        fernet = self._fernets.get(key_id)
        if fernet is None:
            raise ConfigurationError(
                f'a stored value is encrypted with the key "{key_id}", which is not among the keys set; add that key'
            )
        try:
            return fernet.decrypt(wrapped.encode())
        except InvalidToken as error:
            raise _damaged(key_id) from error


def _damaged(key_id: str) -> ConfigurationError:
    return ConfigurationError(f'a stored value cannot be decrypted with its key "{key_id}"; it is damaged')


def _raw_key(key: str) -> bytes | None:
    """Read a key's 32 bytes; ``None`` if it is anything else, such as a key with something after it."""
    try:
        raw = base64.b64decode(key.encode(), altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    return raw if len(raw) == _KEY_BYTES else None


def _key_id(raw: bytes) -> str:
    """Name a key by a hash that does not reveal it: its 256 bits cannot be searched."""
    return hashlib.sha256(b"patchbay key id:" + raw).hexdigest()[:12]
