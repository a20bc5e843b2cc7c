"""The effect of losses on a mirror, in each case of what is not known of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import Final, NamedTuple

import msgspec

from auditor.losses.entrances import Way, led
from auditor.losses.foreseen import Effect
from auditor.losses.loss import LossKind
from auditor.losses.mirror import ARBITER_LINKS, HOSTS, INSTANCES, Lost
from auditor.losses.mirror_effect import Besides, Events, MirrorEffect, chosen
from auditor.losses.parts import UNTOUCHED, Case, Part, agreed, certain
from auditor.losses.site import MirrorModel, Site
from auditor.losses.taken import HIDDEN, Completion, Stand, Taken
from auditor.snapshot.known import Unknown


class _Arbiter(NamedTuple):
    """What may be the arbiter of a mirror."""

    there: bool
    key: str | None = None
    """Of its VM; None if it is outside of Azure."""
    text: str = ""
    """What is said of it where it is not known."""


class MirrorCase(NamedTuple):
    """The effect on a mirror in one of the cases that are possible."""

    arbiter: _Arbiter
    completion: Completion
    """How its members, its arbiter and its entrances stand."""
    part: Part
    primaries: tuple[str, ...]
    """The keys of the members that can be primary afterwards."""


class MirrorPlayed(NamedTuple):
    """The effect on a mirror."""

    part: Part
    cases: tuple[MirrorCase, ...]
    """All that are possible; none if its members are not known."""


class MirrorPlay:
    """Plays losses on one mirror: the worst of either member as primary, and of every course of each loss."""

    def __init__(self, site: Site, mirror: MirrorModel, first: str) -> None:
        """Take the name of the member that is primary before, if not either."""
        self._site = site
        self._mirror = mirror
        self._primaries: tuple[str, ...] = ()
        self._variants: tuple[MirrorPlay, ...] = ()
        self._effect: MirrorEffect | None = None
        if isinstance(mirror.members, tuple):
            self._primaries = chosen(site, mirror.members, first)
            if isinstance(mirror.no_failover, Unknown):
                either = (msgspec.structs.replace(mirror, no_failover=each) for each in (False, True))
                self._variants = tuple(MirrorPlay(site, each, first) for each in either)
            self._effect = MirrorEffect(site, mirror, mirror.members, first)

    def played(self, taken: Taken) -> MirrorPlayed:
        """Return the effect of losses.

        What is not known of the arbiter, or of where it stands, gives an effect only if all cases agree.
        """
        mirror = self._mirror
        if self._effect is None or isinstance(mirror.members, Unknown):
            return MirrorPlayed(_without_members(self._site, mirror, taken), ())
        if not touches(taken, mirror):
            completion = {key: taken.options(key)[0] for key in mirror.members} if taken.cuts else {}
            case = MirrorCase(_Arbiter(there=False), completion, UNTOUCHED, self._primaries)
            return MirrorPlayed(UNTOUCHED, (case,))
        if self._variants:
            return self._either_way(taken)
        cases = tuple(_cases(mirror, mirror.members, taken, self._effect))
        return MirrorPlayed(certain([case.part for case in cases]) or _unclear(mirror, taken, cases), cases)

    def _either_way(self, taken: Taken) -> MirrorPlayed:
        """Return the effect if it is not known whether the backup is configured never to take over."""
        one, other = (variant.played(taken) for variant in self._variants)
        unknown = filter(None, (_unknown(self._mirror.no_failover), *one.part.unknown, *other.part.unknown))
        part = agreed(one.part, other.part) or Part(Effect.UNKNOWN, unknown=tuple(dict.fromkeys(unknown)))
        return MirrorPlayed(part, (*one.cases, *other.cases))


def _unknown(found: object) -> Unknown | None:
    return found if isinstance(found, Unknown) else None


def touches(taken: Taken, mirror: MirrorModel) -> bool:
    """Return whether losses may take anything of a mirror."""
    if isinstance(mirror.members, Unknown):
        return not _of_no_vm(taken) or not taken.gone.isdisjoint(mirror.entrances)
    nodes = mirror.nodes
    hidden = isinstance(mirror.arbiter_vm, Unknown)
    return (
        not nodes.isdisjoint(taken.gone)
        or not nodes.isdisjoint(taken.perhaps)
        or not nodes.isdisjoint(taken.instances)
        or (bool(taken.cuts) and taken.may_cut(nodes | {HIDDEN} if hidden else nodes, nodes))
        or (hidden and bool(taken.vms or taken.perhaps))
        or mirror.id in taken.arbiter_networks
        or (mirror.more_entrances is not None and taken.takes_entrances)
    )


def _of_no_vm(taken: Taken) -> bool:
    """Return whether losses take entrances only."""
    return all(part.kind in _OF_NO_VM for part in taken.simple)


_OF_NO_VM: Final = frozenset({LossKind.LOAD_BALANCER, LossKind.GATEWAY, LossKind.ENDPOINT, LossKind.PROFILE})


def _without_members(site: Site, mirror: MirrorModel, taken: Taken) -> Part:
    """Return the effect on a mirror whose members are not known: clients need its entrances in any case."""
    if not touches(taken, mirror):
        return UNTOUCHED
    target = f"the primary of {mirror.name}"
    way = Way(mirror.entrances, mirror.more_entrances, target, target, taken.gone)
    entered = led(site, way, frozenset(), moved=False)
    if _of_no_vm(taken) or entered.effect is Effect.STOPS:
        return entered
    return Part(Effect.UNKNOWN, unknown=tuple(filter(None, (_unknown(mirror.members),))))


# --- cases ------------------------------------------------------------------------------------------------------------


def _arbiters(mirror: MirrorModel) -> Iterator[_Arbiter]:
    """Yield each case of what the arbiter may be."""
    vm = mirror.arbiter_vm
    if not isinstance(vm, Unknown):
        yield _Arbiter(there=mirror.arbiter is not None, key=vm)
    elif mirror.arbiter is vm:
        yield _Arbiter(there=False, text="there is no arbiter")
        yield _Arbiter(there=True, key=HIDDEN, text="there is an arbiter")
    else:
        yield _Arbiter(there=True, key=HIDDEN)


def _cases(mirror: MirrorModel, members: tuple[str, str], taken: Taken, effect: MirrorEffect) -> Iterator[MirrorCase]:
    """Yield each case of a mirror whose members are known."""
    instances = tuple([tuple([key in loss.instances for key in members]) for loss in taken.lost])
    networks = tuple([mirror.id in loss.arbiter_networks for loss in taken.lost])
    cuts = taken.cuts_of_losses
    asyncs = tuple([key for key in mirror.asyncs if key not in taken.vms and key not in taken.perhaps])
    more_asyncs = mirror.more_asyncs is not None or not taken.vms.issuperset(mirror.asyncs)
    hidden = taken.takes_entrances and mirror.more_entrances is not None
    ways = [taken.options(key) for key in mirror.entrances]
    lost_ways = [
        frozenset(way for way, option in zip(mirror.entrances, each, strict=True) if option.stand.lost)
        for each in product(*ways)
    ]
    besides = [Besides(gone, hidden, taken.is_planned, asyncs, more_asyncs) for gone in lost_ways]
    for arbiter in _arbiters(mirror):
        shared = members.index(arbiter.key) if arbiter.key in members else None
        vms = members if arbiter.key is None or shared is not None else (*members, arbiter.key)
        options = [taken.options(key) for key in vms]
        stands = tuple([tuple([option.stand for option in each]) for each in options])
        events = _events(stands, shared, arbiter.there, instances, networks, cuts)
        for placed, lost in zip(product(*options), events, strict=True):
            for way, own in zip(product(*ways), besides, strict=True):
                part, primaries = effect.worst(lost, own, there=arbiter.there)
                completion = dict(zip((*vms, *mirror.entrances), (*placed, *way), strict=True))
                yield MirrorCase(arbiter, completion, part, primaries)


@lru_cache(maxsize=4096)
def _events(  # noqa: PLR0913, PLR0917 - all that decides
    stands: tuple[tuple[Stand, ...], ...],
    shared: int | None,
    there: bool,  # noqa: FBT001 - as above
    instances: tuple[tuple[bool, ...], ...],
    networks: tuple[bool, ...],
    cuts: tuple[int, ...],
) -> tuple[Events, ...]:
    """Return what a mirror loses by each loss, for each way in which its VMs can stand.

    `stands` is how its members can, and its arbiter if that is a VM of its own; `shared` is the member whose VM the
    arbiter is on. By loss: the instances that are lost, whether the network of the arbiter is, and the bits of its
    cuts.
    """
    return tuple(
        tuple(
            _lost(each, shared, number, own, there=there, instances=instances[number], network=networks[number])
            for number, own in enumerate(cuts)
        )
        for each in product(*stands)
    )


def _lost(  # noqa: PLR0913 - all that decides
    stands: tuple[Stand, ...],
    shared: int | None,
    number: int,
    cuts: int,
    *,
    there: bool,
    instances: tuple[bool, ...],
    network: bool,
) -> frozenset[Lost]:
    """Return what a mirror loses by the loss of a number."""
    one, other, *rest = stands
    arbiter = rest[0] if rest else None if shared is None else stands[shared]
    events = set()
    for member, stand in enumerate((one, other)):
        if stand.lost >> number & 1:
            events.add(HOSTS[member] | Lost.ARBITER if member == shared else HOSTS[member])
        elif instances[member]:
            events.add(INSTANCES[member])
    if rest and rest[0].lost >> number & 1:
        events.add(Lost.ARBITER)
    if one.sides.cuts_to(other.sides) & cuts:
        events.add(Lost.LINK)
    for stand, link in zip((one, other), ARBITER_LINKS, strict=True):
        if there and (network or (arbiter is not None and stand.sides.cuts_to(arbiter.sides) & cuts)):
            events.add(link)
    return frozenset(events)


# --- what is not clear ------------------------------------------------------------------------------------------------


def _unclear(mirror: MirrorModel, taken: Taken, cases: Sequence[MirrorCase]) -> Part:
    """Return that the effect is not known, with two cases that differ, or why it is unknown in one."""
    serves = next((case for case in cases if case.part.effect is Effect.SERVES), None)
    stops = [case for case in cases if case.part.effect in {Effect.STOPS, Effect.LOST}]
    if serves is None or not stops:
        unknown = [why for case in cases for why in case.part.unknown]
        return Part(Effect.UNKNOWN, unknown=tuple(dict.fromkeys(unknown)))
    one, other = serves, min(stops, key=lambda case: _distance(serves, case))
    arbiter = mirror.arbiter_vm
    keys = dict.fromkeys(key for case in (one, other) for key, option in case.completion.items() if option.places)
    hidden = (arbiter,) if isinstance(arbiter, Unknown) and (HIDDEN in keys or one.arbiter != other.arbiter) else ()
    return Part(
        Effect.UNKNOWN,
        first=other.part.first,
        unknown=(*hidden, *taken.reasons(keys)),
        cases=tuple(Case(case.part.effect, _stated(mirror, taken, case)) for case in (one, other)),
    )


def _stated(mirror: MirrorModel, taken: Taken, case: MirrorCase) -> dict[object, str]:
    """Return what a case states, in words."""
    said: dict[object, str] = {mirror.id: case.arbiter.text} if case.arbiter.text else {}
    return said | taken.placed(case.completion)


def _distance(one: MirrorCase, other: MirrorCase) -> int:
    """Return in how many respects two cases differ."""
    places = [
        {(key, unknown): place for key, option in case.completion.items() for unknown, place in option.places}
        for case in (one, other)
    ]
    keys = places[0].keys() | places[1].keys()
    return (one.arbiter != other.arbiter) + sum(places[0].get(key) != places[1].get(key) for key in keys)
