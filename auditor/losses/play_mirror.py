"""The effect of losses on a mirror: who is primary afterwards, and whether clients reach that member."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple, TypeAlias

import msgspec

from auditor.losses import statements
from auditor.losses.foreseen import Effect
from auditor.losses.loss import Loss, LossKind
from auditor.losses.mirror import ARBITER_LINKS, HOSTS, INSTANCES, Lost, Pause, State, courses, initial
from auditor.losses.parts import (
    HIDDEN,
    RANK,
    Case,
    Completion,
    Part,
    Primaries,
    Way,
    agreed,
    are_cut,
    completions,
    is_lost,
    led,
    may_cut,
    placed,
    reasons,
)
from auditor.losses.site import AT_ONCE, Arbiter, MirrorModel, Site
from auditor.losses.times import waiting
from auditor.snapshot.known import Unknown

Played: TypeAlias = dict[tuple[object, ...], Part]
"""What was played on the mirrors of one deployment, by all that decides the effect."""


def mirror_part(site: Site, mirror: MirrorModel, lost: Sequence[Loss], first: str, played: Played) -> Part:
    """Return the effect on a mirror: the worst of either member as primary, and of every course of each loss.

    What is not known of its arbiter, or of where it stands, gives an effect only if all completions agree. `played` is
    added to.
    """
    if isinstance(mirror.members, Unknown):
        return _without_members(site, mirror, mirror.members, lost)
    if not any(touches(loss, mirror) for loss in lost):
        return Part(primaries=_known(_chosen(site, mirror.members, first)))
    if isinstance(mirror.no_failover, Unknown):
        return _either_way(site, mirror, mirror.no_failover, lost, first)
    found: list[_Case] = []
    for arbiter in _arbiters(mirror):
        play = _Play(site, mirror, mirror.members, arbiter, tuple(lost), played)
        found += [_Case(arbiter, each, play.worst(each, first)) for each in completions(site, lost, play.nodes)]
    possible = [case.part.primaries.perhaps for case in found if case.part.primaries]
    primaries = Primaries(frozenset().union(*possible), possible[0].intersection(*possible))
    certain: Part | None = found[0].part
    for case in found[1:]:
        certain = certain and agreed(certain, case.part)
    return (certain or _unclear(site, mirror, lost, found))._replace(primaries=primaries)


def _either_way(site: Site, mirror: MirrorModel, unknown: Unknown, lost: Sequence[Loss], first: str) -> Part:
    """Return the effect on a mirror of which it is not known whether the backup is configured never to take over."""
    one, other = (
        mirror_part(site, msgspec.structs.replace(mirror, no_failover=each), lost, first, {}) for each in (False, True)
    )
    assert one.primaries and other.primaries  # noqa: S101, PT018 - the members are known
    primaries = Primaries(
        one.primaries.perhaps | other.primaries.perhaps, one.primaries.surely & other.primaries.surely
    )
    unclear = Part(Effect.UNKNOWN, unknown=tuple(dict.fromkeys((unknown, *one.unknown, *other.unknown))))
    return (agreed(one, other) or unclear)._replace(primaries=primaries)


def _known(keys: Iterable[str]) -> Primaries:
    found = frozenset(keys)
    return Primaries(found, found)


def touches(loss: Loss, mirror: MirrorModel) -> bool:
    """Return whether a loss may take anything of a mirror."""
    if isinstance(mirror.members, Unknown):
        return loss.kind not in _OF_NO_VM or not loss.entrances.isdisjoint(mirror.entrances)
    arbiter = mirror.arbiter.vm if isinstance(mirror.arbiter, Arbiter) else mirror.arbiter
    hidden = isinstance(arbiter, Unknown)
    nodes = {
        *mirror.members,
        *mirror.entrances,
        HIDDEN if isinstance(arbiter, Unknown) else arbiter or mirror.members[0],
    }
    return (
        not nodes.isdisjoint(loss.vms)
        or not nodes.isdisjoint(loss.perhaps)
        or not nodes.isdisjoint(loss.instances)
        or not nodes.isdisjoint(loss.entrances)
        or (bool(loss.cuts) and may_cut(loss, nodes, nodes))
        or (hidden and bool(loss.vms or loss.perhaps))
        or mirror.id in loss.arbiter_networks
        or (mirror.more_entrances is not None and loss.takes_entrances)
    )


def _chosen(site: Site, members: tuple[str, str], first: str) -> tuple[str, ...]:
    """Return the keys of the members that may be primary before, by the name of the one that is."""
    wanted = first.lower()
    named = (key for key in members if wanted in {key.lower(), site.vms[key].name.lower()})
    return (tuple(named) or members) if wanted else members


class _Arbiter(NamedTuple):
    """What may be the arbiter of a mirror."""

    there: bool
    key: str | None = None
    """Of its VM; None if it is outside of Azure."""
    text: str = ""
    """What is said of it where it is not known."""


class _Case(NamedTuple):
    """The effect on a mirror in one of the cases that are possible."""

    arbiter: _Arbiter
    completion: Completion
    part: Part


def _arbiters(mirror: MirrorModel) -> Iterator[_Arbiter]:
    """Yield each case of what the arbiter may be."""
    arbiter = mirror.arbiter
    if arbiter is None:
        yield _Arbiter(there=False)
    elif isinstance(arbiter, Arbiter) and not isinstance(arbiter.vm, Unknown):
        yield _Arbiter(there=True, key=arbiter.vm)
    else:
        if isinstance(arbiter, Unknown):
            yield _Arbiter(there=False, text="there is no arbiter")
        yield _Arbiter(there=True, key=HIDDEN, text="there is an arbiter" if isinstance(arbiter, Unknown) else "")


def _unclear(site: Site, mirror: MirrorModel, lost: Sequence[Loss], found: Sequence[_Case]) -> Part:
    """Return that the effect is not known, with two cases that differ, or why it is unknown in one."""
    serves = [case for case in found if case.part.effect is Effect.SERVES]
    stops = [case for case in found if case.part.effect in {Effect.STOPS, Effect.LOST}]
    if not serves or not stops:
        unknown = [why for case in found for why in case.part.unknown]
        return Part(Effect.UNKNOWN, unknown=tuple(dict.fromkeys(unknown)))
    one, other = serves[0], min(stops, key=lambda case: _distance(serves[0], case))
    arbiter = mirror.arbiter.vm if isinstance(mirror.arbiter, Arbiter) else mirror.arbiter
    keys = [key for key, _ in {**one.completion, **other.completion}]
    hidden = (arbiter,) if isinstance(arbiter, Unknown) and (HIDDEN in keys or one.arbiter != other.arbiter) else ()
    return Part(
        Effect.UNKNOWN,
        first=other.part.first,
        unknown=(*hidden, *reasons(lost, keys)),
        cases=tuple(
            Case(
                case.part.effect,
                ({mirror.id: case.arbiter.text} if case.arbiter.text else {}) | placed(site, case.completion),
            )
            for case in (one, other)
        ),
    )


def _distance(one: _Case, other: _Case) -> int:
    """Return in how many respects two cases differ."""
    keys = one.completion.keys() | other.completion.keys()
    return (one.arbiter != other.arbiter) + sum(one.completion.get(key) != other.completion.get(key) for key in keys)


def _without_members(site: Site, mirror: MirrorModel, unknown: Unknown, lost: Sequence[Loss]) -> Part:
    """Return the effect on a mirror whose members are not known: clients need its entrances in any case."""
    simple = [part for loss in lost for part in loss.simple]
    gone = {key for part in simple for key in part.entrances}
    target = f"the primary of {mirror.name}"
    way = Way(mirror.entrances, mirror.more_entrances, target, target, gone)
    entered = led(site, way, frozenset(), moved=False)
    harmless = all(part.kind in _OF_NO_VM for part in simple)
    return entered if harmless or entered.effect is Effect.STOPS else Part(Effect.UNKNOWN, unknown=(unknown,))


_OF_NO_VM = frozenset({LossKind.LOAD_BALANCER, LossKind.GATEWAY, LossKind.ENDPOINT, LossKind.PROFILE})
"""Losses that take entrances only."""


class _Ending(NamedTuple):
    """How one course of losses ends."""

    state: State
    pauses: tuple[Pause, ...] = ()
    order: tuple[Lost, ...] = ()
    last: int | None = None
    """The member that was the last primary."""


class _Play:
    """Plays losses on one mirror whose members are known, and of whose arbiter one case is taken."""

    def __init__(  # noqa: PLR0913, PLR0917 - what is played, and what was played
        self,
        site: Site,
        mirror: MirrorModel,
        members: tuple[str, str],
        arbiter: _Arbiter,
        lost: tuple[Loss, ...],
        played: Played,
    ) -> None:
        self._site = site
        self._mirror = mirror
        self._members = members
        self._lost = lost
        self._played = played
        self._led: dict[tuple[frozenset[str], int, int], Part] = {}
        self._there = arbiter.there
        self._arbiter = () if arbiter.key is None else (arbiter.key,)
        """The key of the VM of the arbiter, if it is one."""
        self._besides = (
            any(loss.takes_entrances for loss in lost),
            any(LossKind.UPDATE_DOMAIN in loss.kinds for loss in lost),
            frozenset(key for loss in lost for key in loss.instances).intersection(members),
            self._gone().intersection(mirror.asyncs),
            self._gone(perhaps=False).intersection(mirror.asyncs),
        )
        """What of the losses matters besides that which the mirror loses."""
        self.nodes = (*members, *self._arbiter, *mirror.entrances)
        """The keys of everything that the effect depends on."""

    def worst(self, completion: Completion, first: str) -> Part:
        """Return the worst effect of either member as primary, where things stand as a completion says."""
        named = [self._events(loss, completion) for loss in self._lost]
        events = tuple(map(frozenset, named))
        gone = frozenset(
            way for way in self._mirror.entrances if any(is_lost(loss, way, completion) for loss in self._lost)
        )
        key = (self._mirror.id, self._there, first, events, gone, self._besides)
        if key not in self._played:
            names = {event: name for each in named for event, name in each.items()}
            self._played[key] = self._worst(events, gone, names, first)
        return self._played[key]

    def _worst(
        self, events: Sequence[frozenset[Lost]], gone: frozenset[str], names: dict[Lost, str], first: str
    ) -> Part:
        """Return the worst effect of either member as primary, after events and the loss of entrances."""
        chosen = [self._members.index(key) for key in _chosen(self._site, self._members, first)]
        found = [self._with_primary(events, gone, primary) for primary in chosen]
        worst = max((part for part, _ in found), key=_badness)
        same = [part for part, _ in found if (part.effect, part.seconds) == (worst.effect, worst.seconds)]
        matters = len(same) < len(found) or len(found) == 1
        unless = ""
        if worst.effect in {Effect.STOPS, Effect.LOST}:
            survived = set.intersection(*(orders for part, orders in found if part.effect is not Effect.SERVES))
            unless = _unless(survived, names)
        return worst._replace(
            first=worst.first if matters else "",
            because=tuple(dict.fromkeys(text for part in same for text in part.because)),
            statements=tuple(dict.fromkeys(name for part in same for name in part.statements)),
            unless=unless,
            primaries=_known(key for part, _ in found if part.primaries for key in part.primaries.perhaps),
        )

    def _with_primary(
        self, events: Sequence[frozenset[Lost]], gone: frozenset[str], primary: int
    ) -> tuple[Part, set[tuple[Lost, ...]]]:
        """Return the worst effect of all courses of events with one member as primary, and the orders it survives.

        Of two courses of the same effect, the shorter one is the simpler reason: all at once.
        """
        start = initial(primary, arbiter=self._there)
        ends = [(end, self._reached(gone, end, primary)) for end in self._endings(start, primary, events)]
        ending, worst = max(ends, key=lambda end: (*_badness(end[1]), -len(end[0].order)))
        after = {end.state.primary for end, _ in ends}
        part = worst._replace(
            first=self._name(self._members[primary]),
            in_sequence=len(ending.order) > 1,
            statements=statements.deciding(start, ending.order, no_failover=self._mirror.no_failover is True),
            primaries=_known(key for member, key in enumerate(self._members) if member in after),
        )
        return part, {end.order for end, other in ends if other.effect is Effect.SERVES}

    def _endings(self, start: State, primary: int, events: Sequence[frozenset[Lost]]) -> list[_Ending]:
        """Return how the losses end, in every course that each of them can take."""
        pending = [_Ending(start, last=primary)]
        for lost in events:
            pending = [
                _Ending(
                    course.state,
                    (*before.pauses, *course.pauses),
                    (*before.order, *course.events),
                    before.last if course.last is None else course.last,
                )
                for before in pending
                for course in courses(before.state, lost, no_failover=self._mirror.no_failover is True)
            ]
        return pending

    def _events(self, loss: Loss, completion: Completion) -> dict[Lost, str]:
        """Return what the mirror loses: one event for each VM and each connection, with what is lost."""
        found: dict[Lost, str] = {}
        for key in dict.fromkeys((*self._members, *self._arbiter)):
            own = [host for member, host in zip(self._members, HOSTS, strict=True) if member == key]
            own += [Lost.ARBITER] if key in self._arbiter else []
            if is_lost(loss, key, completion):
                found[reduce(or_, own)] = self._name(key)
            elif key in loss.instances and key in self._members:
                found[INSTANCES[self._members.index(key)]] = f"the disk of {self._name(key)}"
        one, other = self._members
        if loss.cuts and are_cut(loss, one, other, completion):
            found[Lost.LINK] = f"the network between {self._name(one)} and {self._name(other)}"
        for member, link in zip(self._members, ARBITER_LINKS, strict=True):
            cut = loss.cuts and any(are_cut(loss, member, vm, completion) for vm in self._arbiter)
            if self._there and (cut or self._mirror.id in loss.arbiter_networks):
                found[link] = f"the network between {self._name(member)} and the arbiter"
        return found

    def _reached(self, gone: frozenset[str], ending: _Ending, before: int) -> Part:
        """Return the effect of one course: who is primary, and whether clients reach that member."""
        primary = ending.state.primary
        if primary is None:
            return self._stopped(ending)
        seconds = AT_ONCE
        for pause in ending.pauses:
            if pause is not Pause.NONE:
                seconds = seconds.then(waiting(pause, self._mirror.qos))
            if pause in {Pause.TAKEOVER, Pause.TAKEOVER_BY_AGENT}:
                seconds = seconds.then(self._site.takeover)
        if (gone, primary, before) not in self._led:
            self._led[gone, primary, before] = self._lead(gone, primary, before)
        part = self._led[gone, primary, before]
        if part.effect is not Effect.SERVES:
            return part._replace(seconds=AT_ONCE)
        return part._replace(seconds=seconds.then(part.seconds), because=(*part.because, *self._notes(ending)))

    def _lead(self, gone: frozenset[str], primary: int, before: int) -> Part:
        """Return whether clients reach a primary."""
        way = Way(
            self._mirror.entrances,
            self._mirror.more_entrances,
            f"the primary of {self._mirror.name}",
            f"{self._name(self._members[primary])}, the new primary of {self._mirror.name}",
            gone=gone,
            hidden=any(loss.takes_entrances for loss in self._lost),
        )
        return led(self._site, way, frozenset({self._members[primary]}), moved=primary != before)

    def _notes(self, ending: _Ending) -> Iterator[str]:
        """Yield what is to be known of a loss that the mirror survives."""
        one, other = (self._name(key) for key in self._members)
        for lost, name, left in zip(HOSTS, (one, other), (other, one), strict=True):
            if ending.state.lost & lost and any(LossKind.UPDATE_DOMAIN in loss.kinds for loss in self._lost):
                yield f"while {name} restarts, {left} would not become primary again by itself if it restarted too"
        for lost, name, left in zip(INSTANCES, (one, other), (other, one), strict=True):
            if lost in ending.order and Pause.TAKEOVER_BY_AGENT in ending.pauses:
                yield f"{left} takes over only if the ISCAgent of {name} still answers without its disk"

    def _stopped(self, ending: _Ending) -> Part:
        """Return that no member is primary; a person can act if a failover member or a DR async is left."""
        lost = ending.state.lost
        broken = {key for loss in self._lost for key in loss.instances}
        left = [m for m, key in enumerate(self._members) if not lost & HOSTS[m] and key not in broken]
        runs = [m for m in left if not lost & INSTANCES[m]]
        text = f"{self._mirror.name} has no primary"
        if runs:
            return Part(Effect.STOPS, tuple(self._waiting(text, runs[0], ending.last)))
        if left:
            return Part(Effect.STOPS, (f"{text}: a person can start {self._name(self._members[left[0]])}",))
        text = f"{self._mirror.name} has no failover member left"
        for key in self._mirror.asyncs:
            if key not in self._gone():
                name = self._name(key)
                promoted = f"a person can promote {name}; the latest data may be lost"
                then = f"{name} has then no automatic failover before there is a second member"
                return Part(Effect.STOPS, (text, promoted, then))
        if self._mirror.more_asyncs or not self._gone(perhaps=False).issuperset(self._mirror.asyncs):
            return Part(Effect.STOPS, (text,))
        return Part(Effect.LOST, (text, f"{self._mirror.name} has no DR async left"))

    def _waiting(self, text: str, member: int, last: int | None) -> Iterator[str]:
        """Yield why a member that runs is not primary."""
        name, other = self._name(self._members[member]), self._name(self._members[1 - member])
        if member == last:
            yield f"{text}: {name} sees neither {other} nor the arbiter, and waits"
            yield f"no DR async can be promoted while {name} waits"
        elif self._mirror.no_failover:
            yield f"{text}: {name} is configured not to take over"
        else:
            yield f"{text}: nothing confirms to {name} that {other} is down"

    def _gone(self, *, perhaps: bool = True) -> frozenset[str]:
        """Return the VMs that are lost, or may be."""
        return frozenset(key for loss in self._lost for key in (*loss.vms, *(loss.perhaps if perhaps else ())))

    def _name(self, key: str) -> str:
        return "the arbiter" if key == HIDDEN else self._site.vms[key].name


def _badness(part: Part) -> tuple[float, float, float]:
    """Return what sorts effects, the worst last."""
    return (RANK[part.effect], part.seconds.most, part.seconds.least)


def _unless(survived: set[tuple[Lost, ...]], names: dict[Lost, str]) -> str:
    """Return in which order the mirror would go on, if in any.

    That the QoS timeout is the least distance is an inference.
    """
    if not survived:
        return ""
    shortest = min(survived, key=lambda order: (len(order), order))
    found = [[name for event, name in names.items() if event & each] for each in shortest]
    groups = [" and ".join(group) for group in found]
    if len(groups) == 1:
        return f"unless {groups[0]} are lost within about one QoS timeout"
    verb = "is" if len(found[0]) == 1 else "are"
    order = ", and that before ".join(groups[1:])
    return f"unless {groups[0]} {verb} lost before {order}, by more than about one QoS timeout"
