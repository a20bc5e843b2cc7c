"""Wording shared by the formats for people: subjects, exemptions, gaps, values, ids and numbers."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from auditor.azure import arm
from auditor.evaluation.model import ExemptionState, Outcome
from auditor.report.document import (
    Attestation,
    AttestationStatus,
    Document,
    Finding,
    FindingChange,
    Gap,
    GuestFile,
    Subject,
    Waiver,
    WaiverStatus,
)
from auditor.rules.model import not_as_required
from auditor.snapshot import model
from auditor.snapshot.known import Cause

MOST: Final = 5
"""The number of items that are shown of one subject or one gap; the JSON report has all of them."""
_LONGEST: Final = 300
"""The number of characters that are shown of a value."""

_CONTEXT: Final = 40
"""The number of characters that are shown before the first difference of two long values."""

_ID: Final = re.compile(
    r"/subscriptions/[^/\s]+/resourceGroups/([^/\s]+)/providers/[^/\s]+/[^/\s]+/([^\s,;\]\"']+)", re.IGNORECASE
)
"""A resource id, with its resource group and the name below that."""
_SUBSCRIPTION: Final = re.compile(
    r"""(?<=/subscriptions/)(?!'?"\$\{)[^/\s,;:\])]+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}""", re.IGNORECASE
)
"""The id of a subscription, or what stands in its place in an id, except for a variable of a command; any GUID."""

SCOPE: Final = re.compile(r"/subscriptions/[^\s,;:\]]+", re.IGNORECASE)
"""An id in a text."""

CAUSES: Final[Mapping[Cause | None, str]] = {
    Cause.GAP: "not read",
    Cause.DECLARATION: "not declared",
    Cause.GUEST: "guest file missing or too old",
    Cause.VALUE: "value without known meaning",
    Cause.ATTESTATION: "not attested",
    None: "without a known cause",
}
"""Why something is unknown, in the order in which reports show it."""


def headline(found: Finding | FindingChange) -> str:
    """Return a finding in one line without full stop: what is wrong, why that is unknown, or else the rule's title."""
    if found.headline is None and isinstance(found, Finding):
        return headline_of(found.outcome, found.cause, found.title, not_as_required(found.title)) or found.title
    return found.headline or found.title


def headline_of(outcome: Outcome, cause: Cause | None, title: str, fails: str) -> str | None:
    """Return what is wrong, or why that is unknown; None if the title says how it is."""
    if outcome is Outcome.FAIL:
        return fails
    if outcome is Outcome.UNKNOWN:
        return f"Unknown ({CAUSES[cause]}): {title}"
    return f"Not evaluated (a bug in auditor): {title}" if outcome is Outcome.ERROR else None


def subject(found: Subject) -> str:
    """Return a subject as name, kind and region."""
    kind = found.kind.rpartition("/")[2]
    return f"{found.name} ({', '.join(filter(None, (kind, found.region)))})"


def gap(found: Gap) -> str:
    """Return a gap as one sentence without a full stop."""
    return str(
        model.Gap(found.scope, found.what, found.reason, found.code or "", found.permission or "", found.detail or "")
    )


def place(exemption: Waiver | Attestation) -> str:
    """Return the file and line of an exemption."""
    return f"{exemption.file}:{exemption.line}"


def guest_files(document: Document) -> list[tuple[str, str, str]]:
    """Return each VM that supplied files, with their names, and when they were taken."""
    found: dict[str, list[GuestFile]] = {}
    for file in document.coverage.guest_files:
        found.setdefault(file.vm, []).append(file)
    doubts = {arm.key(gap.scope): gap.detail for gap in reversed(document.coverage.gaps) if gap.detail}
    names = Counter(arm.name_of(vm).lower() for vm in found)
    return [
        (
            arm.name_of(vm) if names[arm.name_of(vm).lower()] == 1 else f"{arm.group_of(vm)}~{arm.name_of(vm)}",
            ", ".join(_with_doubt(file, doubts) for file in files),
            _taken(files[0]),
        )
        for vm, files in found.items()
    ]


def _with_doubt(file: GuestFile, doubts: Mapping[str, str]) -> str:
    """Return the name of a file, with why not all of it could be read, if so."""
    doubt = doubts.get(arm.key(f"{file.vm}/guest/{file.name}"))
    return f"{file.name} ({doubt})" if doubt else file.name


def _taken(file: GuestFile) -> str:
    return (file.taken_at or "at an unknown time") + ", replacing those of the snapshot" * file.replaced


def without_effect(document: Document) -> list[tuple[str, str]]:
    """Return the place of each exemption that is not used, and why it has no effect; waivers first."""
    found: list[tuple[str, str]] = []
    for by_state in (document.waivers, document.attestations):
        statuses = [
            (state, status)
            for state in ExemptionState
            if state is not ExemptionState.USED
            for status in getattr(by_state, state, ())
        ]
        statuses.sort(key=lambda one: (one[1].file, one[1].line))
        found += [(place(status), _effect(state, status)) for state, status in statuses]
    return found


def _effect(state: ExemptionState, status: WaiverStatus | AttestationStatus) -> str:
    gap = status.gap if isinstance(status, WaiverStatus) else None
    first, last = (
        (status.granted_on, status.expires_on)
        if isinstance(status, WaiverStatus)
        else (status.attested_on, status.valid_until)
    )
    covers = count(status.covers, "gap" if gap else "finding")
    why = {
        ExemptionState.EXPIRED: f"expired on {last}" + f": {covers} no longer covered" * bool(status.covers),
        ExemptionState.LAPSED: f"lapsed: {covers} no longer covered, because {status.why}",
        ExemptionState.PENDING: f"in effect from {first}" + f": {covers} not covered yet" * bool(status.covers),
    }.get(state, f"covers nothing: {status.why or ''}")
    return f"{status.rule or gap} at {status.scope} {why}"


def shortened(text: str, home: str) -> str:
    """Replace ids in the resource group of `home` by names, others in its subscription by resource group and name."""

    def name(found: re.Match[str]) -> str:
        if arm.subscription_of(found[0]) != arm.subscription_of(home):
            return found[0]
        return found[2] if found[1].lower() == arm.group_of(home) else f"{found[1]}/{found[2]}"

    return _ID.sub(name, text) if "/" in text else text


def named(text: str) -> str:
    """Replace ids by resource group and name."""
    return _ID.sub(r"\1/\2", text) if "/" in text else text


def name_of(element: str) -> str:
    """Return the name of an element by its id: an ARM id, or `DEPLOYMENT/KIND/NAME`, whose name may have slashes."""
    return arm.name_of(element) if element.startswith("/") else element.split("/", 2)[-1]


def alias(subscription: str) -> str:
    """Return a stable name for a subscription that does not reveal its GUID."""
    digest = hashlib.sha256(f"/subscriptions/{subscription.lower()}".encode(errors="replace"))
    return f"sub-{digest.hexdigest()[:8]}"


def aliased(text: str) -> str:
    """Replace the ids of subscriptions, and whatever else is a GUID, by aliases."""
    return replace_ids(text, alias)


def replace_ids(text: str, replacement: Callable[[str], str]) -> str:
    """Replace the ids of subscriptions, and whatever else is a GUID, by what a function returns for each."""
    return _SUBSCRIPTION.sub(lambda found: replacement(found[0]), text)


def value(observed: object, home: str) -> str:
    """Return an observed value for a reader of the resource `home`."""
    return cut(shortened(_text(observed), home))


def value_change(before: object, after: object, home: str) -> str:
    """Return the values of a property before and after; of long ones, what follows their common beginning."""
    texts = [shortened(_text(observed), home) for observed in (before, after)]
    parted = (place for place, pair in enumerate(zip(*texts, strict=False)) if len({*pair}) > 1)
    start = max(0, next(parted, min(map(len, texts))) - _CONTEXT) if max(map(len, texts)) > _LONGEST else 0
    return " -> ".join(cut(f"{'...' * (start > 0)}{text[start:]}") for text in texts)


def _text(observed: object) -> str:
    return text(observed, absent="absent", empty='""')


def text(observed: object, *, absent: str, empty: str) -> str:
    """Return an observed value as text; lists without quotes, `absent` for null and `empty` for an empty string."""
    if observed is None:
        return absent
    if isinstance(observed, str):
        return observed or empty
    if isinstance(observed, list | tuple):
        return f"[{', '.join(text(item, absent=absent, empty=empty) for item in observed)}]"
    return msgspec.json.format(msgspec.json.encode(observed), indent=0).decode()


def cut(text: str) -> str:
    """Return the beginning of a long text, with its length."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}... ({len(text)} characters)"


def count(number: int, noun: str) -> str:
    """Return a number with its noun in singular or plural."""
    plural = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def first(items: list[str]) -> list[str]:
    """Return the first few items, and the number of the others."""
    more = len(items) - MOST
    return [*items[:MOST], f"and {more} more"] if more > 0 else items
