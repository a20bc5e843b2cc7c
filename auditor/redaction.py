"""What must never enter a file: passwords, keys, signed URLs and scripts that may hold them."""

from __future__ import annotations

import re
from typing import Final

REDACTED: Final = "[redacted]"

_SECRET_NAMES: Final = frozenset(
    name.lower()
    for name in (
        "adminPassword",
        "authorizationKey",
        "commandToExecute",
        "connectionString",
        "customData",
        "fileUris",
        "passwordHash",
        "password",
        "primaryKey",
        "protectedSettings",
        "script",
        "secondaryKey",
        "secret",
        "serviceKey",
        "sharedKey",
        "storageAccountKey",
        "userData",
    )
)
"""Property names, compared without regard to case, whose values are dropped whole."""

_SIGNATURE: Final = re.compile(r"([?&;](?:sig|se|st|sp|spr|sv|sr|sig_[a-z]+)=)[^&\s;\"']+", re.IGNORECASE)
_HAS_SIGNATURE: Final = re.compile(r"[?&;]sig=", re.IGNORECASE)
_ACCOUNT_KEY: Final = re.compile(r"((?:Account|SharedAccess)Key=)[^;\s\"']+", re.IGNORECASE)


def redact(value: object) -> object:
    """Return a body without its secrets; what holds none is returned as it is, not copied."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        items = [redact(item) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, dict):
        members = {
            name: REDACTED if name.lower() in _SECRET_NAMES and member is not None else redact(member)
            for name, member in value.items()
        }
        return members if any(members[name] is not value[name] for name in value) else value
    return value


def _text(text: str) -> str:
    """Return a string without the parts of a shared access signature or an account key."""
    if _HAS_SIGNATURE.search(text):
        text = _SIGNATURE.sub(rf"\1{REDACTED}", text)
    return _ACCOUNT_KEY.sub(rf"\1{REDACTED}", text) if "key=" in text.lower() else text
