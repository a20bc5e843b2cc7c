"""Identifiers in OSCAL: UUIDs that stay the same from run to run, and tokens for controls and statements."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID, uuid5

from auditor.report.document import Control

NIST: Final = "nist-800-53"
"""The framework whose catalogue NIST publishes in OSCAL, so that its controls and statements have ids there."""

_NAMESPACE: Final = UUID("0f6f2e56-5a0e-5c1c-9d5d-3a0b7d0c2c11")
_ENHANCEMENT: Final = re.compile(r"\((\d+)\)")
_NOT_IN_TOKENS: Final = re.compile(r"[^\w.-]+", re.ASCII)


def uuid(*parts: str) -> str:
    """Return the UUID of what some texts name."""
    return str(uuid5(_NAMESPACE, "\n".join(parts)))


def control(found: Control) -> str:
    """Return a control as a token: as NIST's catalogue spells it, else `<framework>_<control>` without brackets."""
    if found.framework == NIST:
        return _ENHANCEMENT.sub(r".\1", found.id).lower()
    return f"{found.framework}_{_NOT_IN_TOKENS.sub('.', found.id).strip('.')}".lower()


def statement(found: Control) -> str:
    """Return the statement of a control as a token, as NIST's catalogue spells it."""
    return f"{control(found)}_smt"
