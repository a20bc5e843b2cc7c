"""Whether a person can continue in the DR region after losses."""

from __future__ import annotations

from collections.abc import Iterable

from auditor.losses.site import MirrorModel, Profile, Site, TierModel
from auditor.losses.taken import Taken
from auditor.snapshot.known import Unknown


def standby(site: Site, taken: Taken) -> bool | None:
    """Return whether the DR region has a DR async for each mirror, a VM for each tier, and users are directed to it.

    None if it is not known.
    """
    region = site.dr_region
    if not isinstance(region, str):
        return None
    left = _Left(site, region, taken)
    found = [
        bool(region),
        None if site.undeclared else True,
        *map(left.directs, site.profiles),
        *map(left.has_async, site.mirrors),
        *(_some(map(left.has_tier, (own for own in site.dr_tiers if own.name == tier.name))) for tier in site.tiers),
    ]
    return False if False in found else None if None in found else True


def _some(found: Iterable[bool | None]) -> bool | None:
    """Return whether one of some statements is true; None if that is not known."""
    found = list(found)
    return True if True in found else None if None in found else False


class _Left:
    """What losses leave of the DR region."""

    def __init__(self, site: Site, region: str, taken: Taken) -> None:
        self._site = site
        self._region = region
        self._gone = taken.gone
        self._perhaps = taken.perhaps
        self._endpoints = taken.endpoints

    def directs(self, profile: Profile) -> bool | None:
        """Return whether a profile can direct users to the region; one without endpoints leaves that to another one.

        Without an endpoint there it is not known: a person may add or enable one.
        """
        if profile.key in self._gone:
            return False
        if not profile.endpoints and not profile.more_endpoints:
            return True
        ends = [end for end in profile.endpoints if (profile.key, end.name) not in self._endpoints]
        there = [None if isinstance(end.region, Unknown) else end.region == self._region for end in ends]
        return True if True in there else None

    def has_async(self, mirror: MirrorModel) -> bool | None:
        """Return whether a DR async of a mirror is left."""
        return _some([*map(self._is_left, mirror.asyncs), None if mirror.more_asyncs else False])

    def has_tier(self, tier: TierModel) -> bool | None:
        """Return whether a VM of a tier is left, with all entrances."""
        if not self._gone.isdisjoint(tier.entrances):
            return False
        some = _some([*map(self._is_left, tier.vms), None if tier.more_vms else False])
        return some and (None if tier.more_entrances or not self._perhaps.isdisjoint(tier.entrances) else True)

    def _is_left(self, key: str) -> bool | None:
        """Return whether a VM is left, and in the region."""
        region = self._site.vms[key].region
        if key in self._gone or (isinstance(region, str) and region != self._region):
            return False
        return None if key in self._perhaps or isinstance(region, Unknown) else True
