"""The effect of losses on a Traffic Manager profile or a Front Door."""

from __future__ import annotations

from collections.abc import Collection

from auditor.losses.foreseen import Effect
from auditor.losses.loss import LossKind
from auditor.losses.parts import UNTOUCHED, Part
from auditor.losses.site import Endpoint, Profile, Site
from auditor.losses.taken import Taken
from auditor.snapshot.known import Unknown


def profile_part(site: Site, profile: Profile, taken: Taken) -> Part:
    """Return the effect on a Traffic Manager profile: of its endpoints that are left, the first must be in the region.

    Endpoints of one priority are used alike.
    """
    if profile.key in taken.gone:
        return Part(Effect.STOPS, (f"{profile.name} is lost, which directs users to a region",))
    gone = {name for key, name in taken.endpoints if key == profile.key}
    perhaps = any(part.kind is LossKind.REGION for part in taken.simple)
    if not gone and not perhaps:
        return UNTOUCHED
    before, after = _used(profile, frozenset()), _used(profile, gone)
    unclear = perhaps and any(isinstance(end.region, Unknown) for end in after)
    here = any(end.region == site.region for end in after)
    if before == after and (not unclear or (here and isinstance(site.region, str))):
        return UNTOUCHED
    doubts = (site.region, profile.more_endpoints, *(end.region for end in (*before, *after)))
    unknown = tuple(dict.fromkeys(why for why in doubts if isinstance(why, Unknown)))
    if unknown:
        return Part(Effect.UNKNOWN, unknown=unknown)
    if here:
        return Part(seconds=profile.switch)
    return Part(Effect.STOPS, (f"{profile.name} directs users to no endpoint in {site.region} any more",))


def _used(profile: Profile, gone: Collection[str]) -> tuple[Endpoint, ...]:
    """Return the endpoints that a profile uses without some: those of the first priority."""
    left = [end for end in profile.endpoints if end.name not in gone]
    first = min((end.priority for end in left), default=0)
    return tuple(end for end in left if end.priority == first)
