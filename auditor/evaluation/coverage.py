"""Coverage: how much of what the rules need was read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from auditor.azure import arm
from auditor.azure.types import REFERENCES, display_type
from auditor.azure.types.names import GUEST_FILE, SKU, VM
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.graph import unlisted
from auditor.estate.subjects import Deployment
from auditor.estate.topology import Topology
from auditor.evaluation.model import Coverage, Finding, GuestFile, Outcome, Waiver
from auditor.rules.conditions import CompiledRule
from auditor.snapshot.known import Cause
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Gap, Snapshot


def gaps(topology: Topology, rules: Iterable[CompiledRule]) -> tuple[Gap, ...]:
    """Return the gaps in everything that the rules need, by scope."""
    return gaps_of(topology.graph.snapshot, (deployment.declared for deployment in topology.deployments), rules)


def gaps_of(
    snapshot: Snapshot, deployments: Iterable[DeclaredDeployment], rules: Iterable[CompiledRule]
) -> tuple[Gap, ...]:
    """Return the gaps in everything that the rules need, by scope; the resources of the snapshot do not matter."""
    found = (*snapshot.gaps, *_unlisted(snapshot, deployments, _types(rules)))
    return tuple(sorted(found, key=lambda gap: (gap.scope.lower(), gap.what.lower())))


class Supplied(msgspec.Struct, frozen=True):
    """The guest files of a snapshot, or of a part of one."""

    files: tuple[GuestFile, ...]
    """By VM and name."""
    are_enough: bool
    """Whether each deployment that requires some has one."""


def supplied(topology: Topology, deployments: Iterable[Deployment], replaced: Collection[str] = ()) -> Supplied:
    """Return the guest files of a snapshot; `replaced` are the ids of the VMs whose files were replaced by others."""
    enough = all(topology.guest_files.are_enough_for(deployment) for deployment in deployments)
    return Supplied(tuple(_guest_files(topology.graph.snapshot, replaced)), enough)


def assess(
    topology: Topology,
    gaps: tuple[Gap, ...],
    findings: Iterable[Finding],
    waived: Mapping[Gap, Waiver],
    replaced: Collection[str] = (),
) -> Coverage:
    """Return the coverage of a scan; waived gaps and findings do not make it incomplete.

    `replaced` are the ids of the VMs whose guest files in the snapshot were replaced by others.
    """
    guest = supplied(topology, topology.deployments, replaced)
    return joined(topology.graph.snapshot.listed, gaps, findings, waived, guest)


def joined(
    listed: Iterable[tuple[str, str]],
    gaps: tuple[Gap, ...],
    findings: Iterable[Finding],
    waived: Mapping[Gap, Waiver],
    guest: Supplied,
) -> Coverage:
    """Return the coverage of a scan of which the parts were evaluated one by one."""
    incomplete = [finding for finding in findings if finding.waiver is None and _makes_incomplete(finding)]
    undeclared = (finding for finding in incomplete if finding.cause is Cause.DECLARATION)
    return Coverage(
        complete=not incomplete and all(gap in waived or gap.is_of_guest_file for gap in gaps) and guest.are_enough,
        listed=tuple(sorted((scope, display_type(type_)) for scope, type_ in listed)),
        gaps=gaps,
        declarations=tuple(dict.fromkeys(reason for finding in undeclared for reason in finding.reasons)),
        waived=waived,
        guest_files=guest.files,
    )


def _guest_files(snapshot: Snapshot, replaced: Collection[str]) -> Iterator[GuestFile]:
    """Yield which VM has which files, and from when."""
    keys = {arm.key(vm) for vm in replaced}
    for found in snapshot.resources:
        if found.type == GUEST_FILE:
            vm, at = found.id.rsplit("/", 2)[0], value(found, "properties.takenAt").value
            yield GuestFile(vm, found.name, at if isinstance(at, str) else "", arm.key(vm) in keys)


def _types(rules: Iterable[CompiledRule]) -> set[str]:
    """Return the types that must be listed: those that rules are about and those of the reference graph."""
    targets = {target.type for loaded in rules for target in loaded.rule.targets if target.type}
    return (
        targets | {VM, SKU, *REFERENCES} | {r.to for references in REFERENCES.values() for r in references if r.reached}
    )


def _unlisted(snapshot: Snapshot, deployments: Iterable[DeclaredDeployment], types: set[str]) -> Iterator[Gap]:
    """Yield a gap for each type that was not listed without a gap, and each subscription that was not scanned."""
    known = {
        (arm.subscription_of(gap.scope), arm.canonical_type(gap.what))
        for gap in snapshot.gaps
        if gap.makes_listing_incomplete
    }
    for scope in snapshot.scopes:
        for type_ in sorted(types) if (scope, arm.SUBSCRIPTION) not in known else ():
            if (scope, type_) not in snapshot.listed and (scope, type_) not in known:
                yield unlisted(type_, scope)
    left_out = {scope for each in deployments for scope in each.subscriptions}.difference(snapshot.scopes)
    for scope in sorted(left_out):
        yield unlisted(arm.SUBSCRIPTION, scope)


def _makes_incomplete(finding: Finding) -> bool:
    """Return whether a finding makes the scan incomplete."""
    return finding.outcome is Outcome.ERROR or (finding.outcome is Outcome.UNKNOWN and not finding.optional)
