"""What must never enter a file: passwords, keys, signed URLs and scripts that may hold them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

REDACTED: Final = "[redacted]"

_SECRET_NAME: Final = re.compile(
    r"""
    .*(?:password|passwordHash|secret|accessKey|accountKey|sharedKey|connectionString)
    | authorizationKey | primaryKey | secondaryKey | serviceKey
    | customData | userData | additionalUnattendContent
    | commandToExecute | fileUris | script | scriptContent
    | protectedSettings | protectedParameters
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""Property names whose values are dropped whole. `secretUrl` and `keyVaultSecretId` only say where a secret lies."""

_SIGNATURE: Final = re.compile(r"((?:^|[?&;\s])(?:sig|se|st|sp|spr|sv|sr|sig_[a-z]+)=)[^&\s;\"']+", re.IGNORECASE)
_HAS_SIGNATURE: Final = re.compile(r"(?:^|[?&;\s])sig=", re.IGNORECASE)
_KEY: Final = re.compile(r"\b((?:AccountKey|SharedAccessKey|Password|Pwd)\s*=\s*)[^;\s\"']+", re.IGNORECASE)
_URL_PASSWORD: Final = re.compile(r"(://[^/\s:@]*:)[^/\s@]+@")


def redact(value: object) -> object:
    """Return a body without its secrets; what holds none is returned as it is, not copied."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        items = [redact(item) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if isinstance(value, dict):
        members = {
            name: REDACTED
            if _is_secret(name) and member is not None and not isinstance(member, bool)
            else redact(member)
            for name, member in value.items()
        }
        return members if any(members[name] is not value[name] for name in value) else value
    return value


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    """Tell whether a property of this name holds a secret."""
    return _SECRET_NAME.fullmatch(name) is not None


def _text(text: str) -> str:
    """Return a string without the parts of a shared access signature, a connection string or a URL that are secret."""
    if "=" in text:
        if _HAS_SIGNATURE.search(text):
            text = _SIGNATURE.sub(rf"\1{REDACTED}", text)
        text = _KEY.sub(rf"\1{REDACTED}", text)
    return _URL_PASSWORD.sub(rf"\1{REDACTED}@", text) if "@" in text else text
