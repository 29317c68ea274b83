"""Signing secrets: making them, and turning their written form into key bytes."""

import base64
import binascii
import os

from engine.errors import DefinitionError

PREFIX = "whsec_"
"""What Standard Webhooks puts before the base64 form, so that secret scanners recognise it."""


def generate_secret() -> str:
    """Return a new secret of 256 bits in its written form, ``whsec_<base64>``."""
    return PREFIX + base64.b64encode(os.urandom(32)).decode()


def key_bytes(secret: bytes, *, encoding: str = "raw") -> bytes:
    """Return the key that a written secret stands for.

    Args:
        secret: The secret as it is stored.
        encoding: ``raw`` takes the bytes as they are, ``base64`` and ``hex`` decode them; ``whsec`` decodes base64
            after ``whsec_`` and takes anything without that prefix as it is.

    Raises:
        DefinitionError: The secret is empty, or not in the form its scheme says. The message holds nothing of it.
    """
    text = secret.strip() if encoding != "raw" else secret
    try:
        if encoding == "whsec" and text.startswith(PREFIX.encode()):
            key = base64.b64decode(text.removeprefix(PREFIX.encode()), validate=True)
        elif encoding == "base64":
            key = base64.b64decode(text, validate=True)
        elif encoding == "hex":
            key = bytes.fromhex(text.decode("ascii"))
        else:
            key = text
    except (binascii.Error, ValueError) as exc:
        form = "base64 after whsec_" if encoding == "whsec" else encoding
        raise DefinitionError(f"the signing secret is not valid {form}; paste it again as the sender shows it") from exc
    if not key:
        raise DefinitionError("the signing secret is empty; store the one that the sender shows")
    return key
