"""Which numbers belong to the public network."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

# Every address that is routed between networks lies here; what is translated to one of IPv4 is looked at as that.
_UNICAST = IPv6Network("2000::/3")
# Of the protocols themselves, and of clouds that talk to their machines there; not private to every Python.
_PROTOCOL = IPv4Network("192.0.0.0/24")
_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


def is_public_address(text: str) -> bool:
    """Whether a number belongs to the public network, also where one of IPv4 stands within one of IPv6."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    if isinstance(address, IPv6Address):
        return all(map(_is_public_v4, inner)) if (inner := _within(address)) else _is_public_v6(address)
    return _is_public_v4(address)


def _within(address: IPv6Address) -> Sequence[IPv4Address]:
    """Returns the addresses of IPv4 to which one of IPv6 leads, however it is translated."""
    if address in _NAT64 or address in _COMPATIBLE:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    if mapped := address.ipv4_mapped or address.sixtofour:
        return [mapped]
    return address.teredo or ()


def _is_public_v4(address: IPv4Address) -> bool:
    return address.is_global and not address.is_multicast and address not in _PROTOCOL


def _is_public_v6(address: IPv6Address) -> bool:
    return address.is_global and address in _UNICAST and not address.scope_id
