"""The effect of events on a mirror: who is primary afterwards, and whether clients reach that member."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple, TypeAlias

from auditor.losses import statements
from auditor.losses.entrances import Way, led
from auditor.losses.foreseen import Effect
from auditor.losses.mirror import ARBITER_LINKS, HOSTS, INSTANCES, Ending, Lost, Pause, State, down, initial
from auditor.losses.parts import RANK, Part
from auditor.losses.site import MirrorModel, Site
from auditor.losses.worst_course import Reached, Setting, Worst, worst

Events: TypeAlias = tuple[frozenset[Lost], ...]
"""What each of several losses takes of a mirror: one event for each VM and each connection."""


_EFFECTS: Final = tuple(Effect)


class After(NamedTuple):
    """What comes of a mirror."""

    part: Part
    primaries: tuple[str, ...]
    """The keys of the members that can be primary afterwards."""


class Besides(NamedTuple):
    """What decides about the effect of events on a mirror besides the events."""

    gone: frozenset[str]
    """The keys of its entrances that are lost."""
    hidden: bool
    """Whether an entrance may be lost of which nothing is known."""
    planned: bool
    """Whether its VMs restart."""
    asyncs: tuple[str, ...]
    """The keys of the DR asyncs that are left."""
    more_asyncs: bool
    """Whether others may be left."""


class MirrorEffect:
    """Finds the effect of events on one mirror whose members are known."""

    def __init__(self, site: Site, mirror: MirrorModel, members: tuple[str, str], first: str) -> None:
        """Take the name of the member that is primary before, if not either."""
        self._site = site
        self._mirror = mirror
        self._members = members
        self._first = [members.index(key) for key in chosen(site, members, first)]
        self._afters: dict[tuple[Events, bool, Besides], After] = {}
        self._led: dict[tuple[frozenset[str], bool, int, int], Part] = {}

    def worst(self, events: Events, besides: Besides, *, there: bool) -> After:
        """Return the worst of either member as primary; `there` is whether there is an arbiter."""
        key = events, there, besides
        found = self._afters.get(key)
        if found is None:
            found = self._afters[key] = self._worst(events, besides, there=there)
        return found

    def _worst(self, events: Events, besides: Besides, *, there: bool) -> After:
        found = [self._with_primary(events, besides, primary, there=there) for primary in self._first]
        _, top = max(found, key=lambda each: each[1].badness)
        same = [each for each in found if each[1].badness == top.badness]
        parts = [self._part(each, events, besides, start) for start, each in same]
        unless = ""
        if parts[0].effect in {Effect.STOPS, Effect.LOST}:
            unless = self._unless(frozenset.intersection(*(each.survived for _, each in found if each.rank)))
        after = frozenset[int | None]().union(*(each.primaries for _, each in found))
        part = parts[0]._replace(
            first=parts[0].first if len(same) < len(found) or len(found) == 1 else "",
            because=tuple(dict.fromkeys(text for part in parts for text in part.because)),
            statements=tuple(dict.fromkeys(name for part in parts for name in part.statements)),
            unless=unless,
        )
        return After(part, tuple(key for member, key in enumerate(self._members) if member in after))

    def _with_primary(self, events: Events, besides: Besides, primary: int, *, there: bool) -> tuple[State, Worst]:
        """Return the mirror before with one member as primary, and the worst of all courses."""
        one, other = (self._led_to(member, primary, besides) for member in range(len(self._members)))
        continues = len(down(events)) < len(self._members) or bool(besides.asyncs) or besides.more_asyncs
        setting = Setting(
            (Reached(RANK[one.effect], one.seconds), Reached(RANK[other.effect], other.seconds)),
            RANK[Effect.STOPS if continues else Effect.LOST],
            self._mirror.qos,
            self._site.takeover,
            no_failover=self._mirror.no_failover is True,
        )
        start = initial(primary, arbiter=there)
        return start, worst(start, events, setting)

    def _part(self, found: Worst, events: Events, besides: Besides, start: State) -> Part:
        """Return the effect of the worst course."""
        ending, before = found.ending, start.primary or 0
        if ending.primary is None:
            part = Part(_EFFECTS[found.rank], tuple(self._stopped(ending, events, besides)))
        else:
            part = self._led_to(ending.primary, before, besides)
        notes = self._notes(ending, besides) if part.effect is Effect.SERVES else ()
        order = ending.orders[0]
        return part._replace(
            because=(*part.because, *notes),
            seconds=found.seconds,
            first=self._name(self._members[before]),
            in_sequence=len(order) > 1,
            statements=statements.deciding(start, order, no_failover=self._mirror.no_failover is True),
        )

    def _led_to(self, primary: int, before: int, besides: Besides) -> Part:
        """Return whether clients reach a primary."""
        key = besides.gone, besides.hidden, primary, before
        found = self._led.get(key)
        if found is None:
            way = Way(
                self._mirror.entrances,
                self._mirror.more_entrances,
                f"the primary of {self._mirror.name}",
                f"{self._name(self._members[primary])}, the new primary of {self._mirror.name}",
                gone=besides.gone,
                hidden=besides.hidden,
            )
            primaries = frozenset({self._members[primary]})
            found = self._led[key] = led(self._site, way, primaries, moved=primary != before)
        return found

    def _notes(self, ending: Ending, besides: Besides) -> Iterator[str]:
        """Yield what is to be known of a loss that the mirror survives."""
        one, other = (self._name(key) for key in self._members)
        for lost, name, left in zip(HOSTS, (one, other), (other, one), strict=True):
            if ending.lost & lost and besides.planned:
                yield f"while {name} restarts, {left} would not become primary again by itself if it restarted too"
        for lost, name, left in zip(INSTANCES, (one, other), (other, one), strict=True):
            if lost in ending.instances and Pause.TAKEOVER_BY_AGENT in ending.pauses:
                yield f"{left} takes over only if the ISCAgent of {name} still answers without its disk"

    def _stopped(self, ending: Ending, events: Events, besides: Besides) -> Iterator[str]:
        """Yield why no member is primary, and how a person can act if a failover member or a DR async is left."""
        text = f"{self._mirror.name} has no primary"
        left = [member for member in range(len(self._members)) if member not in down(events)]
        runs = [member for member in left if not ending.lost & INSTANCES[member]]
        if runs:
            yield from self._waiting(text, runs[0], ending.last)
            return
        if left:
            yield f"{text}: a person can start {self._name(self._members[left[0]])}"
            return
        yield f"{self._mirror.name} has no failover member left"
        if besides.asyncs:
            name = self._name(besides.asyncs[0])
            yield f"a person can promote {name}; the latest data may be lost"
            yield f"{name} has then no automatic failover before there is a second member"
        elif not besides.more_asyncs:
            yield f"{self._mirror.name} has no DR async left"

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

    def _unless(self, survived: frozenset[tuple[Lost, ...]]) -> str:
        """Return in which of some orders the mirror would go on: the shortest one; "" without any.

        That the QoS timeout is the least distance is an inference.
        """
        if not survived:
            return ""
        shortest = min(survived, key=lambda order: (len(order), order))
        found = [list(self._names(each)) for each in shortest]
        groups = [" and ".join(names) for names in found]
        if len(groups) == 1:
            return f"unless {groups[0]} are lost within about one QoS timeout"
        verb = "is" if len(found[0]) == 1 else "are"
        order = ", and that before ".join(groups[1:])
        return f"unless {groups[0]} {verb} lost before {order}, by more than about one QoS timeout"

    def _names(self, events: Lost) -> Iterator[str]:
        """Yield what is lost with some events: VMs first, then connections."""
        one, other = self._members
        for key, host, instance in zip(self._members, HOSTS, INSTANCES, strict=True):
            if events & host:
                yield self._name(key)
            elif events & instance:
                yield f"the disk of {self._name(key)}"
        vm = self._mirror.arbiter_vm
        if events & Lost.ARBITER and vm not in self._members:
            yield self._site.vms[vm].name if isinstance(vm, str) else "the arbiter"
        if events & Lost.LINK:
            yield f"the network between {self._name(one)} and {self._name(other)}"
        for key, link in zip(self._members, ARBITER_LINKS, strict=True):
            if events & link:
                yield f"the network between {self._name(key)} and the arbiter"

    def _name(self, key: str) -> str:
        return self._site.vms[key].name


def chosen(site: Site, members: tuple[str, str], first: str) -> tuple[str, ...]:
    """Return the keys of the members that may be primary before, by the name of the one that is; both without it."""
    wanted = first.lower()
    named = (key for key in members if wanted in {key.lower(), site.vms[key].name.lower()})
    return (tuple(named) or members) if wanted else members
