"""The objectives of a deployment against what is foreseen."""

from __future__ import annotations

import enum
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from auditor.losses.foreseen import Effect, Foreseen
from auditor.losses.loss import LossKind
from auditor.losses.possible import further
from auditor.losses.site import Objective, Seconds, Site, Vm
from auditor.snapshot.known import Cause, Unknown

KINDS: Final[Mapping[str, tuple[LossKind, ...]]] = {
    "machine": (LossKind.VM, LossKind.DISK),
    "fault-domain": (LossKind.FAULT_DOMAIN,),
    "zone": (LossKind.ZONE,),
    "region": (LossKind.REGION,),
    "planned": (LossKind.UPDATE_DOMAIN,),
}
"""The kinds of loss by the names of objectives, as the deployment file spells them."""

Measure: TypeAlias = Literal["rto", "rpo"]
"""A time, or how much of the latest data is lost; both in seconds."""

_WITHIN_ZONES: Final = frozenset({"fault-domain", "planned"})
"""Kinds of which no loss takes more than one zone: Azure fails and restarts each zone apart from the others
(learn.microsoft.com/training/modules/configure-virtual-machine-availability/5-review-availability-zones)."""
_OF_REGIONS: Final = frozenset({"zone", "region"})
_BY_PERSON: Final = frozenset({LossKind.REGION})
"""Losses after which the deployment may go on by a person's decision."""
_EFFECTS: Final = {effect: rank for rank, effect in enumerate(Effect)}


class Met(enum.StrEnum):
    """Whether an objective is met, the worst last."""

    MET = "met"
    UNKNOWN = "unknown"
    BREACHED = "breached"


_MET: Final = {met: rank for rank, met in enumerate(Met)}


class Compared(msgspec.Struct, frozen=True):
    """An objective, and what is foreseen in its worst case."""

    kind: str
    """One of `KINDS`."""
    measure: Measure
    objective: float
    """In seconds."""
    met: Met
    worst: Foreseen | None
    """None if nothing can be compared."""
    by_zone: bool = False
    """Whether that of a whole zone is compared, which is at least as bad as a loss of the kind that cannot be seen."""
    by_person: bool = False
    """Whether it goes on by a person's decision in the worst case."""
    unknown: Unknown | None = None
    """Why it is not known whether it is met."""

    @property
    def foreseen(self) -> Seconds | Unknown | None:
        """Return the time or the loss of data in the worst case, in seconds; None without any."""
        if self.worst is None:
            return None
        return self.worst.seconds if self.measure == "rto" else self.worst.rpo


def of_kind(kind: str, foreseen: Iterable[Foreseen]) -> tuple[Foreseen, ...]:
    """Return those that are single losses of a kind of `KINDS`."""
    kinds = KINDS[kind]
    return tuple(
        one for one in foreseen if len(one.losses) == 1 and not one.losses[0].parts and one.losses[0].kind in kinds
    )


def compared_with(site: Site) -> frozenset[LossKind]:
    """Return the kinds of loss with which the declared objectives of a deployment are compared."""
    names = {*site.objectives, *(("zone",) if _WITHIN_ZONES & site.objectives.keys() else ())}
    return frozenset(kind for name in names for kind in KINDS[name])


def compare(site: Site, foreseen: Iterable[Foreseen], *, every: bool = True) -> tuple[Compared, ...]:
    """Return each declared objective compared with the single losses of its kind, in the order of `KINDS`.

    `every` is whether they are all losses that are known; if not, those of a kind decide by themselves.

    An objective is met only if that is known of each loss, and there can be no further one. It is breached if a loss
    exceeds it for certain. Of VMs in zones Azure shows no fault domain and no update domain: these objectives are met
    if each zone meets them.
    """
    foreseen = tuple(foreseen)
    return tuple(
        _compared(site, kind, measure, objective, foreseen, every=every)
        for kind in KINDS
        for measure, objective in _measures(site.objectives.get(kind, Objective()))
    )


def _measures(objective: Objective) -> Iterator[tuple[Measure, float]]:
    if objective.rto is not None:
        yield "rto", objective.rto
    if objective.rpo is not None:
        yield "rpo", objective.rpo


def _compared(  # noqa: PLR0913 - an objective, and what it is compared with
    site: Site, kind: str, measure: Measure, objective: float, foreseen: tuple[Foreseen, ...], *, every: bool
) -> Compared:
    unseen = _unseen(site, kind) if every else ()
    bounds = of_kind("zone", foreseen) if unseen and all(vm.zone != "" for vm in unseen) else ()
    losses = of_kind(kind, foreseen)
    if not losses and not bounds:
        unknown = Unknown(Cause.VALUE, f"no loss of the kind {kind} can be seen")
        return Compared(kind, measure, objective, Met.UNKNOWN, None, unknown=unknown)
    each = [(_met(one, measure, objective), one, False) for one in losses]
    each += [(min(_met(one, measure, objective), Met.UNKNOWN, key=_MET.__getitem__), one, True) for one in bounds]
    met, worst, by_zone = max(each, key=lambda found: (_MET[found[0]], *_badness(found[1], measure)))
    why = _why(site, worst, measure) if met is Met.UNKNOWN else None
    if by_zone and _met(worst, measure, objective) is Met.BREACHED:
        why = _PART_OF_ZONE
    elif met is Met.MET and every:
        alone = () if bounds else (Unknown(Cause.VALUE, _SHARED.format(vm=vm.name)) for vm in unseen)
        why = next(iter((*further(site), *_not_here(site, kind, losses), *alone)), None)
        met = Met.UNKNOWN if why else met
    return Compared(kind, measure, objective, met, worst, by_zone, _is_by_person(worst), why)


def _unseen(site: Site, kind: str) -> tuple[Vm, ...]:
    """Return the VMs outside of the DR region of which Azure shows no domain, for kinds of losses of domains."""
    if kind not in _WITHIN_ZONES:
        return ()
    needed = (vm for vm in site.vms.values() if vm.region != site.dr_region)
    return tuple(vm for vm in needed if (vm.fault_domain if kind == "fault-domain" else vm.update_domain) is None)


def _not_here(site: Site, kind: str, losses: Iterable[Foreseen]) -> Iterator[Unknown]:
    """Yield that all losses of zones or regions that can be seen are those of another region than the primary one."""
    places = {one.losses[0].name.partition("/")[0] for one in losses}
    if kind in _OF_REGIONS and site.region not in places:
        yield Unknown(Cause.VALUE, f"no loss of the kind {kind} can be seen in {site.region}")


def _met(one: Foreseen, measure: Measure, objective: float) -> Met:
    """Return whether one loss meets an objective."""
    if one.effect is Effect.UNKNOWN:
        return Met.UNKNOWN
    stops = one.effect is not Effect.SERVES and not _is_by_person(one)
    if measure == "rto":
        return Met.BREACHED if stops else _within(one.seconds, objective)
    return Met.UNKNOWN if stops else _within(one.rpo, objective)


def _within(found: Seconds | Unknown | None, objective: float) -> Met:
    if not isinstance(found, Seconds):
        return Met.UNKNOWN
    if found.most <= objective:
        return Met.MET
    return Met.BREACHED if found.least > objective else Met.UNKNOWN


def _is_by_person(one: Foreseen) -> bool:
    return one.effect is Effect.STOPS and one.seconds is not None and one.losses[0].kind in _BY_PERSON


def _why(site: Site, one: Foreseen, measure: Measure) -> Unknown:
    """Return why it is not known whether one loss meets an objective."""
    if one.effect is Effect.UNKNOWN:
        return one.unknown[0] if one.unknown else Unknown(Cause.VALUE, "the effect of the loss is not known")
    if measure == "rpo":
        return one.rpo if isinstance(one.rpo, Unknown) else _DATA
    if one.effect is Effect.SERVES and math.isinf(site.takeover.most):
        return _TAKEOVER
    if one.effect is Effect.STOPS and math.isinf(site.decision.most):
        return _DECISION
    if one.seconds is not None and math.isinf(one.seconds.most):
        return (_undirected(site) if one.effect is Effect.STOPS else None) or _NO_BOUND
    return _TIME


def _undirected(site: Site) -> Unknown | None:
    """Return why it is not known how long users need to reach the DR region: a person must do more than decide."""
    if isinstance(site.dr_region, Unknown):
        return site.dr_region
    for profile in site.profiles:
        if profile.endpoints and all(end.region != site.dr_region for end in profile.endpoints):
            reason = f"no enabled endpoint of {profile.name} leads to {site.dr_region}"
            return Unknown(Cause.VALUE, f"{reason}: a person must first add or enable one", optional=True)
    return site.more_profiles


_SHARED: Final = "{vm} is in no zone and no set: nothing in Azure shows which VMs fail or restart together with it"
_PART_OF_ZONE: Final = Unknown(
    Cause.VALUE,
    "the loss of the whole zone breaches it; Azure does not show which VMs of a zone fail or restart together",
)
_NO_BOUND: Final = Unknown(Cause.VALUE, "no source states how long it lasts at most", optional=True)
_TIME: Final = Unknown(Cause.VALUE, "the longest time is beyond the objective, the shortest one is not")
_TAKEOVER: Final = Unknown(
    Cause.DECLARATION,
    "how long a new primary needs to open its databases is not declared: settings.takeover_seconds",
    optional=True,
)
_DECISION: Final = Unknown(
    Cause.DECLARATION,
    "how long a person needs to decide is not declared: settings.dr_decision_minutes",
    optional=True,
)
_DATA: Final = Unknown(Cause.VALUE, "how much data is lost depends on what a person does")


def _badness(one: Foreseen, measure: Measure) -> tuple[float, ...]:
    """Return what sorts losses, the worst last."""
    found = one.seconds if measure == "rto" else one.rpo
    bounds = (found.most, found.least) if isinstance(found, Seconds) else (math.inf, math.inf)
    return (_EFFECTS[one.effect], *bounds)
