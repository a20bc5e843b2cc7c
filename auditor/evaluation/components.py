"""Evaluation of one component, or of some deployments of it, and what results of all are joined to."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from itertools import chain

import msgspec

from auditor.azure import arm
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.topology import Topology
from auditor.evaluation import coverage, engine, exemptions, remedies
from auditor.evaluation.coverage import Supplied
from auditor.evaluation.engine import Detail
from auditor.evaluation.exemptions import Exemptions
from auditor.evaluation.losses import LossesOfKind, losses_of
from auditor.evaluation.model import Finding, GuestFile
from auditor.evaluation.picture.build import pictures
from auditor.evaluation.picture.model import Picture
from auditor.evaluation.remedies import FilledStep
from auditor.rules.conditions import CompiledRule
from auditor.snapshot.model import Snapshot


class How(msgspec.Struct, frozen=True):
    """How everything is evaluated."""

    profile: str
    as_of: dt.date
    detail: Detail
    exemptions: Exemptions
    replaced: frozenset[str] = frozenset()
    """The keys of the VMs whose guest files in the snapshot were replaced by others."""


class Share(msgspec.Struct, frozen=True):
    """What one task reports of what is in its view."""

    scopes: frozenset[str]
    """The subscriptions whose own findings and guest files it reports."""
    names: frozenset[str] | None
    """The names of the deployments that it shares with other tasks; None for all in view."""
    piece: int = 0
    pieces: int = 1
    """It reports each deployment whose position among them, divided by `pieces`, leaves `piece`."""


class Results(msgspec.Struct, frozen=True):
    """The results of some tasks."""

    findings: tuple[Finding, ...]
    """Without exemptions."""
    guest: Supplied
    pictures: Mapping[str, Picture]
    losses: Mapping[str, tuple[LossesOfKind, ...]]
    remedies: Mapping[str, tuple[FilledStep, ...]]


def topology_of(view: Snapshot, declared: tuple[DeclaredDeployment, ...], how: How) -> Topology:
    """Return the topology of what is in view."""
    return Topology(view, declared, how.as_of)


def evaluate(topology: Topology, rules: tuple[CompiledRule, ...], share: Share, how: How) -> Results:
    """Evaluate a share of what is in view."""
    known = (each for each in topology.deployments if share.names is None or each.id in share.names)
    own = [*known][share.piece :: share.pieces]
    found = [engine.evaluate_deployment(topology, each, rules, how.detail) for each in own]
    if share.scopes:
        found.append(engine.evaluate_subscriptions(topology, rules, how.detail, only=share.scopes))
    findings = tuple(chain(*found))
    attested = exemptions.attest(how.exemptions, findings, how.as_of)
    guest = coverage.supplied(topology, own, how.replaced)
    return Results(
        findings,
        Supplied(tuple(file for file in guest.files if arm.subscription_of(file.vm) in share.scopes), guest.are_enough),
        pictures(topology, own, how.profile, attested),
        losses_of(topology, own),
        remedies.of(attested, topology),
    )


def joined(results: Iterable[Results], declared: Iterable[DeclaredDeployment]) -> Results:
    """Return the results of several tasks as those of one; their order does not matter."""
    findings: list[Finding] = []
    files: list[GuestFile] = []
    are_enough = True
    drawn: dict[str, Picture] = {}
    lost: dict[str, tuple[LossesOfKind, ...]] = {}
    steps: dict[str, tuple[FilledStep, ...]] = {}
    for each in results:
        findings += each.findings
        files += each.guest.files
        are_enough = are_enough and each.guest.are_enough
        drawn |= each.pictures
        lost |= each.losses
        steps |= each.remedies
    by_file = {deployment.name: position for position, deployment in enumerate(declared)}
    # Those that only tags declare come last, as in a topology.
    names = sorted(drawn, key=lambda name: (by_file.get(name, len(by_file)), name.casefold()))
    return Results(
        engine.ranked(findings),
        Supplied(tuple(sorted(files, key=lambda file: (arm.key(file.vm), file.name.lower()))), are_enough),
        {name: drawn[name] for name in names},
        {name: lost[name] for name in names},
        steps,
    )
