"""The effect of losses on a deployment: each is played through its mirrors, its tiers, and what leads users to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

import msgspec

from auditor.losses.foreseen import Because, Effect, Foreseen
from auditor.losses.loss import Loss, LossKind, union
from auditor.losses.parts import RANK, Part, standby
from auditor.losses.play_mirror import mirror_part
from auditor.losses.play_tier import profile_part, tier_part
from auditor.losses.possible import losses
from auditor.losses.site import AT_ONCE, UNBOUNDED, Arbiter, Seconds, Site
from auditor.losses.times import longest
from auditor.snapshot.known import Cause, Unknown

_OF_KNOWN_VMS = frozenset({LossKind.VM, LossKind.DISK, LossKind.ENDPOINT, LossKind.PROFILE, LossKind.ARBITER_NETWORK})
"""Losses that take nothing of which it is not known that it belongs to the deployment."""
_LAG = Unknown(Cause.VALUE, "nothing in Azure shows how far a DR async is behind")


def foresee(site: Site, lost: Iterable[Loss], first: str = "") -> Foreseen:
    """Return the effect of losses, one after the other; each takes what it takes at once or in any order.

    `first` is the name of the failover member that is primary before; by default, the worst case is returned.
    """
    lost = tuple(lost)
    parts = list(_parts(site, lost, first))
    worst = max(parts, key=lambda part: RANK[part.effect], default=Part())
    if worst.effect is Effect.SERVES and site.undeclared and not _takes_only_known(lost):
        worst = Part(Effect.UNKNOWN, unknown=site.undeclared)
    same = [part for part in (worst, *parts) if part.effect is worst.effect]
    reads = tuple(dict.fromkeys(text for part in same for text in part.because))
    return Foreseen(
        losses=lost,
        order="sequence" if len(lost) > 1 or worst.in_sequence else "together",
        first=worst.first,
        effect=worst.effect,
        seconds=_seconds(site, lost, worst, parts),
        rpo=_rpo(site, worst),
        because=tuple(map(Because, reads)),
        statements=tuple(dict.fromkeys(name for part in same for name in part.statements)),
        unless=worst.unless,
        unknown=tuple(dict.fromkeys(why for part in same for why in part.unknown)),
        completions=worst.completions,
    )


def single(site: Site, first: str = "") -> tuple[Foreseen, ...]:
    """Return the effect of every single loss of a deployment; `first` is as in `foresee`."""
    played: dict[tuple[object, ...], Foreseen] = {}
    found = []
    for loss in losses(site):
        key = (loss.effect, loss.kind in _OF_KNOWN_VMS)
        if key not in played:
            played[key] = foresee(site, (loss,), first)
        found.append(msgspec.structs.replace(played[key], losses=(loss,)))
    return tuple(found)


def pairs(site: Site, first: str = "") -> tuple[Foreseen, ...]:
    """Return the pairs of losses that the deployment does not survive, though it survives each of the two alone.

    Losses of equal effect are one, and planned ones are left out. Two that touch no mirror, tier or profile in common
    are survived as each of them is. `first` is as in `foresee`.
    """
    harmless: dict[tuple[object, ...], Loss] = {}
    for one in single(site, first):
        (loss,) = one.losses
        if one.effect is Effect.SERVES and loss.kind is not LossKind.UPDATE_DOMAIN:
            harmless.setdefault(loss.effect, loss)
    touched = {key: frozenset(_touched(site, loss)) for key, loss in harmless.items()}
    together = (
        foresee(site, (union(harmless[one], harmless[other]),), first)
        for one, other in combinations(harmless, 2)
        if touched[one] & touched[other]
    )
    return tuple(found for found in together if found.effect in {Effect.STOPS, Effect.LOST})


def _parts(site: Site, lost: tuple[Loss, ...], first: str) -> Iterator[Part]:
    """Yield the effect on each mirror, tier and profile."""
    primaries: dict[str, frozenset[str]] = {}
    for mirror in site.mirrors:
        part = mirror_part(site, mirror, lost, first)
        primaries[mirror.id] = part.primaries
        yield part
    for tier in site.tiers:
        yield tier_part(site, tier, lost, primaries)
    for profile in site.profiles:
        yield profile_part(site, profile, lost)


def _takes_only_known(lost: Iterable[Loss]) -> bool:
    return all(loss.kinds <= _OF_KNOWN_VMS for loss in lost)


def _seconds(site: Site, lost: tuple[Loss, ...], worst: Part, parts: Iterable[Part]) -> Seconds | None:
    """Return how long clients wait; where it stops, until the DR region serves by a person's decision."""
    if worst.effect is Effect.SERVES:
        return longest(*(part.seconds for part in parts))
    continues = standby(site, lost) if worst.effect is Effect.STOPS else False
    if continues is False:
        return None
    if continues is None or site.more_profiles:
        return Seconds(site.decision.least, UNBOUNDED)
    return site.decision.then(longest(*(profile.switch for profile in site.profiles)))


def _rpo(site: Site, worst: Part) -> Seconds | Unknown | None:
    """Return how much data is lost: none where a failover member goes on, unknown where a DR async does."""
    if worst.effect is Effect.SERVES:
        return AT_ONCE
    return _LAG if worst.effect is Effect.STOPS and any(mirror.asyncs for mirror in site.mirrors) else None


def _touched(site: Site, loss: Loss) -> Iterator[str]:
    """Yield the mirrors, tiers and profiles that a loss takes something of."""
    vms = loss.vms | loss.instances | loss.perhaps.keys()
    for cut in loss.cuts:
        vms |= cut.one | cut.other | cut.perhaps.keys()
    taken = vms | loss.entrances
    for mirror in site.mirrors:
        members = mirror.members if isinstance(mirror.members, tuple) else tuple(vms)
        arbiter = (mirror.arbiter.vm,) if isinstance(mirror.arbiter, Arbiter) else ()
        if mirror.id in loss.arbiter_networks or taken & {*members, *arbiter, *mirror.entrances}:
            yield mirror.id
    for tier in site.tiers:
        if taken & {*tier.vms, *tier.entrances}:
            yield tier.id
    for profile in site.profiles:
        if profile.key in taken or any(key == profile.key for key, _ in loss.endpoints):
            yield profile.key
