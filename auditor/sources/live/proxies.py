"""The proxy of the environment."""

from __future__ import annotations

import urllib.request
from urllib.parse import urlsplit


def proxies(url: str) -> dict[str, str]:
    """Return the proxy of the environment for a host, by scheme; look it up once, not for each request.

    Only HTTPS goes through it: the endpoint of a managed identity is on the VM itself.
    """
    found = urllib.request.getproxies().get("https")
    host = urlsplit(url).hostname or ""
    return {"https": found} if found and not urllib.request.proxy_bypass(host) else {}
