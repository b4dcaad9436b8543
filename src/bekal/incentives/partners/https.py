"""How a partner is reached over HTTPS: one client for files and for calls alike."""

import ssl
from collections.abc import Mapping
from functools import cache

import httpx


def client_to(address: str, *, timeout_seconds: float, headers: Mapping[str, str] | None = None) -> httpx.Client:
    """A client that follows nobody elsewhere and reads no proxy from its surroundings."""
    return httpx.Client(
        base_url=address,
        timeout=timeout_seconds,
        follow_redirects=False,
        trust_env=False,
        headers=headers,
        verify=_trusted(),
    )


@cache
def _trusted() -> ssl.SSLContext:
    """Whom this machine trusts: read once, for it takes longer than a call, and a courier makes a client each round."""
    return httpx.create_ssl_context(trust_env=False)
