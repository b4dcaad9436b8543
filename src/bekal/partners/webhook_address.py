"""Where a webhook may go: an address of the partner's, and never one inside our own network."""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings

from bekal.core.refusal import Refusal
from bekal.partners.refusals import PartnerRefusal

MAX_URL_CHARACTERS = 500
Resolver = Callable[[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Place:
    """Where to connect: the address that was looked up and found fit, and the name it was looked up by."""

    ip: str
    host: str
    port: int
    scheme: str
    target: str


def refusal_of_url(url: str, *, is_sandbox: bool) -> Refusal | None:
    """Whether an endpoint can be registered: https, a host, nothing secret in it; None is yes.

    On a demo's own machine the sandbox may also use http to this machine, and nowhere else.
    """
    if len(url) > MAX_URL_CHARACTERS or not url.isascii() or any(character <= " " for character in url):
        return Refusal(PartnerRefusal.URL_UNREADABLE, {"limit_count": MAX_URL_CHARACTERS})
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return Refusal(PartnerRefusal.URL_UNREADABLE, {"limit_count": MAX_URL_CHARACTERS})
    if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment or port == 0:
        return Refusal(PartnerRefusal.URL_UNREADABLE, {"limit_count": MAX_URL_CHARACTERS})
    literal = _ip(parts.hostname)
    if parts.scheme != "https" and not (
        parts.scheme == "http" and may_stay_here(is_sandbox=is_sandbox) and _is_here(parts.hostname, literal)
    ):
        return Refusal(PartnerRefusal.URL_NOT_HTTPS)
    if literal is not None and not _is_fit(literal, is_sandbox=is_sandbox):
        return Refusal(PartnerRefusal.URL_NOT_PUBLIC)
    return None


def may_stay_here(*, is_sandbox: bool) -> bool:
    """Whether this machine itself may be told: a demo's sandbox, where partners try their systems beside it."""
    return is_sandbox and bool(settings.DEMO)


def place_of(url: str, *, is_sandbox: bool, resolve: Resolver | None = None) -> Place | None:
    """The address to connect to, looked up now; None where the name leads nowhere or inside a network of our own.

    One look-up decides and is connected to, so that a name cannot change its mind between check and use.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = (resolve or _resolve)(host, port)
    except (OSError, UnicodeError):
        return None
    # Every answer must be fit: a name that leads to a public and a private address is somebody trying.
    addresses = [address for text in found if (address := _ip(text)) is not None]
    if not addresses or len(addresses) < len(found):
        return None
    if not all(_is_fit(address, is_sandbox=is_sandbox) for address in addresses):
        return None
    if parts.scheme != "https" and not all(address.is_loopback for address in addresses):
        return None
    target = parts.path or "/"
    return Place(found[0], host, port, parts.scheme, f"{target}?{parts.query}" if parts.query else target)


def _resolve(host: str, port: int) -> Sequence[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


Address = ipaddress.IPv4Address | ipaddress.IPv6Address


# Networks of IPv6 that carry an address of IPv4 in their last 32 bits: NAT64 (RFC 6052), and what came before it.
_CARRIERS = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("::/96"))


def _ip(text: str) -> Address | None:
    """The address that is connected to in the end: the one inside, where one carries another."""
    text = text.partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return _as_the_resolver_reads(text)
    if isinstance(address, ipaddress.IPv4Address) or address.is_loopback:
        return address
    inside = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
    if inside is None and any(address in network for network in _CARRIERS):
        inside = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return inside or address


def _as_the_resolver_reads(text: str) -> Address | None:
    """`2130706433`, `0x7f.1` and `127.1` are 127.0.0.1 to every resolver."""
    try:
        return ipaddress.IPv4Address(socket.inet_aton(text)) if text.isascii() and " " not in text else None
    except OSError:
        return None


def _is_here(host: str, literal: Address | None) -> bool:
    return host.rstrip(".") == "localhost" or (literal is not None and literal.is_loopback)


def _is_fit(address: Address, *, is_sandbox: bool) -> bool:
    if address.is_loopback:
        return may_stay_here(is_sandbox=is_sandbox)
    is_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not (address.is_multicast or is_local)
