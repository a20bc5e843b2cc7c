"""Words that reports for people share: values, ids, numbers and waivers as one reads them."""

from __future__ import annotations

import hashlib
import re
from typing import Final

import msgspec

from auditor.azure import arm
from auditor.judging.model import Attestation, ExemptionState, ExemptionStatus, Finding, Waiver

MOST: Final = 5
"""How much is shown of what one subject or one gap has many of; the JSON report has all."""
_LONGEST: Final = 300
"""The characters that are shown of a value."""

_CONTEXT: Final = 40
"""The characters that are shown of what two long values begin with."""

_ID: Final = re.compile(
    r"/subscriptions/[^/\s]+/resourceGroups/([^/\s]+)/providers/[^/\s]+/[^/\s]+/([^\s,;\]]+)", re.IGNORECASE
)
"""The id of a resource, with its group and its name below that."""


def subject(finding: Finding) -> str:
    """Return the subject as one says it: name, kind and region."""
    found = finding.subject
    kind = found.kind.rpartition("/")[2]
    return f"{found.name} ({', '.join(filter(None, (kind, found.region)))})"


def place(exception: Waiver | Attestation) -> str:
    """Return where a waiver or an attestation stands."""
    return f"{exception.file}:{exception.line}"


def effect(stood: ExemptionStatus[Waiver] | ExemptionStatus[Attestation]) -> str:
    """Return why a waiver or an attestation that is not used has no effect."""
    found = stood.exemption
    gap = found.gap if isinstance(found, Waiver) else ""
    covers = count(stood.covers, "gap" if gap else "finding")
    why = {
        ExemptionState.EXPIRED: f"expired on {found.last_day}" + f": {covers} no longer covered" * bool(stood.covers),
        ExemptionState.LAPSED: f"lapsed: {covers} no longer covered, since {stood.why}",
        ExemptionState.PENDING: f"holds from {found.first_day} on" + f": {covers} not covered yet" * bool(stood.covers),
    }.get(stood.state, f"covers nothing: {stood.why}")
    return f"{found.rule or gap} at {found.scope} {why}"


def shortened(text: str, home: str) -> str:
    """Replace ids in the group of the resource `home` by names, and those in its subscription by group and name."""

    def name(found: re.Match[str]) -> str:
        if arm.subscription_of(found[0]) != arm.subscription_of(home):
            return found[0]
        return found[2] if found[1].lower() == arm.group_of(home) else f"{found[1]}/{found[2]}"

    return _ID.sub(name, text)


def named(text: str) -> str:
    """Replace ids by group and name, whatever their subscription."""
    return _ID.sub(r"\1/\2", text)


def alias(subscription: str) -> str:
    """Return a name for a subscription from which nobody can tell its GUID."""
    digest = hashlib.sha256(f"/subscriptions/{subscription.lower()}".encode(errors="replace"))
    return f"sub-{digest.hexdigest()[:8]}"


def value(observed: object, home: str) -> str:
    """Return an observed value as one reads it."""
    return cut(shortened(_text(observed), home))


def turn(before: object, after: object, home: str) -> str:
    """Return a value that became another; of long ones that begin alike, from shortly before where they part."""
    texts = [shortened(_text(observed), home) for observed in (before, after)]
    parted = (place for place, pair in enumerate(zip(*texts, strict=False)) if len({*pair}) > 1)
    start = max(0, next(parted, min(map(len, texts))) - _CONTEXT) if max(map(len, texts)) > _LONGEST else 0
    return " -> ".join(cut(f"{'...' * (start > 0)}{text[start:]}") for text in texts)


def _text(observed: object) -> str:
    if observed is None:
        return "absent"
    if isinstance(observed, str):
        return observed or '""'
    if isinstance(observed, list | tuple):
        return f"[{', '.join(map(_text, observed))}]"
    return msgspec.json.format(msgspec.json.encode(observed), indent=0).decode()


def cut(text: str) -> str:
    """Return no more of a text than one can read, and how long it is."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


def count(number: int, noun: str) -> str:
    """Return a number of things."""
    plural = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def first(items: list[str]) -> list[str]:
    """Return the first few, and how many more there are."""
    more = len(items) - MOST
    return [*items[:MOST], f"and {more} more"] if more > 0 else items
