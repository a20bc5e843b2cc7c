"""Coverage: how much of what the rules need was read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from auditor.azure import arm
from auditor.azure.types import REFERENCES, display_type
from auditor.azure.types.names import SKU, VM
from auditor.estate.graph import unlisted
from auditor.estate.topology import Topology
from auditor.evaluation.model import Coverage, Finding, Outcome, Waiver
from auditor.rules.conditions import CompiledRule
from auditor.snapshot.known import Cause
from auditor.snapshot.model import Gap, Snapshot


def gaps(topology: Topology, rules: Iterable[CompiledRule]) -> tuple[Gap, ...]:
    """Return the gaps in everything that the rules need, by scope."""
    snapshot = topology.graph.snapshot
    found = (*snapshot.gaps, *_unlisted(snapshot, topology, _types(rules)))
    return tuple(sorted(found, key=lambda gap: (gap.scope.lower(), gap.what.lower())))


def assess(
    topology: Topology, gaps: tuple[Gap, ...], findings: Iterable[Finding], waived: Mapping[Gap, Waiver]
) -> Coverage:
    """Return the coverage of a scan; waived gaps and findings do not make it incomplete."""
    snapshot = topology.graph.snapshot
    incomplete = [finding for finding in findings if finding.waiver is None and _makes_incomplete(finding, topology)]
    undeclared = (finding for finding in incomplete if finding.cause is Cause.DECLARATION)
    return Coverage(
        # No source has files from inside VMs.
        complete=not incomplete
        and all(gap in waived for gap in gaps)
        and not any(deployment.declared.guest == "required" for deployment in topology.deployments),
        listed=tuple(sorted((scope, display_type(type_)) for scope, type_ in snapshot.listed)),
        gaps=gaps,
        declarations=tuple(dict.fromkeys(reason for finding in undeclared for reason in finding.reasons)),
        waived=waived,
    )


def _types(rules: Iterable[CompiledRule]) -> set[str]:
    """Return the types that must be listed: those that rules are about and those of the reference graph."""
    targets = {target.type for loaded in rules for target in loaded.rule.targets if target.type}
    return (
        targets | {VM, SKU, *REFERENCES} | {r.to for references in REFERENCES.values() for r in references if r.reached}
    )


def _unlisted(snapshot: Snapshot, topology: Topology, types: set[str]) -> Iterator[Gap]:
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
    left_out = {s for d in topology.deployments for s in d.declared.subscriptions if s not in snapshot.scopes}
    for scope in sorted(left_out):
        yield unlisted(arm.SUBSCRIPTION, scope)


def _makes_incomplete(finding: Finding, topology: Topology) -> bool:
    """Return whether a finding makes the scan incomplete."""
    if finding.outcome is Outcome.ERROR:
        return True
    if finding.outcome is not Outcome.UNKNOWN or finding.optional:
        return False
    if finding.cause is Cause.GUEST:
        return any(d.id == finding.deployment and d.declared.guest == "required" for d in topology.deployments)
    return True
