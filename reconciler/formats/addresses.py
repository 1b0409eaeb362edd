"""IP addresses as inet_pton(3) takes them, and as everybody writes them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address


def parse(word: str) -> Address | None:
    """None for what is no address. An IPv6 address may have its scope, such as `%eth0`, behind it."""
    try:
        return IPv6Address(word) if ":" in word else IPv4Address(word)
    except ValueError:
        return None


def text_of(address: Address) -> str:
    # Pythons before 3.13 write the last part of a mapped address in hexadecimal.
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) and not address.scope_id else None
    return f"::ffff:{mapped}" if mapped else str(address)
