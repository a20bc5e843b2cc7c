"""The effect of losses on a mirror: who is primary afterwards, and whether clients reach that member."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from operator import or_
from typing import NamedTuple

from auditor.losses import statements
from auditor.losses.foreseen import Effect
from auditor.losses.loss import Loss
from auditor.losses.mirror import ARBITER_LINKS, HOSTS, INSTANCES, Lost, Pause, State, courses, initial
from auditor.losses.parts import RANK, Completion, Part, are_cut, completions, is_lost, placed
from auditor.losses.site import AT_ONCE, Arbiter, MirrorModel, Seconds, Site
from auditor.losses.times import waiting
from auditor.snapshot.known import Unknown


class _Ending(NamedTuple):
    """How one course of losses ends."""

    state: State
    pauses: tuple[tuple[Pause, bool], ...]
    """Each pause on the way, and whether the mirror was in arbiter controlled mode before."""
    order: tuple[Lost, ...]


def mirror_part(site: Site, mirror: MirrorModel, lost: Sequence[Loss], first: str) -> Part:
    """Return the effect on a mirror: the worst of either member as primary, and of every course of each loss."""
    if isinstance(mirror.members, Unknown):
        touches = any(loss.vms or loss.instances or loss.perhaps or loss.cuts for loss in lost)
        return Part(Effect.UNKNOWN, unknown=(mirror.members,)) if touches else Part()
    if isinstance(mirror.arbiter, Unknown):
        touches = any(loss.vms or loss.perhaps or loss.cuts or mirror.id in loss.arbiter_networks for loss in lost)
        return Part(Effect.UNKNOWN, unknown=(mirror.arbiter,)) if touches else Part()
    play = _Play(site, mirror, mirror.members, tuple(lost))
    found = [(each, play.worst(each, first)) for each in completions(lost, play.nodes)]
    best, worst = (pick(found, key=lambda pair: RANK[pair[1].effect]) for pick in (min, max))
    primaries = frozenset(key for _, part in found for key in part.primaries)
    if (best[1].effect is Effect.SERVES) == (worst[1].effect is Effect.SERVES):
        seconds = Seconds(min(part.seconds.least for _, part in found), max(part.seconds.most for _, part in found))
        return worst[1]._replace(seconds=seconds, primaries=primaries)
    return Part(
        Effect.UNKNOWN,
        first=worst[1].first,
        unknown=_reasons(lost, worst[0]),
        completions=tuple(placed(site, lost, each, part.effect) for each, part in (best, worst)),
        primaries=primaries,
    )


class _Play:
    """Plays losses on one mirror whose members and arbiter are known."""

    def __init__(self, site: Site, mirror: MirrorModel, members: tuple[str, str], lost: tuple[Loss, ...]) -> None:
        self._site = site
        self._mirror = mirror
        self._members = members
        self._lost = lost
        vm = mirror.arbiter.vm if isinstance(mirror.arbiter, Arbiter) else None
        self._arbiter = (vm,) if isinstance(vm, str) else ()
        """The key of the VM of the arbiter, if it is one."""
        self.nodes = (*members, *self._arbiter, *mirror.entrances)
        """The keys of everything that the effect depends on."""

    def worst(self, completion: Completion, first: str) -> Part:
        """Return the worst effect of either member as primary, where things stand as a completion says."""
        names = [self._name(key) for key in self._members]
        chosen = [member for member, name in enumerate(names) if first.lower() == name.lower()] or [0, 1]
        parts = [self._with_primary(completion, primary) for primary in chosen]
        worst = max(parts, key=lambda part: (RANK[part.effect], part.seconds.most))
        if worst.effect is not Effect.SERVES and len(parts) > 1 and len({part.effect for part in parts}) == 1:
            worst = worst._replace(first="")
        seconds = Seconds(min(part.seconds.least for part in parts), worst.seconds.most)
        return worst._replace(seconds=seconds, primaries=frozenset(key for part in parts for key in part.primaries))

    def _with_primary(self, completion: Completion, primary: int) -> Part:
        """Return the worst effect of all courses of the losses with one member as primary."""
        events = [self._events(loss, completion) for loss in self._lost]
        start = initial(primary, arbiter=self._mirror.arbiter is not None)
        ends = [(end, self._reached(completion, end, primary)) for end in self._endings(start, events)]
        # Of two bad ones, the shorter course is the simpler reason: all at once.
        ending, worst = max(ends, key=lambda end: (RANK[end[1].effect], end[1].seconds.most, -len(end[0].order)))
        names = {event: name for named in events for event, name in named.items()}
        survived = [other for other, part in ends if part.effect is Effect.SERVES]
        after = {end.state.primary for end, _ in ends}
        return worst._replace(
            first=self._name(self._members[primary]),
            in_sequence=len(ending.order) > len(self._lost),
            statements=statements.deciding(start, ending.order),
            unless=_unless(survived, names) if survived and worst.effect is not Effect.SERVES else "",
            primaries=frozenset(key for member, key in enumerate(self._members) if member in after),
        )

    def _endings(self, start: State, events: Sequence[dict[Lost, str]]) -> Iterator[_Ending]:
        """Yield how the losses end, in every course that each of them can take."""
        pending = [_Ending(start, (), ())]
        for named in events:
            pending = [
                _Ending(
                    course.step.state,
                    (*before.pauses, (course.step.pause, before.state.arbiter_controlled)),
                    (*before.order, *course.events),
                )
                for before in pending
                for course in courses(before.state, frozenset(named), no_failover=self._mirror.no_failover)
            ]
        yield from pending

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
        if are_cut(loss, one, other, completion):
            found[Lost.LINK] = f"the network between {self._name(one)} and {self._name(other)}"
        for member, link in zip(self._members, ARBITER_LINKS, strict=True):
            cut = any(are_cut(loss, member, vm, completion) for vm in self._arbiter)
            if self._mirror.arbiter is not None and (cut or self._mirror.id in loss.arbiter_networks):
                found[link] = f"the network between {self._name(member)} and the arbiter"
        return found

    def _reached(self, completion: Completion, ending: _Ending, before: int) -> Part:
        """Return the effect of one course: who is primary, and whether clients reach that member."""
        primary = ending.state.primary
        if primary is None:
            return self._stopped(ending.state.lost)
        seconds = AT_ONCE
        for pause, arbiter_controlled in ending.pauses:
            seconds = seconds.then(waiting(pause, self._mirror.qos, arbiter_controlled=arbiter_controlled))
            if pause is Pause.TAKEOVER:
                seconds = seconds.then(self._site.takeover)
        ways = self._mirror.entrances
        gone = [way for way in ways if any(is_lost(loss, way, completion) for loss in self._lost)]
        if not ways or (primary == before and not gone):
            return Part(seconds=seconds)
        left = [self._site.entrances[way] for way in ways if way not in gone]
        leading = [way.detection for way in left if self._members[primary] in way.vms]
        if leading:
            switch = min(leading, key=lambda each: each.most) if primary != before else AT_ONCE
            return Part(seconds=seconds.then(switch))
        doubts = tuple(filter(None, (*(way.doubt for way in left), self._mirror.more_entrances)))
        if doubts:
            return Part(Effect.UNKNOWN, unknown=doubts)
        if not left:
            return Part(Effect.STOPS, (f"no load balancer leads to the primary of {self._mirror.name} any more",))
        member, names = self._name(self._members[primary]), ", ".join(way.name for way in left)
        return Part(
            Effect.STOPS, (f"{member} becomes primary of {self._mirror.name}, but {names} does not lead to it",)
        )

    def _stopped(self, lost: Lost) -> Part:
        """Return that no member is primary; a person can act if a failover member or a DR async is left."""
        gone = frozenset(key for loss in self._lost for key in (*loss.vms, *loss.perhaps))
        members = [key for key, host in zip(self._members, HOSTS, strict=True) if not lost & host]
        text = f"{self._mirror.name} has no primary"
        if members or any(key not in gone for key in self._mirror.asyncs):
            return Part(Effect.STOPS, (text,))
        if self._mirror.more_asyncs:
            return Part(Effect.UNKNOWN, unknown=(self._mirror.more_asyncs,))
        return Part(Effect.LOST, (f"{text}, and no member of it is left",))

    def _name(self, key: str) -> str:
        return self._site.vms[key].name


def _unless(survived: Sequence[_Ending], names: dict[Lost, str]) -> str:
    """Return in which order the mirror would go on; that the QoS timeout is the least distance is an inference."""
    shortest = min(survived, key=lambda end: (len(end.order), end.order))
    order = " before ".join(
        " and ".join(name for event, name in names.items() if event & each) for each in shortest.order
    )
    return f"unless {order} is lost, by more than about one QoS timeout"


def _reasons(lost: Sequence[Loss], completion: Completion) -> tuple[Unknown, ...]:
    """Return why what a completion places is not placed for certain."""
    keys = (*sorted(completion.taken), *(key for key, side in completion.sides.items() if side))
    known = [why for loss in lost for why in (loss.perhaps, *(cut.perhaps for cut in loss.cuts))]
    return tuple(dict.fromkeys(reasons[key] for key in keys for reasons in known if key in reasons))
