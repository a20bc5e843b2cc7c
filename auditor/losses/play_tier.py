"""The effect of losses on a tier, and on a Traffic Manager profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

from auditor.losses.foreseen import Effect
from auditor.losses.loss import Loss
from auditor.losses.parts import RANK, Completion, Part, are_cut, placed
from auditor.losses.site import AT_ONCE, Profile, Site, TierModel
from auditor.snapshot.known import Unknown

_LEAST = Completion(frozenset(), {})


def tier_part(site: Site, tier: TierModel, lost: Sequence[Loss], primaries: Mapping[str, frozenset[str]]) -> Part:
    """Return the effect on a tier: a VM must be left that an entrance leads to and that reaches each primary.

    `primaries` has, for each mirror, the VMs that can be primary afterwards.
    What is lost besides never helps a tier, so that the least and the most that can be lost decide.
    """
    certain = frozenset(key for loss in lost for key in (*loss.vms, *loss.entrances))
    perhaps = {key: why for loss in lost for key, why in loss.perhaps.items()}
    concerned = {*tier.vms, *tier.entrances}
    if not concerned & (certain | perhaps.keys()) and not any(loss.cuts for loss in lost):
        return Part()
    least = _left(site, tier, lost, certain, primaries)
    reasons = [why for key, why in perhaps.items() if key in concerned - certain]
    if least.effect is not Effect.SERVES or not reasons:
        return least
    most = _left(site, tier, lost, certain | perhaps.keys(), primaries)
    if most.effect is Effect.SERVES:
        return most
    taken = frozenset(key for key in perhaps if key in concerned - certain)
    return Part(
        Effect.UNKNOWN,
        unknown=tuple(dict.fromkeys(reasons)),
        completions=(
            placed(site, lost, _LEAST, least.effect),
            placed(site, lost, _LEAST._replace(taken=taken), most.effect),
        ),
    )


def _left(
    site: Site, tier: TierModel, lost: Sequence[Loss], gone: frozenset[str], primaries: Mapping[str, frozenset[str]]
) -> Part:
    """Return the effect on a tier after some VMs and entrances are gone, with the worst choice of each primary."""
    if not any(loss.cuts for loss in lost):
        return _served(site, tier, gone, frozenset())
    needed = primaries if tier.mirrors is None else tier.mirrors
    found = []
    for chosen in product(*filter(None, (primaries[mirror] for mirror in needed))):
        isolated = {vm for vm in tier.vms - gone for own in chosen for loss in lost if are_cut(loss, vm, own, _LEAST)}
        found.append(_served(site, tier, gone, frozenset(isolated)))
    return max(found, key=lambda part: RANK[part.effect])


def _served(site: Site, tier: TierModel, gone: frozenset[str], isolated: frozenset[str]) -> Part:
    """Return the effect on a tier after some VMs are gone, and others do not reach the primary."""
    reaching = tier.vms - gone - isolated
    if not reaching:
        if tier.more_vms:
            return Part(Effect.UNKNOWN, unknown=(tier.more_vms,))
        some = "reaches the primary" if isolated else "is left"
        return Part(Effect.STOPS, (f"no VM of the tier {tier.name} {some}",))
    notes = tuple(f"{site.vms[vm].name} does not reach the primary: its users wait" for vm in sorted(isolated))
    if not tier.entrances:
        return Part(because=notes)
    ways = [site.entrances[way] for way in tier.entrances if way not in gone]
    leading = [way for way in ways if way.vms & reaching]
    if leading:
        taken = any(way.vms & gone for way in leading)
        seconds = min((way.detection for way in leading), key=lambda each: each.most) if taken else AT_ONCE
        return Part(because=notes, seconds=seconds)
    doubts = tuple(filter(None, (*(way.doubt for way in ways), tier.more_entrances)))
    if doubts:
        return Part(Effect.UNKNOWN, unknown=doubts)
    return Part(Effect.STOPS, (f"no load balancer or application gateway leads to the tier {tier.name} any more",))


def profile_part(site: Site, profile: Profile, lost: Sequence[Loss]) -> Part:
    """Return the effect on a Traffic Manager profile: users must be directed to the primary region."""
    if any(profile.key in loss.entrances for loss in lost):
        return Part(Effect.STOPS, (f"the domain name of {profile.name} does not resolve any more",))
    gone = {name for loss in lost for key, name in loss.endpoints if key == profile.key}
    if not gone:
        return Part()
    directing = [end for end in profile.endpoints if end.name not in gone]
    unclear = tuple(end.region for end in profile.endpoints if isinstance(end.region, Unknown))
    if any(end.region == site.region for end in directing):
        taken = any(end.name in gone and end.region != site.dr_region for end in profile.endpoints)
        return Part(seconds=profile.switch) if taken else Part()
    doubts = (*unclear, *filter(None, (profile.more_endpoints,)))
    if doubts:
        return Part(Effect.UNKNOWN, unknown=doubts)
    return Part(Effect.STOPS, (f"{profile.name} directs users to no endpoint in {site.region} any more",))
