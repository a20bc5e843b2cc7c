"""The effect of losses on one part of a deployment, and what is left of a deployment after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, combinations, product
from typing import Final, NamedTuple

from auditor.losses.foreseen import Effect
from auditor.losses.loss import Loss
from auditor.losses.site import AT_ONCE, Profile, Seconds, Site
from auditor.snapshot.known import Unknown

RANK: Final = {effect: rank for rank, effect in enumerate(Effect)}


class Part(NamedTuple):
    """The effect of losses on one mirror, tier or profile."""

    effect: Effect = Effect.SERVES
    because: tuple[str, ...] = ()
    seconds: Seconds = AT_ONCE
    first: str = ""
    in_sequence: bool = False
    """Whether one thing is lost after the other in the worst case."""
    statements: tuple[str, ...] = ()
    unless: str = ""
    unknown: tuple[Unknown, ...] = ()
    completions: tuple[str, ...] = ()
    primaries: frozenset[str] = frozenset()
    """The keys of the VMs that can be primary afterwards."""


class Completion(NamedTuple):
    """One way in which things stand of which it is not known where they stand."""

    taken: frozenset[str]
    """What is lost of that which may be lost."""
    sides: Mapping[str, str]
    """`one`, `other` or "" for each VM that may be in a group between which the network is lost."""


def completions(lost: Iterable[Loss], relevant: Iterable[str]) -> Iterator[Completion]:
    """Yield every way in which the relevant things can stand, beginning with that in which least is lost."""
    lost, keys = tuple(lost), frozenset(relevant)
    perhaps = sorted(key for key in keys if any(key in loss.perhaps for loss in lost))
    unplaced = sorted(key for key in keys if any(key in cut.perhaps for loss in lost for cut in loss.cuts))
    subsets = chain.from_iterable(combinations(perhaps, size) for size in range(len(perhaps) + 1))
    for taken, sides in product(subsets, product(("", "one", "other"), repeat=len(unplaced))):
        yield Completion(frozenset(taken), dict(zip(unplaced, sides, strict=True)))


def is_lost(loss: Loss, key: str, completion: Completion) -> bool:
    """Return whether a VM or an entrance is lost."""
    return key in loss.vms or key in loss.entrances or (key in loss.perhaps and key in completion.taken)


def are_cut(loss: Loss, one: str, other: str, completion: Completion) -> bool:
    """Return whether the network between two VMs is lost."""

    def side(key: str, group: frozenset[str], name: str) -> bool:
        return key in group or completion.sides.get(key) == name

    return any(
        (side(one, cut.one, "one") and side(other, cut.other, "other"))
        or (side(one, cut.other, "other") and side(other, cut.one, "one"))
        for cut in loss.cuts
    )


def standby(site: Site, lost: Iterable[Loss]) -> bool | None:
    """Return whether a person can continue in the DR region, with a DR async for each mirror and a VM for each tier.

    None if it is not known.
    """
    lost = tuple(lost)
    gone = frozenset(key for loss in lost for key in (*loss.vms, *loss.perhaps, *loss.entrances))
    ends = frozenset(end for loss in lost for end in loss.endpoints)

    def left(keys: Iterable[str]) -> bool:
        return any(key not in gone for key in keys)

    def directs(profile: Profile) -> bool:
        return profile.key not in gone and any(
            end.region == site.dr_region and (profile.key, end.name) not in ends for end in profile.endpoints
        )

    tiers = {tier.name for tier in site.dr_tiers if left(tier.vms)}
    if isinstance(site.dr_region, Unknown):
        return None
    return (
        bool(site.dr_region)
        and all(map(directs, site.profiles))
        and all(left(mirror.asyncs) for mirror in site.mirrors)
        and all(tier.name in tiers for tier in site.tiers)
    )


def placed(site: Site, lost: Iterable[Loss], completion: Completion, effect: Effect) -> str:
    """Return a completion and the effect in it, in words."""
    what = " and ".join(loss.id for loss in lost)
    taken = (*sorted(completion.taken), *(key for key, side in completion.sides.items() if side))
    names = [(site.vms.get(key) or site.entrances[key]).name for key in taken]
    return f"{effect} if {what} takes {', '.join(names) or 'nothing else'}{' too' if names else ''}"
