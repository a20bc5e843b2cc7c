"""Recommendations of other tools beside the rules: which contradict them, which they require too, which neither.

Nothing is suppressed or exempted: the commands for it are printed.
"""

from __future__ import annotations

import enum
import re
import textwrap
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from auditor.azure import arm
from auditor.escape import printable
from auditor.rules.maps import Recommendation, Relation

if TYPE_CHECKING:
    from auditor.rules.maps import Maps, PublicCheck
    from auditor.sources.advice import Advice

_WIDTH: Final = 100
_MOST: Final = 5
"""The number of resources of one recommendation that are named."""
_POLICY: Final = "Azure Policy"
_CREATE_EXEMPTION: Final = (
    "az policy exemption create -n NAME --policy-assignment POLICY_ASSIGNMENT_ID --scope ID "
    "--exemption-category Mitigated --policy-definition-reference-ids REFERENCE_ID"
)
"""The last option is only for an assignment of an initiative, in which the policy has this id."""
_GUID: Final = re.compile("[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


_ABOUT: Final = "The rules are only about resources of deployments. --report says which these are."
_ABOUT_REPORT: Final = "The rules are about resources of deployments; the report names these."


class Stance(enum.Enum):
    """How a recommendation of another tool agrees with the rules."""

    CONTRADICTED = "contradicted by the reference: do not follow"
    REQUIRED = "required by the reference too"
    ELSEWHERE = "contradicted only for resources of deployments; the report names none of these"
    BESIDE = "required in part, or near what is required: follow it only if it suits the deployment"
    UNKNOWN = "not known to the rules"


def stance(rows: Iterable[Recommendation]) -> Stance:
    """Return how a public check agrees with the rules of some rows; one that it contradicts decides."""
    relations = {row.relation for row in rows}
    if Relation.CONTRADICTS in relations:
        return Stance.CONTRADICTED
    if relations & {Relation.SAME, Relation.WEAKER}:
        return Stance.REQUIRED
    return Stance.BESIDE if relations else Stance.UNKNOWN


def of_advice(advice: Iterable[Advice], maps: Maps, profile: str, known: Container[str] | None = None) -> str:
    """Return the open recommendations of Azure Advisor by how they agree with the rules of a profile.

    Args:
        advice: the recommendations.
        maps: the maps of the packs.
        profile: the rule profile.
        known: the keys of the resources of deployments; None if they are not known, so that any may be one.
    """
    advice = [*advice]
    found: dict[tuple[Stance, str], list[Advice]] = {}
    for each in (one for one in advice if one.is_open):
        held = stance(_rows(maps, each.type, profile))
        if held is Stance.CONTRADICTED and known is not None and arm.key(each.resource) not in known:
            held = Stance.ELSEWHERE
        found.setdefault((held, each.type), []).append(each)
    shown = sum(map(len, found.values()))
    lines = [f"open recommendations of Azure Advisor: {shown}; suppressed or closed: {len(advice) - shown}"]
    lines += _wrapped(_ABOUT if known is None else _ABOUT_REPORT, "")
    for wanted in Stance:
        of_stance = [(type_, of) for (held, type_), of in found.items() if held is wanted]
        lines += ["", wanted.value] if of_stance else ()
        for type_, of in of_stance:
            lines += _about(of, _rows(maps, type_, profile), wanted)
    return _text(lines)


def of_checks(maps: Maps, profile: str) -> str:
    """Return the public checks that contradict a rule of a profile."""
    rows = [row for row in maps.recommendations if profile in row.profiles and row.relation is Relation.CONTRADICTS]
    lines = [f"public checks that contradict a rule of the profile {profile}: do not follow"]
    for check in dict.fromkeys(row.check for row in rows):
        advisor = f" (Azure Advisor {check.advisor})" if check.advisor else ""
        lines += ["", f"  {check.system} {check.id}{advisor}"]
        lines += (line for row in rows if row.check == check for line in _row(row))
        lines += (f"    {command}" for command in exemption(check))
    return _text(lines if rows else [*lines, "", "  none"])


def suppression(advice: Advice) -> str:
    """Return the command that suppresses a recommendation for its resource, "" if a name in it is no GUID."""
    subscription = arm.name_of(arm.subscription_of(advice.id))
    if not _GUID.fullmatch(advice.name) or not _GUID.fullmatch(subscription):
        return ""
    return f"az advisor recommendation disable --name {advice.name} --subscription {subscription}"


def exemption(check: PublicCheck) -> list[str]:
    """Return the commands that find what a policy reports, and exempt one resource from it; none for another check.

    The first prints what the second needs: POLICY_ASSIGNMENT_ID, REFERENCE_ID and ID of each resource.
    """
    if check.system != _POLICY:
        return []
    reported = f"policyDefinitionName eq '{check.id}' and complianceState eq 'NonCompliant'"
    columns = "[].[policyAssignmentId, policyDefinitionReferenceId, resourceId]"
    return [f'az policy state list --filter "{reported}" --query "{columns}" -o tsv', _CREATE_EXEMPTION]


def _rows(maps: Maps, type_: str, profile: str) -> list[Recommendation]:
    return [row for row in maps.by_advisor(type_) if profile in row.profiles]


def _about(advice: Sequence[Advice], rows: Sequence[Recommendation], found: Stance) -> Iterator[str]:
    yield ""
    first = advice[0]
    yield from _wrapped(first.problem or first.type)
    yield from _wrapped(f"recommendation type {first.type}, for {_named(advice)}", "    ")
    for row in rows:
        yield from _row(row)
    if found is Stance.CONTRADICTED:
        yield from (f"    {command}" for each in advice if (command := suppression(each)))


def _row(row: Recommendation) -> list[str]:
    """Return the relation to a rule, seen from the public check."""
    return _wrapped(f"{row.relation} {row.rule}: {row.note}", "    ")


def _named(advice: Sequence[Advice]) -> str:
    """Return the names of some resources, and the number of the others."""
    names = [*dict.fromkeys(arm.name_of(each.resource) for each in advice)]
    more = len(names) - _MOST
    return ", ".join(names[:_MOST]) + (f" and {more} more" if more > 0 else "")


def _wrapped(text: str, indent: str = "  ") -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()), _WIDTH, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )


def _text(lines: Iterable[str]) -> str:
    return "".join(f"{printable(line)}\n" for line in lines)
