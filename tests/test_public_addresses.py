"""Which numbers are public, also where one of IPv4 hides within one of IPv6."""

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botkit.public_addresses import is_public_address

INNER = (
    *("0.0.0.1", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),
    *("172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.0.1", "198.18.0.1", "203.0.113.1"),
    *("224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
)


@pytest.mark.parametrize("number", ["8.8.8.8", "1.1.1.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_a_number_of_the_public_network_is_public(number: str) -> None:
    assert is_public_address(number)


@pytest.mark.parametrize("number", INNER)
def test_a_number_of_an_inner_network_is_not_public(number: str) -> None:
    assert not is_public_address(number)


@pytest.mark.parametrize(
    "number",
    [
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd12:3456::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "100::1",
        "64:ff9b:1::1",
        "4000::1",
        "2606:4700::1111%eth0",
    ],
)
def test_a_number_of_ipv6_that_no_network_routes_is_not_public(number: str) -> None:
    assert not is_public_address(number)


def wrapped(inner: str) -> list[str]:
    """Every form of IPv6 in which an address of IPv4 is carried."""
    number = int(IPv4Address(inner))
    made = (
        0xFFFF << 32 | number,  # mapped
        number,  # compatible
        int(IPv6Address("64:ff9b::")) | number,  # NAT64
        0x2002 << 112 | number << 80 | 1,  # 6to4
        int(IPv6Address("2001::")) | int(IPv4Address("8.8.8.8")) << 64 | number ^ 0xFFFFFFFF,  # Teredo, as client
        int(IPv6Address("2001::")) | number << 64 | int(IPv4Address("8.8.8.8")) ^ 0xFFFFFFFF,  # Teredo, as server
    )
    return [str(IPv6Address(form)) for form in made]


@pytest.mark.parametrize("inner", INNER)
def test_an_inner_number_is_found_in_every_form_of_ipv6(inner: str) -> None:
    assert [form for form in wrapped(inner) if is_public_address(form)] == []


@pytest.mark.parametrize("text", ["", "localhost", "1.2.3", "0x7f.0.0.1", "01.2.3.4", "1.2.3.4 ", "::g", "8.8.8.8:443"])
def test_what_is_no_number_is_not_public(text: str) -> None:
    assert not is_public_address(text)


@given(st.ip_addresses(v=4))
def test_a_number_of_ipv4_is_as_public_alone_as_mapped(number: IPv4Address) -> None:
    assert is_public_address(str(number)) is is_public_address(f"::ffff:{number}")


@given(st.ip_addresses())
def test_no_number_is_public_that_python_calls_private_or_local(number: IPv4Address | IPv6Address) -> None:
    if is_public_address(str(number)):
        assert number.is_global or getattr(number, "ipv4_mapped", None) is not None
        assert not any([number.is_loopback, number.is_link_local, number.is_multicast, number.is_unspecified])
