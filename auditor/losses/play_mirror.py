"""The effect of losses on a mirror, in each case of what is not known of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product
from typing import Final, NamedTuple

import msgspec

from auditor.losses.entrances import Way, led
from auditor.losses.foreseen import Effect
from auditor.losses.loss import Loss, LossKind
from auditor.losses.mirror import ARBITER_LINKS, HOSTS, INSTANCES, Lost
from auditor.losses.mirror_effect import Besides, Events, MirrorEffect, chosen
from auditor.losses.parts import UNTOUCHED, Case, Part, agreed, certain
from auditor.losses.site import MirrorModel, Site
from auditor.losses.taken import HIDDEN, Completion, Option, Stand, Taken
from auditor.snapshot.known import Unknown


class _Arbiter(NamedTuple):
    """What may be the arbiter of a mirror."""

    there: bool
    vms: tuple[str, ...]
    """The keys of the VMs of the mirror with it; an arbiter outside of Azure has none."""
    shared: int | None = None
    """The member on whose VM it is."""
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
    """All that are possible, at least where a network is lost; none if its members are not known."""


class MirrorPlay:
    """Plays losses on one mirror: the worst of either member as primary, and of every course of each loss."""

    def __init__(self, site: Site, mirror: MirrorModel, first: str) -> None:
        """Take the name of the member that is primary before, if not either."""
        self._site = site
        self._mirror = mirror
        self._known: _KnownMembers | None = None
        self._variants: tuple[MirrorPlay, ...] = ()
        if isinstance(mirror.no_failover, Unknown):
            either = (msgspec.structs.replace(mirror, no_failover=each) for each in (False, True))
            self._variants = tuple(MirrorPlay(site, each, first) for each in either)
        if isinstance(mirror.members, tuple):
            self._known = _KnownMembers(site, mirror, mirror.members, first)

    def played(self, taken: Taken) -> MirrorPlayed:
        """Return the effect of losses.

        What is not known of the arbiter, or of where it stands, gives an effect only if all cases agree.
        """
        if self._known is None:
            return MirrorPlayed(_without_members(self._site, self._mirror, taken), ())
        if not touches(taken, self._mirror):
            return MirrorPlayed(UNTOUCHED, (self._known.untouched(taken),))
        if self._variants:
            return self._either_way(taken)
        cases = self._known.cases(taken)
        found = tuple(cases if taken.cuts else _until_two_differ(cases))
        part = certain([case.part for case in found]) or _unclear(self._mirror, taken, found)
        return MirrorPlayed(part, found)

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


class _KnownMembers:
    """Finds the cases of one mirror whose members are known."""

    def __init__(self, site: Site, mirror: MirrorModel, members: tuple[str, str], first: str) -> None:
        self._mirror = mirror
        self._members = members
        self._primaries = chosen(site, members, first)
        self._arbiters = tuple(_arbiters(mirror, members))
        self._effect = MirrorEffect(site, mirror, members, first)

    def untouched(self, taken: Taken) -> MirrorCase:
        """Return the only case if losses take nothing of the mirror."""
        completion = {key: taken.options(key)[0] for key in self._members} if taken.cuts else {}
        return MirrorCase(self._arbiters[0], completion, UNTOUCHED, self._primaries)

    def cases(self, taken: Taken) -> Iterator[MirrorCase]:
        """Yield each case."""
        entrances = self._mirror.entrances
        by_loss = tuple([self._by_loss(loss) for loss in taken.lost])
        cuts = taken.cuts_of_losses
        ways = [(way, self._besides(taken, way)) for way in product(*map(taken.options, entrances))]
        for arbiter in self._arbiters:
            options = [taken.options(key) for key in arbiter.vms]
            stands = tuple([tuple([option.stand for option in each]) for each in options])
            events = _events(stands, arbiter.shared, arbiter.there, by_loss, cuts)
            for placed, lost in zip(product(*options), events, strict=True):
                for way, besides in ways:
                    part, primaries = self._effect.worst(lost, besides, there=arbiter.there)
                    completion = dict(zip((*arbiter.vms, *entrances), (*placed, *way), strict=True))
                    yield MirrorCase(arbiter, completion, part, primaries)

    def _by_loss(self, loss: Loss) -> tuple[bool, ...]:
        """Return whether a loss takes the instance of each member, and the network of the arbiter."""
        one, other = self._members
        return one in loss.instances, other in loss.instances, self._mirror.id in loss.arbiter_networks

    def _besides(self, taken: Taken, ways: Sequence[Option]) -> Besides:
        """Return what decides besides the events, where the entrances stand in some ways."""
        mirror = self._mirror
        return Besides(
            gone=frozenset([key for key, option in zip(mirror.entrances, ways, strict=True) if option.stand.lost]),
            hidden=taken.takes_entrances and mirror.more_entrances is not None,
            planned=taken.is_planned,
            asyncs=tuple([key for key in mirror.asyncs if key not in taken.vms and key not in taken.perhaps]),
            more_asyncs=mirror.more_asyncs is not None or not taken.vms.issuperset(mirror.asyncs),
        )


def _arbiters(mirror: MirrorModel, members: tuple[str, str]) -> Iterator[_Arbiter]:
    """Yield each case of what the arbiter may be."""
    vm = mirror.arbiter_vm
    if isinstance(vm, Unknown):
        if mirror.arbiter is vm:
            yield _Arbiter(there=False, vms=members, text="there is no arbiter")
        text = "there is an arbiter" if mirror.arbiter is vm else ""
        yield _Arbiter(there=True, vms=(*members, HIDDEN), text=text)
    elif vm is None or vm in members:
        shared = None if vm is None else members.index(vm)
        yield _Arbiter(there=mirror.arbiter is not None, vms=members, shared=shared)
    else:
        yield _Arbiter(there=True, vms=(*members, vm))


@lru_cache(maxsize=4096)
def _events(
    stands: tuple[tuple[Stand, ...], ...],
    shared: int | None,
    there: bool,  # noqa: FBT001 - as `_Arbiter` has it
    by_loss: tuple[tuple[bool, ...], ...],
    cuts: tuple[int, ...],
) -> tuple[Events, ...]:
    """Return what a mirror loses by each loss, for each way in which its VMs can stand.

    `stands` is how its members can, and its arbiter if that is a VM of its own; `shared` is the member whose VM the
    arbiter is on. By loss: the instances that are lost and whether the network of the arbiter is, and its cuts.
    """
    return tuple(
        tuple(
            _lost(each, shared, number, own, loss, there=there)
            for number, (loss, own) in enumerate(zip(by_loss, cuts, strict=True))
        )
        for each in product(*stands)
    )


def _lost(  # noqa: PLR0913 - all that decides
    stands: tuple[Stand, ...], shared: int | None, number: int, cuts: int, loss: tuple[bool, ...], *, there: bool
) -> frozenset[Lost]:
    """Return what a mirror loses by the loss of a number."""
    one, other, *rest = stands
    arbiter = rest[0] if rest else None if shared is None else stands[shared]
    *instances, network = loss
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


def _until_two_differ(cases: Iterator[MirrorCase]) -> Iterator[MirrorCase]:
    """Yield cases until one serves and one stops that differs from it in one respect only."""
    serves: MirrorCase | None = None
    for case in cases:
        yield case
        if serves is None:
            serves = case if case.part.effect is Effect.SERVES else None
        elif case.part.effect in _STOPPED and _distance(serves, case) == 1:
            return


_STOPPED: Final = frozenset({Effect.STOPS, Effect.LOST})


def _unclear(mirror: MirrorModel, taken: Taken, cases: Sequence[MirrorCase]) -> Part:
    """Return that the effect is not known, with two cases that differ, or why it is unknown in one."""
    serves = next((case for case in cases if case.part.effect is Effect.SERVES), None)
    stops = [case for case in cases if case.part.effect in _STOPPED]
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
