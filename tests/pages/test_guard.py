"""Which addresses are public, in all the forms an inner address can take."""

from __future__ import annotations

import pytest

from pipeline.pages.guard import AddressInfo, RefusedAddressError, is_public, permitted, public_only
from pipeline.store.errors import SettingError


def info(address: str, port: int) -> AddressInfo:
    """An address as a look-up gives it."""
    return (10 if ":" in address else 2, 1, 6, "", (address, port))


INNER = [
    "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.0.1", "169.254.169.254", "100.64.0.1",
    "0.0.0.0", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1",
    "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1",
    # Inner services of clouds: Azure, Oracle, Alibaba, Amazon over IPv6.
    "168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "192.0.0.192",
    "100.100.100.200", "fd00:ec2::254",
    # Set aside by IANA, which not every version of Python knows.
    "192.0.0.8", "192.88.99.1", "2001:2::1", "2001:20::1", "3fff::1", "3fff:fff:ffff::1", "5f00::1",
]  # fmt: skip


@pytest.mark.parametrize("address", INNER)
def test_inner_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "::ffff:8.8.8.8", "64:ff9b::808:808", "2606:4700::1", "2002:808:808::"]
)
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    ("address", "port", "opened"),
    [
        ("8.8.8.8", 443, True),
        ("8.8.8.8", 80, True),
        ("8.8.8.8", 22, False),
        ("8.8.8.8", 8080, False),
        ("10.0.0.1", 443, False),
        ("192.0.2.9", 8017, True),
        ("192.0.2.9", 443, False),
    ],
)
def test_only_the_webs_ports_are_connected_to(address: str, port: int, opened: bool) -> None:
    allowed = frozenset({("192.0.2.9", 8017)})
    if opened:
        assert public_only([info(address, port)], allowed) == [info(address, port)]
    else:
        with pytest.raises(RefusedAddressError, match=f"{address} port {port}"):
            public_only([info(address, port)], allowed)


def test_of_several_addresses_of_a_name_the_public_ones_are_connected_to() -> None:
    several = [info("10.0.0.1", 443), info("8.8.8.8", 443), info("2606:4700::1", 443)]
    assert public_only(several, frozenset()) == several[1:]
    with pytest.raises(RefusedAddressError, match="none at all"):
        public_only([], frozenset())


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("127.0.0.1", {("127.0.0.1", 80), ("127.0.0.1", 443)}),
        ("127.0.0.1:8080", {("127.0.0.1", 8080)}),
        ("::1", {("::1", 80), ("::1", 443)}),
        ("[::1]", {("::1", 80), ("::1", 443)}),
        ("[::1]:8080", {("::1", 8080)}),
        ("[0:0::1]:8080", {("::1", 8080)}),
        ("[::ffff:127.0.0.1]:80", {("::ffff:127.0.0.1", 80)}),
    ],
)
def test_hosts_are_allowed_by_name_or_address(name: str, places: set[tuple[str, int]]) -> None:
    assert permitted("", [name]) == places


@pytest.mark.parametrize("name", ["", "a b", "http://a.test", "[::1", "[]:80", "a:b:c"])
def test_what_is_no_host_is_a_wrong_setting(name: str) -> None:
    with pytest.raises(SettingError, match="allow_hosts"):
        permitted("", [name])


def test_via_over_ipv6() -> None:
    assert permitted("http://[::1]:8017", ["[::1]:8017"]) == {("::1", 8017)}
    assert ("::1", 8017) in permitted("http://[::1]:8017", ["::1"])
    with pytest.raises(SettingError, match="leads to ::1"):
        permitted("http://[::1]:8017", ["[::1]:8018"])


def test_via_must_be_allowed_by_name() -> None:
    with pytest.raises(SettingError, match="allow_hosts"):
        permitted("http://127.0.0.1:8017", [])
    assert ("127.0.0.1", 8017) in permitted("http://127.0.0.1:8017", ["127.0.0.1"])
