"""What a lost network separates besides tiers from their primaries: two tiers of which one may use the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from auditor.losses.foreseen import Effect
from auditor.losses.loss import Cut
from auditor.losses.parts import Part
from auditor.losses.site import Site, TierModel
from auditor.losses.taken import Taken
from auditor.snapshot.known import Cause, Unknown


def network_parts(site: Site, taken: Taken) -> Iterator[Part]:
    """Yield for each tier that it may not reach another one that it may use, after the loss of a network."""
    if not taken.cuts:
        return
    tiers = {tier.id: tier for tier in site.tiers}
    for tier in site.tiers:
        for other in (tiers[key] for key in tier.uses):
            if _may_be_apart(taken, tier, other):
                reason = (
                    f"no VM of the tier {tier.name} reaches the tier {other.name}; Azure does not show whether it must"
                )
                placed = taken.reasons(sorted((tier.vms | other.vms) & taken.unplaced))
                yield Part(Effect.UNKNOWN, unknown=(Unknown(Cause.VALUE, reason, optional=True), *placed))


def _may_be_apart(taken: Taken, tier: TierModel, other: TierModel) -> bool:
    """Return whether lost networks separate all VMs that are surely left of two tiers, or may do so."""
    some, others = (each.vms - taken.vms - taken.perhaps for each in (tier, other))
    cuts = [cut for _, _, cut in taken.cuts]
    if not some or not others or some & others:
        return False
    if len(cuts) == 1:
        return _may_part(cuts[0], some, others)
    return all(any(_may_part(cut, (one,), (far,)) for cut in cuts) for one in some for far in others)


def _may_part(cut: Cut, some: Iterable[str], others: Iterable[str]) -> bool:
    """Return whether all of some VMs may be on one side of a cut, and all of others on the other side."""
    sides = (cut.one | cut.perhaps.keys(), cut.other | cut.perhaps.keys())
    return any(sides[side].issuperset(some) and sides[1 - side].issuperset(others) for side in (0, 1))
