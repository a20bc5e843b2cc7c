"""Admission: which Internet addresses the security groups of a network interface let through to a port.

Inbound traffic passes the security group of the subnet, then that of the interface. In each, the matching rule with the
lowest priority number decides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from auditor.azure import service_tags
from auditor.azure.ranges import INTERNET, IPV4, IPV6, Ranges, Remaining, difference, intersection, union
from auditor.estate.security_rules import LAST_PORT, Host, SecurityRule, Tag, every
from auditor.snapshot.known import Cause, Unknown

TCP: Final = "tcp"


class Admission(msgspec.Struct, frozen=True, eq=False):
    """The Internet addresses that can reach a port."""

    sure: Ranges
    """Addresses that surely can."""
    possible: Ranges
    """Addresses that may be able to; includes the sure ones."""
    rules: tuple[SecurityRule, ...] = ()
    """The rules that allow them, or may allow them."""
    because: tuple[Unknown, ...] = ()
    """Why the two sets differ."""
    family: int = IPV4

    @property
    def bounded(self) -> bool:
        """Return whether some addresses may be able to, and others surely cannot."""
        return bool(self.possible) and self.possible != INTERNET[self.family]


def admissions(
    groups: Sequence[Sequence[SecurityRule]], destination: Host, ports: Iterable[int], protocol: str = TCP
) -> tuple[Admission, ...]:
    """Return for each of several ports what `admission` does, computed once for those that the rules treat equally."""
    found: dict[tuple[tuple[_Candidate, ...], ...], Admission] = {}
    tags = _tags(groups)
    reaching = [_reaching(rules, destination, protocol) for rules in groups]
    concerned = [tuple(_concerned(candidates, port) for candidates in reaching) for port in ports]
    for each in concerned:
        if each not in found:
            found[each] = _admission(each, tags, destination.family)
    return tuple(found[each] for each in concerned)


def admission(groups: Sequence[Sequence[SecurityRule]], destination: Host, port: int, protocol: str = TCP) -> Admission:
    """Return the Internet addresses that all of several security groups admit; each is its rules by priority.

    A sender chooses its source port, so that one admitted source port is enough. Where anyone can rent a VM whose
    address is admitted, that is the whole Internet.
    """
    return admissions(groups, destination, (port,), protocol)[0]


def _admission(concerned: Sequence[Sequence[_Candidate]], tags: Iterable[Tag], family: int) -> Admission:
    internet = INTERNET[family]
    sure: list[Ranges] = []
    possible: list[Ranges] = []
    rules: dict[int, SecurityRule] = {}
    because: dict[Unknown, None] = {}
    for groups in _by_source_port(concerned):
        because.update((unknown, None) for matches in groups for match in matches for unknown in match.unknowns)
        low, high = _through_all([_addresses_through(matches, family) for matches in groups], internet, rules)
        sure.append(low)
        possible.append(high)
        filters = [_TagFilter(matches, family) for matches in groups] if tags else []
        for tag in tags:
            surely, possibly = _through_all([each.through(tag.name) for each in filters], _ONE, rules)
            doubt = tag.doubt or (_IPV6_OF_A_CLOUD if family == IPV6 else None)
            if possibly:
                possible.append(internet)
                because.update({doubt: None} if doubt else {})
            if surely and not doubt:
                sure.append(internet)
    low, high = union(*sure), union(*possible)
    return Admission(low, high, tuple(rules.values()), () if low == high else tuple(because), family)


_ONE: Final[Ranges] = ((0, 0),)
"""A place for the addresses of a service tag, which are admitted or not as one."""

_IPV6_OF_A_CLOUD: Final = Unknown(
    Cause.VALUE, "the service tag AzureCloud has no IPv6 addresses by its documentation, and has some by its list"
)


def _tags(groups: Sequence[Sequence[SecurityRule]]) -> tuple[Tag, ...]:
    """Return the service tags, each once, from which rules may allow traffic."""
    allowing = [rule for group in groups for rule in group if rule.sources.tags and rule.allows is not False]
    return tuple({tag.name: tag for rule in allowing for tag in rule.sources.tags}.values())


# --- the rules that match ---------------------------------------------------------------------------------------------


class _Candidate(NamedTuple):
    """A security rule that matches traffic to a port, or may match it, from some source port."""

    rule: SecurityRule
    before: bool | Unknown
    """Whether its direction, protocol and ports match."""
    behind: bool | Unknown
    """Whether its destinations match."""

    def match(self, *source_ports: Unknown) -> _Match:
        """Return it as it matches where its source ports do, or where that is unknown."""
        found = every(self.before, *source_ports, self.behind)
        why = (found, self.rule.sources.unknown, self.rule.allows)
        return _Match(self.rule, found is True, tuple(one for one in why if isinstance(one, Unknown)))


class _Match(NamedTuple):
    """A security rule that matches traffic, or may match it, from whatever source."""

    rule: SecurityRule
    is_sure: bool
    unknowns: tuple[Unknown, ...]
    """What is unknown of it."""


def _reaching(rules: Sequence[SecurityRule], destination: Host, protocol: str) -> list[_Candidate]:
    """Return the rules that match traffic to a destination, or may match it, to some port."""
    found = []
    for rule in rules:
        before = every(rule.inbound, rule.has_protocol(protocol))
        behind = before is not False and destination.match(rule.destinations)
        if behind is not False:
            found.append(_Candidate(rule, before, behind))
    return found


def _concerned(candidates: Iterable[_Candidate], port: int) -> tuple[_Candidate, ...]:
    """Return the rules that match traffic to a port, or may match it, from some source port."""
    found = []
    for rule, before, behind in candidates:
        matches = rule.ports.match(port)
        if matches is True:
            found.append(_Candidate(rule, before, behind))
        elif matches is not False:
            found.append(_Candidate(rule, every(before, matches), behind))
    return tuple(found)


def _by_source_port(concerned: Sequence[Sequence[_Candidate]]) -> Iterator[list[list[_Match]]]:
    """Yield the rules of each security group that match, for each combination of rules that match some source port."""
    inside: dict[tuple[int, int], _Match] = {}
    outside: dict[tuple[int, int], _Match] = {}
    changes: dict[int, set[tuple[int, int]]] = defaultdict(set, {0: set()})
    for group, candidates in enumerate(concerned):
        for place, candidate in enumerate(candidates):
            ports = candidate.rule.source_ports
            inside[group, place] = candidate.match()
            if ports.unknown:
                outside[group, place] = candidate.match(ports.unknown)
            for low, high in ports.named:
                changes[low] ^= {(group, place)}
                changes[high + 1] ^= {(group, place)}
    included: set[tuple[int, int]] = set()
    seen: set[frozenset[tuple[int, int]]] = set()
    for port in sorted(port for port in changes if port <= LAST_PORT):
        included ^= changes[port]
        combination = frozenset(included)
        if combination not in seen:
            seen.add(combination)
            found: list[list[_Match]] = [[] for _ in concerned]
            for where in sorted({*included, *outside}):
                found[where[0]].append(inside[where] if where in included else outside[where])
            yield found


# --- what passes ------------------------------------------------------------------------------------------------------


class _Through(NamedTuple):
    """The senders that one security group admits: addresses, or `_ONE` for those of a service tag."""

    sure: Ranges
    possible: Ranges
    by: list[tuple[SecurityRule, Ranges]]
    """The rules that admit them, or may admit them."""


def _through_all(found: Sequence[_Through], senders: Ranges, rules: dict[int, SecurityRule]) -> tuple[Ranges, Ranges]:
    """Return the senders that all security groups surely and possibly admit; add to `rules` those that admit them."""
    low = high = senders
    for each in found:
        low, high = intersection(low, each.sure), intersection(high, each.possible)
    left = Remaining(high)
    rules.update((id(rule), rule) for each in found for rule, through in each.by if left.within(through))
    return low, high


def _addresses_through(matches: Iterable[_Match], family: int) -> _Through:
    """Return the Internet addresses that the matching rules of a security group admit."""
    # Addresses whose traffic surely, or possibly, reaches the next rule: no rule before has decided about it.
    low, high = Remaining(INTERNET[family]), Remaining(INTERNET[family])
    sure: list[Ranges] = []
    by: list[tuple[SecurityRule, Ranges]] = []
    for rule, is_sure, _ in matches:
        surely, possibly = rule.sources.named[family] if is_sure else (), rule.sources.possible(family)
        if rule.allows is not False:
            through = high.within(possibly)
            if through:
                by.append((rule, through))
        high.remove(surely)
        if rule.allows is True:
            sure.append(low.within(surely))
        else:
            low.remove(possibly)
    return _Through(union(*sure), union(*(through for _, through in by)), by)


class _TagFilter:
    """What the matching rules of a security group do with the addresses of service tags."""

    def __init__(self, matches: Sequence[_Match], family: int) -> None:
        """Index the rules by the service tags of their sources."""
        self._matches = matches
        self._naming: dict[str, list[int]] = defaultdict(list)
        self._whole: dict[int, tuple[bool, bool]] = {}
        """Whether rules surely, and possibly, have the whole Internet as sources; by their places, as far as needed."""
        is_decided = False
        for place, (rule, is_sure, _) in enumerate(matches):
            for tag in rule.sources.tags:
                self._naming[tag.name].append(place)
            ranges = rule.sources.named[family], rule.sources.possible(family)
            surely, possibly = (not difference(INTERNET[family], each) for each in ranges)
            if possibly and not is_decided:
                self._whole[place] = surely, possibly
                is_decided = surely and is_sure

    def through(self, tag: str) -> _Through:
        """Return whether the addresses of a service tag are surely, and possibly, admitted."""
        naming = {place for name in service_tags.containing(tag) for place in self._naming.get(name, ())}
        is_sure = is_possible = False
        is_open = True  # no rule before has surely decided, and below: perhaps none has
        by: list[tuple[SecurityRule, Ranges]] = []
        for place in sorted({*naming, *self._whole}):
            rule, matches, _ = self._matches[place]
            surely, possibly = (True, True) if place in naming else self._whole[place]
            if rule.allows is not False and possibly:
                by.append((rule, _ONE))
                is_possible = True
            if rule.allows is True:
                is_sure = is_sure or (is_open and surely and matches)
            else:
                is_open = is_open and not possibly
            if surely and matches:
                break
        return _Through(_ONE if is_sure else (), _ONE if is_possible else (), by)
