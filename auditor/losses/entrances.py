"""Whether clients reach VMs by load balancers and application gateways after losses."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from auditor.losses.foreseen import Effect
from auditor.losses.parts import UNTOUCHED, Part, worst_of
from auditor.losses.site import Entrance, Site
from auditor.snapshot.known import Cause, Unknown


class Way(NamedTuple):
    """What clients need to reach some VMs."""

    keys: tuple[str, ...]
    """Of the entrances: each has clients of its own."""
    more: Unknown | None
    """Why there may be more."""
    target: str
    """What they lead to, in words."""
    now: str
    """What they must lead to now, in words."""
    gone: Collection[str] = ()
    """The keys of what is lost."""
    more_targets: Unknown | None = None
    """Why it may be enough that they lead to others."""
    hidden: bool = False
    """Whether an entrance may be lost of which nothing is known."""


def led(site: Site, way: Way, vms: frozenset[str], *, moved: bool) -> Part:
    """Return whether clients reach one of some VMs by each entrance.

    `moved` is whether they must be led to another VM than before.
    """
    if not way.keys and not way.more:
        return UNTOUCHED
    ways = [site.entrances[key] for key in way.keys]
    left = [each for each in ways if each.key not in way.gone]
    others = [each for each in left if each.vms & vms]
    parts = [_led_by(each, way, vms) if moved else Part() for each in left]
    parts += [_without(each, way, others) for each in ways if each.key in way.gone]
    if way.more and (moved or way.hidden):
        parts.append(Part(Effect.UNKNOWN, unknown=(way.more,)))
    return worst_of(parts)


def _led_by(by: Entrance, way: Way, vms: frozenset[str]) -> Part:
    if by.vms & vms:
        return Part(seconds=by.detection)
    doubt = by.doubt or way.more_targets
    return (
        Part(Effect.UNKNOWN, unknown=(doubt,))
        if doubt
        else Part(Effect.STOPS, (f"{by.name} does not lead to {way.now}",))
    )


def _without(gone: Entrance, way: Way, others: Iterable[Entrance]) -> Part:
    """Return the effect on the clients of an entrance that is lost."""
    if way.more:
        return Part(Effect.UNKNOWN, unknown=(way.more,))
    for other in others:
        if other.kind == gone.kind:
            reason = f"nothing in Azure shows whether the clients of {gone.name} reach {way.target} by {other.name}"
            return Part(Effect.UNKNOWN, unknown=(Unknown(Cause.VALUE, reason, about=(gone.key,)),))
    return Part(Effect.STOPS, (f"{gone.name} is lost, by which clients reach {way.target}",))
