"""The effect on a tier of what is lost: a VM must be left that reaches the primaries that it needs and is led to."""

from __future__ import annotations

from auditor.losses.entrances import Way, led
from auditor.losses.foreseen import Effect
from auditor.losses.parts import Part
from auditor.losses.site import Site, TierModel
from auditor.losses.taken import Taken


class TierEffect:
    """Finds the effect on one tier."""

    def __init__(self, site: Site, tier: TierModel) -> None:
        """Take a tier of a deployment."""
        self._site = site
        self._tier = tier
        self._found: dict[tuple[object, ...], Part] = {}

    def of(self, taken: Taken, gone: frozenset[str], isolated: frozenset[str] = frozenset()) -> Part:
        """Return the effect if some of its VMs and entrances are gone, and others of its VMs reach no primary."""
        hidden = taken.takes_entrances
        perhaps_moved = self._tier.more_vms is not None and not taken.takes_only_known
        key = gone, isolated, hidden, perhaps_moved
        found = self._found.get(key)
        if found is None:
            found = self._found[key] = self._of(gone, isolated, hidden=hidden, perhaps_moved=perhaps_moved)
        return found

    def _of(self, gone: frozenset[str], isolated: frozenset[str], *, hidden: bool, perhaps_moved: bool) -> Part:
        """Return the effect; `hidden` is whether an entrance may be lost of which nothing is known.

        `perhaps_moved` is whether a VM of which it is not known that it belongs to the tier may be lost.
        """
        tier = self._tier
        reaching = tier.vms - gone - isolated
        target = f"the tier {tier.name}"
        if not reaching:
            if tier.more_vms:
                return Part(Effect.UNKNOWN, unknown=(tier.more_vms,))
            text = f"no VM of {target} {'reaches the primary' if isolated else 'is left'}"
            return Part(Effect.LOST if tier.holds_data and not isolated else Effect.STOPS, (text,))
        moved = not tier.vms.isdisjoint(gone)
        way = Way(tier.entrances, tier.more_entrances, target, target, gone, tier.more_vms, hidden)
        part = led(self._site, way, reaching, moved=moved or perhaps_moved)
        if not moved:
            part = part._replace(seconds=part.seconds._replace(least=0))
        if part.effect is not Effect.SERVES or not isolated:
            return part
        names = (self._site.vms[key].name for key in sorted(isolated))
        return part._replace(
            because=(*part.because, *(f"{name} does not reach the primary: its users wait" for name in names))
        )
