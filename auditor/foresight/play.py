"""From a source to what is foreseen of its deployments."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import msgspec

from auditor.errors import InputError
from auditor.estate import deployment_file
from auditor.estate.topology import Topology
from auditor.foresight import build
from auditor.foresight.document import Deployment, Foresight
from auditor.losses import play, possible
from auditor.losses.foreseen import Because, Foreseen
from auditor.losses.loss import Loss, each_of
from auditor.losses.objectives import compare
from auditor.losses.site import Site
from auditor.rules.context import Context
from auditor.rules.facts.losses import reads_of
from auditor.rules.facts.site import said_of_stopped, site_of
from auditor.snapshot.known import Unknown
from auditor.snapshot.model import Snapshot
from auditor.sources import snapshot_file
from auditor.sources.guest import attaching
from auditor.sources.source import Source
from auditor.times import instant


class Request(msgspec.Struct, frozen=True):
    """What is played, and by which files of the user."""

    source: Source
    deployment: Path | None = None
    """The deployment file; by default the one that the snapshot carries."""
    guest: Path | None = None
    """The folder of files from inside VMs."""
    lose: tuple[str, ...] = ()
    """The losses, one after the other, as `--lose` spells them; by default every single one is played."""
    pairs: bool = False
    """Whether pairs of losses are played."""
    first: str = ""
    """The failover member that is primary before; by default the worst case."""


@snapshot_file.collector_paused()
def foresight(request: Request) -> Foresight:
    """Play losses on the deployments of a source.

    Raises:
        InputError: a file of the user's is wrong, the sign-in failed, or no deployment has what is lost or first.
    """
    given = deployment_file.read(request.deployment) if request.deployment else deployment_file.NOTHING
    supplied = attaching.read(request.guest)
    snapshot = attaching.attach(request.source.read(), supplied).snapshot
    declared = given if request.deployment else deployment_file.carried_by(snapshot)
    topology = Topology(snapshot, declared.deployments, _taken(snapshot, request.source.file))
    contexts = [Context(topology, deployment) for deployment in topology.deployments]
    sites = [site_of(context, deployment) for context, deployment in zip(contexts, topology.deployments, strict=True)]
    return build.foresight(
        _deployments(dict(zip((site.name for site in sites), contexts, strict=True)), sites, request),
        taken_at=snapshot.taken_at,
        scopes=snapshot.scopes,
        lose=request.lose,
        first=request.first,
    )


def _taken(snapshot: Snapshot, file: str) -> dt.date | None:
    """Return the date of a snapshot, None where it has none.

    Raises:
        InputError: it is none.
    """
    moment = instant(snapshot.taken_at)
    if snapshot.taken_at and not moment:
        message = f"takenAt is '{snapshot.taken_at}', not a time like 2026-11-01T06:00:00Z"
        raise InputError(message, file, 1)
    return moment.date() if moment else None


def _deployments(contexts: Mapping[str, Context], sites: Sequence[Site], request: Request) -> Iterator[Deployment]:
    """Yield what is foreseen of each deployment that has what is lost; the contexts are by the names of deployments.

    Raises:
        InputError: no deployment has it, or the member that is primary before.
    """
    members = {site.name: _members(site) for site in sites}
    if request.first and not any(request.first.lower() in found for found in members.values()):
        known = sorted(name for found in members.values() for name in found)
        message = f"--first names '{request.first}', which is no failover member{_meant(request.first, known)}"
        raise InputError(message)
    named = [(site, [possible.named(site, text) for text in request.lose]) for site in sites]
    having = [(site, lost) for site, lost in named if not any(isinstance(loss, Unknown) for loss in lost)]
    if sites and not having:
        raise InputError(_missing(sites, request.lose))
    for site, lost in having:
        first = request.first if request.first.lower() in members[site.name] else ""
        losses = [loss for loss in lost if isinstance(loss, Loss)]
        found = (play.foresee(site, losses, first),) if losses else play.single(site, first)
        compared = [one for one in compare(site, found, every=not losses) if one.worst or not losses]
        pairs = play.pairs(site, first) if request.pairs else None
        reading = partial(_with_reads, contexts[site.name])
        assumed = (*site.assumed, *said_of_stopped(contexts[site.name], site))
        said = msgspec.structs.replace(site, assumed=assumed)
        yield build.deployment(said, map(reading, found), None if pairs is None else map(reading, pairs), compared)


def _with_reads(context: Context, one: Foreseen) -> Foreseen:
    """Return what is foreseen, with what was read of that which is lost, at the first reason."""
    if not one.because:
        return one
    reads = dict.fromkeys(read for loss in one.losses for part in loss.simple for read in reads_of(context, part))
    because = (Because(one.because[0].text, tuple(reads)), *one.because[1:])
    return msgspec.structs.replace(one, because=because)


def _members(site: Site) -> set[str]:
    """Return the names and keys of the failover members, in lower case."""
    members = (mirror.members for mirror in site.mirrors if isinstance(mirror.members, tuple))
    return {name for pair in members for key in pair for name in (key, site.vms[key].name.lower())}


def _missing(sites: Sequence[Site], lose: Sequence[str]) -> str:
    """Return which loss no deployment has; if each has one of several, that they are not of one deployment."""
    known = {loss.id for site in sites for loss in possible.losses(site)}
    spelled = {name.lower() for name in known}
    for name in (name for text in lose for name in each_of(text)):
        if name.lower() not in spelled:
            return f"no deployment has '{name}'{_meant(name, sorted(known))}; auditor foresee -o json lists them"
    return f"no deployment has all of {', '.join(lose)}"


def _meant(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""
