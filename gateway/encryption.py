"""Where the encryption keys come from: the settings, or a file that an embedded hub makes for itself."""

import os
from pathlib import Path

from db.vault import Vault, generate_key
from engine.errors import ConfigurationError
from gateway.settings import Settings

KEY_FILE = "encryption.key"


def open_vault(settings: Settings) -> Vault:
    """Return the vault of this process.

    An embedded hub without ``PATCHBAY_ENCRYPTION_KEYS`` makes a key in its data folder, readable by its owner only.
    Whoever loses that file loses the stored secrets, so it belongs in the backup, apart from the database.

    Raises:
        ConfigurationError: A key is malformed, or the data folder cannot be used.
    """
    if settings.encryption_keys:
        return Vault([str(key) for key in settings.encryption_keys])
    return Vault([_stored_key(settings.data_dir)])


def _stored_key(folder: Path) -> str:
    path = folder / KEY_FILE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text(encoding="ascii").strip()
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(key := generate_key())
        return key
    except OSError as exc:
        raise ConfigurationError(f'the data folder "{folder}" cannot be used: {exc.strerror}') from exc
