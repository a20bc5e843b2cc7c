"""Certificates for the servers of tests, from an authority that lives as long as the test process."""

from __future__ import annotations

import atexit
import ssl
import tempfile
from functools import cache
from pathlib import Path

import trustme


@cache
def authority() -> tuple[trustme.CA, str]:
    """Return the authority and the file that holds its certificate."""
    folder = tempfile.TemporaryDirectory(prefix="arm-")
    atexit.register(folder.cleanup)
    made = trustme.CA()
    file = Path(folder.name) / "ca.pem"
    made.cert_pem.write_to_path(file)
    return made, str(file)


@cache
def server_context(*hosts: str) -> ssl.SSLContext:
    """Return the TLS context of a server with a certificate for 127.0.0.1 and localhost, or for other hosts."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority()[0].issue_cert(*(hosts or ("127.0.0.1", "localhost"))).configure_cert(context)
    return context
