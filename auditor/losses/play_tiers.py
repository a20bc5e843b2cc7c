"""The effect of losses on all tiers of a deployment, together with its mirrors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from auditor.losses.foreseen import Effect
from auditor.losses.joint_cases import JointCase, joint_cases
from auditor.losses.parts import RANK, UNTOUCHED, Part
from auditor.losses.play_mirror import MirrorPlayed
from auditor.losses.play_tier import Around, TierPlay
from auditor.losses.site import Site, TierModel
from auditor.losses.taken import Taken


class TiersPlay:
    """Plays losses on the tiers of one deployment."""

    def __init__(self, site: Site) -> None:
        """Take the deployment."""
        self._site = site
        self._tiers = [TierPlay(site, tier) for tier in site.tiers]

    def played(self, taken: Taken, mirrors: Mapping[str, MirrorPlayed]) -> tuple[list[Part], Part]:
        """Return the effect on each tier, and the best that can come of mirrors and tiers together.

        `mirrors` has the effect on each mirror. Without a lost network, what is best for one of them is best for all.
        """
        if not taken.cuts:
            return [play.part(taken) for play in self._tiers if play.is_touched(taken)], UNTOUCHED
        needed = [self._needed(play.tier, taken, mirrors) for play in self._tiers]
        touched = [(play, own) for play, own in zip(self._tiers, needed, strict=True) if own or play.is_touched(taken)]
        unclear = sum(len(played.cases) > 1 for played in mirrors.values())
        if not any(needed) and unclear <= 1:
            return [play.part(taken) for play, _ in touched], UNTOUCHED
        wanted = tuple(dict.fromkeys(own for _, own in touched))
        every = joint_cases(self._site, taken, {mirror: played.cases for mirror, played in mirrors.items()}, wanted)
        around = [partial(_around, play.tier, place=wanted.index(own), mirrors=own) for play, own in touched]
        played = [play.played(taken, map(own, every)) for (play, _), own in zip(touched, around, strict=True)]
        parts = [tier.part for tier in played]
        unknown = [part for part in (*parts, *(own.part for own in mirrors.values())) if part.effect is Effect.UNKNOWN]
        if len(unknown) <= 1:
            return parts, UNTOUCHED
        together = (
            (joint.part, *(tier.extremes.best(own(joint)).part for tier, own in zip(played, around, strict=True)))
            for joint in every
        )
        return parts, _at_best(together)

    def _needed(self, tier: TierModel, taken: Taken, mirrors: Mapping[str, MirrorPlayed]) -> tuple[str, ...]:
        """Return the mirrors whose primaries a lost network may separate from VMs of a tier that needs them."""
        return tuple(
            mirror
            for mirror, played in mirrors.items()
            if tier.mirrors is None or mirror in tier.mirrors
            if taken.may_cut(tier.vms, {key for case in played.cases for key in case.primaries})
        )


def _around(tier: TierModel, joint: JointCase, *, place: int, mirrors: Sequence[str]) -> Around:
    """Return a case of several mirrors as a tier needs it."""
    stated = {key: option for mirror in mirrors for key, option in joint.stated.get(mirror, {}).items()}
    shared = tuple((key, option) for key, option in joint.shared if key in tier.vms)
    return Around(joint.choices[place], shared, dict(sorted(stated.items())))


def _at_best(cases: Iterable[Iterable[Part]]) -> Part:
    """Return the mildest of several cases, each with its worst effect."""
    mildest: Part | None = None
    for parts in cases:
        worst = max(parts, key=lambda part: RANK[part.effect])
        if worst.effect is Effect.SERVES:
            return worst
        mildest = worst if mildest is None else min(mildest, worst, key=lambda part: RANK[part.effect])
    return mildest or UNTOUCHED
