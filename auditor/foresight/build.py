"""Builds the document of what is foreseen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from auditor import __version__
from auditor.foresight import document
from auditor.losses.foreseen import Effect, Foreseen
from auditor.losses.objectives import Compared
from auditor.losses.site import Seconds, Site
from auditor.report.document import Tool
from auditor.rules.conditions.display import plain
from auditor.rules.evidence import Read
from auditor.snapshot import known


def foresight(
    deployments: Iterable[document.Deployment], *, taken_at: str, scopes: Sequence[str], lose: Sequence[str], first: str
) -> document.Foresight:
    """Return the document of some deployments; `taken_at` and `first` are "" where there is none."""
    return document.Foresight(
        format="auditor.foresight/1",
        tool=Tool("auditor", __version__),
        taken_at=taken_at or None,
        scopes=tuple(scopes),
        lose=tuple(lose),
        first=first or None,
        deployments=tuple(deployments),
    )


def deployment(
    site: Site, losses: Iterable[Foreseen], pairs: Iterable[Foreseen] | None, objectives: Iterable[Compared]
) -> document.Deployment:
    """Return one deployment; `pairs` is None if they were not played."""
    return document.Deployment(
        name=site.name,
        losses=tuple(map(_foreseen, losses)),
        pairs=None if pairs is None else tuple(map(_foreseen, pairs)),
        objectives=tuple(map(_objective, objectives)),
        unknown=tuple(map(_unknown, dict.fromkeys((*site.undeclared, *filter(None, (site.more_profiles,)))))),
        assumed=tuple(document.Because(one.text, _reads(one.reads)) for one in site.assumed),
    )


def _foreseen(one: Foreseen) -> document.Foreseen:
    return document.Foreseen(
        loss=tuple(loss.id for loss in one.losses),
        order=one.order,
        first=one.first or None,
        outcome=one.effect,
        seconds=_seconds(one.seconds),
        rpo=_seconds(one.rpo),
        because=tuple(document.Because(each.text, _reads(each.reads)) for each in one.because),
        oracle=one.statements,
        unless=one.unless or None,
        unknown=tuple(map(_unknown, one.unknown)),
        completions=one.completions,
    )


def _objective(compared: Compared) -> document.Objective:
    worst = compared.worst
    goes_on = worst is not None and (worst.effect is Effect.SERVES or compared.by_person)
    return document.Objective(
        kind=compared.kind,
        measure=compared.measure,
        seconds=compared.objective,
        foreseen=_seconds(compared.foreseen) if goes_on else None,
        outcome=compared.met,
        by_person=compared.by_person,
        worst=tuple(loss.id for loss in worst.losses) if worst else None,
        unknown=_unknown(compared.unknown) if compared.unknown else None,
    )


def _seconds(found: Seconds | known.Unknown | None) -> document.Seconds | None:
    if isinstance(found, known.Unknown):
        return document.Seconds(0, None, found.reason)
    if found is None:
        return None
    return document.Seconds(found.least, found.most if math.isfinite(found.most) else None, None)


def _unknown(found: known.Unknown) -> document.Unknown:
    return document.Unknown(found.cause, found.reason)


def _reads(reads: Iterable[known.Read]) -> tuple[Read, ...]:
    return tuple(Read(read.resource, read.path, plain(read.value)) for read in reads)
