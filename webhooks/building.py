"""From the ``verify`` of a webhook trigger to a verifier: every check a definition gets when it is saved."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from difflib import get_close_matches
from typing import Any

from engine.errors import DefinitionError
from engine.model.base import format_duration, parse_duration
from webhooks.schemes import (
    ALGORITHMS,
    ENCODINGS,
    PROVIDERS,
    SECRET_ENCODINGS,
    UNITS,
    VARIABLES,
    HeaderScheme,
    HmacScheme,
    Scheme,
)
from webhooks.secrets import key_bytes
from webhooks.signatures import HeaderVerifier, HmacVerifier, OpenVerifier, Verifier

MAX_TOLERANCE = timedelta(days=1)
"""A longer window would let a recorded request be replayed for longer than anybody watches."""

_SECRETS = ("secret", "secrets")
_HMAC = (
    *("header", "algorithm", "encoding", "prefix", "separator", "parts", "id_header", "secret_encoding"),
    *("timestamp_header", "timestamp_key", "timestamp_unit", "tolerance"),
)
_FIELDS: dict[str, tuple[str, ...]] = {
    "hmac": (*_SECRETS, *_HMAC),
    "header": (*_SECRETS, "header", "prefix", "id_header"),
    "none": ("id_header",),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "algorithm": ALGORITHMS,
    "encoding": ENCODINGS,
    "secret_encoding": SECRET_ENCODINGS,
    "timestamp_unit": tuple(UNITS),
}
_TEXTS = ("header", "prefix", "separator", "timestamp_header", "timestamp_key", "id_header")


def scheme_names() -> list[str]:
    """Return every name that ``verify.scheme`` may have."""
    return sorted([*_FIELDS, *PROVIDERS])


def secret_names(verify: Mapping[str, Any]) -> list[str]:
    """Return the names of the project's secrets that ``verify`` needs, in the order they are tried."""
    several = verify.get("secrets") or []
    names = [verify.get("secret"), *(several if isinstance(several, list | tuple) else [several])]
    return [name for name in names if isinstance(name, str) and name]


def check_scheme(verify: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the ``verify`` of a definition, each with its fix; nothing means it can be built."""
    name = verify.get("scheme")
    if name is None:
        return [f'"scheme" is missing; write one of {", ".join(scheme_names())}']
    if not isinstance(name, str) or name not in scheme_names():
        return [f'unknown scheme "{name}"{_nearest(str(name), scheme_names())}']
    known = _FIELDS.get(name) or _provider_fields(PROVIDERS[name])
    problems = [
        f'unknown field "{key}" for the scheme "{name}"{_nearest(key, known)}'
        for key in verify
        if key != "scheme" and key not in known
    ]
    problems += _check_secrets(verify, name) + _check_values(verify)
    if name in ("hmac", "header") and not verify.get("header"):
        problems.append(f'"header" is missing; name the header that carries the {_proof(name)}')
    if name == "hmac" and not problems:
        problems += _check_parts(verify)
    return problems


def build_verifier(verify: Mapping[str, Any], secrets: Mapping[str, bytes]) -> Verifier:
    """Return the verifier that a definition asks for.

    Args:
        verify: As in the definition; secrets are named.
        secrets: The project's secrets that it names, in their stored form.

    Raises:
        DefinitionError: The data is wrong, or a secret is missing or malformed; the message lists every problem.
    """
    problems = check_scheme(verify)
    problems += [
        f'the secret "{name}" does not exist; store it' for name in secret_names(verify) if name not in secrets
    ]
    if problems:
        raise DefinitionError("; ".join(problems))
    scheme = scheme_of(verify)
    if scheme is None:
        return OpenVerifier(id_header=_lower(verify.get("id_header")))
    stored = [secrets[name] for name in secret_names(verify)]
    if isinstance(scheme, HeaderScheme):
        return HeaderVerifier(scheme, tuple(key_bytes(secret) for secret in stored))
    return HmacVerifier(scheme, tuple(key_bytes(secret, encoding=scheme.secret_encoding) for secret in stored))


def scheme_of(verify: Mapping[str, Any]) -> Scheme | None:
    """Return the scheme as data, ``None`` for ``none``. The mapping must have passed ``check_scheme``."""
    name = verify["scheme"]
    given = {key: value for key, value in verify.items() if key not in (*_SECRETS, "scheme") and value is not None}
    if "tolerance" in given:
        given["tolerance"] = _duration(given["tolerance"])
    if "parts" in given:
        given["parts"] = tuple(given["parts"])
    for key in ("header", "timestamp_header", "id_header"):
        if key in given:
            given[key] = given[key].lower()
    if name == "none":
        return None
    if name == "hmac":
        return HmacScheme(**given)
    return HeaderScheme(**given) if name == "header" else replace(PROVIDERS[name], **given)


def _provider_fields(scheme: Scheme) -> tuple[str, ...]:
    timed = isinstance(scheme, HmacScheme) and scheme.timed
    return (*_SECRETS, "id_header", "tolerance") if timed else (*_SECRETS, "id_header")


def _check_secrets(verify: Mapping[str, Any], name: str) -> list[str]:
    if name == "none":
        return []
    several = verify.get("secrets")
    if several is not None and not (isinstance(several, list | tuple) and all(isinstance(one, str) for one in several)):
        return ['"secrets" must be a list of names of the project\'s secrets']
    if verify.get("secret") is not None and not isinstance(verify["secret"], str):
        return ['"secret" must be the name of one of the project\'s secrets']
    return [] if secret_names(verify) else [f'"secret" is missing; name the secret that holds the {_proof(name)}']


def _check_values(verify: Mapping[str, Any]) -> list[str]:
    problems = []
    for key, allowed in _CHOICES.items():
        value = verify.get(key)
        if value is not None and value not in allowed:
            problems.append(f'"{key}" is "{value}"; write one of {", ".join(allowed)}')
    given = [(key, verify[key]) for key in _TEXTS if verify.get(key) is not None]
    problems += [
        f'"{key}" must be ASCII text' for key, value in given if not (isinstance(value, str) and value.isascii())
    ]
    if verify.get("separator") == "":
        problems.append('"separator" is empty; leave it out where the header holds one signature')
    tolerance = verify.get("tolerance")
    if tolerance is not None and not timedelta(0) < (_duration(tolerance) or timedelta(0)) <= MAX_TOLERANCE:
        longest = format_duration(MAX_TOLERANCE)
        problems.append(f'"tolerance" is "{tolerance}"; write a duration above zero and up to {longest}, such as 5m')
    return problems


def _check_parts(verify: Mapping[str, Any]) -> list[str]:
    """Look for signatures that would not prove what the definition relies on."""
    parts = verify.get("parts", ["body"])
    if not (isinstance(parts, list | tuple) and parts and all(isinstance(part, str) and part for part in parts)):
        return [f'"parts" must be a list of texts, among them names of {", ".join(VARIABLES)}']
    timed = verify.get("timestamp_header") or verify.get("timestamp_key")
    problems = []
    if "body" not in parts:
        problems.append('"parts" does not name "body", so anybody could change the body of a signed request')
    if timed and "timestamp" not in parts:
        problems.append('"parts" does not name "timestamp", so an old request could be sent again with a new time')
    if "timestamp" in parts and not timed:
        problems.append('"parts" names "timestamp"; say where it is with "timestamp_header" or "timestamp_key"')
    if verify.get("timestamp_header") and verify.get("timestamp_key"):
        problems.append('"timestamp_header" and "timestamp_key" exclude each other; keep one')
    if verify.get("timestamp_key") and not verify.get("separator"):
        problems.append('"timestamp_key" needs "separator", which says how the elements of the header are divided')
    if "id" in parts and not verify.get("id_header"):
        problems.append('"parts" names "id"; say which header carries it with "id_header"')
    return problems


def _duration(value: object) -> timedelta | None:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(seconds=min(max(value, 0), 1e9))
    try:
        return parse_duration(str(value))
    except (ValueError, OverflowError):
        return None


def _nearest(name: str, known: list[str] | tuple[str, ...]) -> str:
    close = get_close_matches(name, known, n=1)
    return f'; did you mean "{close[0]}"?' if close else f"; known are {', '.join(known)}"


def _is_ascii(value: object) -> bool:
    return isinstance(value, str) and value.isascii()


def _proof(name: str) -> str:
    return "shared secret" if name == "header" else "signature's key"


def _lower(text: str | None) -> str | None:
    return text.lower() if text else None
