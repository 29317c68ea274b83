"""Encryption at rest: keys, their ids, and what is refused."""

import pytest

from db.vault import Vault, generate_key
from engine.errors import ConfigurationError

OLD, NEW = generate_key(), generate_key()


def test_what_was_encrypted_comes_back() -> None:
    vault = Vault([OLD])

    assert vault.decrypt(vault.encrypt(b"\0secret\xff")) == b"\0secret\xff"


def test_the_same_secret_never_looks_the_same() -> None:
    vault = Vault([OLD])

    assert vault.encrypt(b"a") != vault.encrypt(b"a")


def test_the_first_key_encrypts_and_all_decrypt() -> None:
    both, old, new = Vault([NEW, OLD]), Vault([OLD]), Vault([NEW])

    assert both.decrypt(old.encrypt(b"a")) == b"a"
    assert new.decrypt(both.encrypt(b"b")) == b"b"
    assert both.primary == new.primary
    assert both.key_ids == old.key_ids | new.key_ids


def test_rewrapping_changes_the_key_and_leaves_the_value_alone() -> None:
    old, both = Vault([OLD]), Vault([NEW, OLD])
    text = old.encrypt(b"a")

    fresh = both.rewrap(text)

    assert Vault([NEW]).decrypt(fresh) == b"a"
    assert fresh.rpartition(":")[2] == text.rpartition(":")[2]


def test_a_missing_key_is_named() -> None:
    text = Vault([OLD]).encrypt(b"a")

    with pytest.raises(ConfigurationError, match=f'"{Vault([OLD]).primary}", which is not among'):
        Vault([NEW]).decrypt(text)


def test_a_changed_text_is_refused() -> None:
    vault = Vault([OLD])
    text = vault.encrypt(b"secret")

    for broken in (text[:-4] + "AAAA", f"{vault.primary}:", f"{vault.primary}:é"):
        with pytest.raises(ConfigurationError, match="damaged"):
            vault.decrypt(broken)


def test_settings_may_hold_several_keys_in_a_text() -> None:
    vault = Vault.from_settings([f" {NEW},{OLD} ", ""])

    assert (vault.primary, vault.key_ids) == (Vault([NEW]).primary, Vault([NEW, OLD]).key_ids)


@pytest.mark.parametrize("keys", [[], [""], ["short"], [OLD, "é" * 44], [OLD + "x"]])
def test_a_wrong_key_is_refused_without_being_shown(keys: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="encryption key") as raised:
        Vault(keys)

    assert not any(key and key in str(raised.value) for key in keys)


def test_no_key_is_shown() -> None:
    vault = Vault([OLD])

    assert OLD not in repr(vault)
    assert vault.primary not in OLD
