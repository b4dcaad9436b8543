"""Which headers of a request reach the application, decided while they still are what was sent.

WSGI tells `client-code` from `client_code` no more, and joins what came twice. So, from gunicorn's own list of names:
`client-code` alone is dropped (the contract's name has an underscore), beside `client_code` it stays and spoils it; and
what only a proxy knows is dropped when it comes from anybody else.

`Host` is checked by Django against the names that the server is told; where it is told none, `own_number` adds the
machine's own.
"""

from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings

# Upper case, as gunicorn keeps names.
FROM_PROXIES_ONLY = ("X-FORWARDED-", "X-REAL-IP", "X-ORIGINAL-", "X-REWRITE-", "REMOTE-", "X-REMOTE-", "X-ACCEL-")
FORWARDED = "FORWARDED"


def keep_honest(request: Any, *, proxies: str) -> None:
    """Change the list of headers of gunicorn's request in place; `proxies` are the addresses or networks believed to be
    proxies, separated by commas (`*`: all). A peer on a Unix socket is a proxy."""
    peer = request.peer_addr
    is_proxy = not isinstance(peer, tuple) or _is_among(str(peer[0]), proxies)
    names = {name for name, _ in request.headers}
    request.headers = [
        (name, value)
        for name, value in request.headers
        if (is_proxy or not (name == FORWARDED or name.startswith(FROM_PROXIES_ONLY)))
        and (name != "CLIENT-CODE" or "CLIENT_CODE" in names)
    ]
    schemes = {value for name, value in request.headers if name == "X-FORWARDED-PROTO"}
    if is_proxy and schemes == {"https"}:
        request.scheme = "https"


def own_number(request: Any) -> None:
    """The server answers under the very number that the connection came to, too: whoever reached it knows it, and no
    name can be made to stand for it."""
    here = request.unreader.sock.getsockname()
    if not isinstance(here, tuple):
        return
    host = f"[{here[0].partition('%')[0]}]" if ":" in here[0] else here[0]
    if host not in settings.ALLOWED_HOSTS:
        settings.ALLOWED_HOSTS.append(host)


def _is_among(address: str, proxies: str) -> bool:
    networks = _networks(proxies)
    if networks is None:
        return True
    try:
        peer = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    peer = getattr(peer, "ipv4_mapped", None) or peer
    return any(peer in network for network in networks)


@lru_cache(maxsize=4)
def _networks(proxies: str) -> tuple[IPv4Network | IPv6Network, ...] | None:
    """None stands for everybody. Raises ValueError for what is no address or network."""
    parts = [part.strip() for part in proxies.split(",") if part.strip()]
    return None if "*" in parts else tuple(ip_network(part, strict=False) for part in parts)
