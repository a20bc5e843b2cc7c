"""The TCP ports of InterSystems products and of web servers."""

from __future__ import annotations

from typing import Final

SUPERSERVER_PORTS: Final = frozenset({1972, 51773})
"""The usual superserver ports. A second instance on the same host has another one."""

WEB_PORTS: Final = frozenset({80, 443, 8080, 8443, 52773, 57772})
"""The ports of HTTP and HTTPS, and those of the private web servers of IRIS (52773) and Caché (57772)."""

PLAIN_HTTP_PORTS: Final = frozenset({80, 52773, 57772})
"""The ports on which a web server has no TLS unless it was set up in an unusual way."""

GATEWAY_PORTS: Final = frozenset({80, 443})
"""The ports of a web server with a CSP Gateway."""

PRIVATE_WEB_PORTS: Final = frozenset({52773, 57772})
"""The usual ports of the private web servers of IRIS and Caché, at which nothing else listens."""
