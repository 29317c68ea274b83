"""Every spelling of a place that must not be called."""

from ipaddress import ip_address

import pytest

from connectors.addresses import AddressPolicy, literal_address, networks

PUBLIC = AddressPolicy()


@pytest.mark.parametrize(
    "address",
    [
        "8.8.8.8",
        "1.1.1.1",
        "172.15.255.255",
        "172.32.0.1",
        "100.63.255.255",
        "2606:4700::1111",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
    ],
)
def test_a_public_address_may_be_called(address: str) -> None:
    assert PUBLIC.refusal(ip_address(address)) is None


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::127.0.0.1", "loopback"),
        ("64:ff9b::7f00:1", "loopback"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("::ffff:10.0.0.1", "private"),
        ("64:ff9b::a00:1", "private"),
        ("64:ff9b:1::1", "public IPv6"),
        ("2002:7f00:1::", "private"),
        ("2002:808:808::", "private"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "private"),
        ("100.64.0.1", "private"),
        ("0.0.0.0", "private"),
        ("::", "private"),
        ("169.254.1.1", "link-local"),
        ("fe80::1", "link-local"),
        ("fc00::1", "private"),
        ("fec0::1", "public IPv6"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("240.0.0.1", "private"),
        ("255.255.255.255", "private"),
        ("192.0.2.1", "private"),
        ("198.18.0.1", "private"),
        ("192.88.99.1", "private"),
        ("2001:db8::1", "private"),
        ("169.254.169.254", "metadata"),
        ("::ffff:169.254.169.254", "metadata"),
        ("64:ff9b::a9fe:a9fe", "metadata"),
        ("168.63.129.16", "metadata"),
        ("100.100.100.200", "metadata"),
        ("fd00:ec2::254", "metadata"),
    ],
)
def test_any_other_address_is_refused_and_the_reason_is_told(address: str, reason: str) -> None:
    assert reason in (PUBLIC.refusal(ip_address(address)) or "allowed")


def test_an_allowed_network_may_be_called_and_its_neighbours_may_not() -> None:
    policy = AddressPolicy(networks(["10.1.0.0/16", " ::1 "]))

    assert policy.refusal(ip_address("10.1.2.3")) is None
    assert policy.refusal(ip_address("::ffff:10.1.2.3")) is None
    assert policy.refusal(ip_address("::1")) is None
    assert policy.refusal(ip_address("10.2.0.1")) is not None


def test_a_metadata_address_is_allowed_only_by_name() -> None:
    address = ip_address("169.254.169.254")

    assert AddressPolicy(networks(["0.0.0.0/0"])).refusal(address) is not None
    assert AddressPolicy(networks(["169.254.169.254/32"])).refusal(address) is None


@pytest.mark.parametrize(
    "host",
    [
        "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1", "127.1", "127.0.1", "127.0.0.1.", "017700000001", "0",
        "1.2.3.4.5", "256.256.256.256", "08.8.8.8", "example.0x10", "fe80::1%eth0", "[::1%25lo]", "a..b", "a b",
        "exa_mple!.com", "127。0。0。1", "", ".", "-a.example",
    ],
)  # fmt: skip
def test_an_unusual_spelling_is_no_host(host: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        literal_address(host)


@pytest.mark.parametrize(
    ("host", "address"),
    [("8.8.8.8", "8.8.8.8"), ("[::1]", "::1"), ("::ffff:127.0.0.1", "::ffff:127.0.0.1")],
)
def test_a_plain_address_is_read(host: str, address: str) -> None:
    assert literal_address(host) == ip_address(address)


@pytest.mark.parametrize("host", ["example.com", "example.com.", "xn--bcher-kva.example", "a_b.example", "localhost"])
def test_a_name_is_left_to_be_resolved(host: str) -> None:
    assert literal_address(host) is None
