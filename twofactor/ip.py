"""Parsing of IP addresses, which come from a socket or from the header of a proxy."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

IPV6_CUSTOMER = 64  # bits: what one customer gets to choose addresses from
MAPPED_BITS = 96  # in front of an IPv4 address that is written as an IPv6 one
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def parse(text: str) -> Address | None:
    """IPv4 is IPv4, also on a socket for both, which says ::ffff:203.0.113.9. Without the zone of a link."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or IPv6Address(int(address))
    return address


def parse_network(text: str) -> Network:
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.prefixlen >= MAPPED_BITS:
        mapped = network.network_address.ipv4_mapped
        return ip_network((mapped, network.prefixlen - MAPPED_BITS)) if mapped else network
    return network


def parse_hop(text: str) -> Address | None:
    """One entry of X-Forwarded-For, to which some proxies add the port. None if it has a zone."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    return None if "%" in text else parse(text)


def customer(address: Address) -> str:
    """What a limit counts by: a customer of a provider has one IPv4 address, or a network of IPv6."""
    if isinstance(address, IPv6Address):
        return str(ip_network((address, IPV6_CUSTOMER), strict=False).network_address)
    return str(address)
