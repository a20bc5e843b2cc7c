"""Admission: which Internet addresses the security groups of a network interface let through to a port.

Inbound traffic passes the security group of the subnet, then that of the interface. In each, the matching rule with the
lowest priority number decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from auditor.azure import service_tags
from auditor.azure.ranges import INTERNET, IPV4, IPV6, Ranges, difference, intersection, union
from auditor.estate.security_rules import LAST_PORT, Addresses, Host, SecurityRule, Tag
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
        return self.possible not in {(), INTERNET[self.family]}


def admission(groups: Sequence[Sequence[SecurityRule]], destination: Host, port: int, protocol: str = TCP) -> Admission:
    """Return the Internet addresses that all of several security groups admit; each is its rules by priority.

    A sender chooses its source port, so that one admitted source port is enough. Where anyone can rent a VM whose
    address is admitted, that is the whole Internet.
    """
    internet = INTERNET[destination.family]
    tags = _tags(groups)
    sure: Ranges = ()
    possible: Ranges = ()
    rules: dict[int, SecurityRule] = {}
    because: dict[Unknown, None] = {}
    for source_port in _source_ports(rule for group in groups for rule in group):
        traffic = _Traffic(destination, protocol, port, source_port, internet)
        low, high = _through_all(groups, traffic, rules, because)
        sure, possible = union(sure, low), union(possible, high)
        for tag in tags:
            of_tag = msgspec.structs.replace(traffic, senders=_ONE, tag=tag.name)
            surely, possibly = _through_all(groups, of_tag, rules, because)
            doubt = tag.doubt or (_IPV6_OF_A_CLOUD if destination.family == IPV6 else None)
            if possibly:
                possible = internet
                because.update({doubt: None} if doubt else {})
            if surely and not doubt:
                sure = internet
    return Admission(
        sure, possible, tuple(rules.values()), () if sure == possible else tuple(because), destination.family
    )


_ONE: Final[Ranges] = ((0, 0),)
"""A place for the addresses of a service tag, which are admitted or not as one."""

_IPV6_OF_A_CLOUD: Final = Unknown(
    Cause.VALUE, "the service tag AzureCloud has no IPv6 addresses by its documentation, and has some by its list"
)


class _Traffic(msgspec.Struct, frozen=True):
    """Traffic from any address of the Internet, or from the addresses of a service tag as one."""

    destination: Host
    protocol: str
    port: int
    source_port: int
    senders: Ranges
    """All that may send it."""
    tag: str = ""

    def matches(self, rule: SecurityRule) -> bool | Unknown:
        """Return whether a rule matches it, from whatever source."""
        return rule.matches(self.protocol, self.port, self.source_port, self.destination)

    def among(self, sources: Addresses) -> tuple[Ranges, Ranges]:
        """Return the senders that the sources of a rule surely and possibly include."""
        family = self.destination.family
        surely, possibly = sources.named[family], sources.possible(family)
        if not self.tag:
            return surely, possibly
        if any(service_tags.contains(tag.name, self.tag) for tag in sources.tags):
            return self.senders, self.senders
        whole = [not difference(INTERNET[family], ranges) for ranges in (surely, possibly)]
        return self.senders if whole[0] else (), self.senders if whole[1] else ()


def _tags(groups: Sequence[Sequence[SecurityRule]]) -> tuple[Tag, ...]:
    """Return the service tags, each once, from which rules may allow traffic."""
    allowing = [rule for group in groups for rule in group if rule.sources.tags and rule.allows is not False]
    return tuple({tag.name: tag for rule in allowing for tag in rule.sources.tags}.values())


def _through_all(
    groups: Sequence[Sequence[SecurityRule]],
    traffic: _Traffic,
    rules: dict[int, SecurityRule],
    because: dict[Unknown, None],
) -> tuple[Ranges, Ranges]:
    """Return the senders that all security groups surely and possibly admit.

    The rules that admit them are added to `rules`, and what is unknown to `because`.
    """
    low = high = traffic.senders
    passed: list[tuple[SecurityRule, Ranges]] = []
    for group in groups:
        surely, possibly = _through(group, traffic, passed, because)
        low, high = intersection(low, surely), intersection(high, possibly)
    rules.update((id(rule), rule) for rule, through in passed if intersection(through, high))
    return low, high


def _through(
    rules: Sequence[SecurityRule],
    traffic: _Traffic,
    passed: list[tuple[SecurityRule, Ranges]],
    because: dict[Unknown, None],
) -> tuple[Ranges, Ranges]:
    """Return the senders that one security group surely and possibly admits.

    The rules that admit them are added to `passed`, and what is unknown to `because`.
    """
    # Senders whose traffic surely, or possibly, reaches the next rule: no rule before has decided about it.
    undecided_low = undecided_high = traffic.senders
    sure: Ranges = ()
    possible: Ranges = ()
    for rule in rules:
        matches = traffic.matches(rule)
        if matches is False:
            continue
        unknowns = [found for found in (matches, rule.sources.unknown, rule.allows) if isinstance(found, Unknown)]
        because.update(dict.fromkeys(unknowns))
        surely, possibly = traffic.among(rule.sources)
        if matches is not True:
            surely = ()
        if rule.allows is not False:
            through = intersection(undecided_high, possibly)
            if through:
                passed.append((rule, through))
            possible = union(possible, through)
        undecided_high = difference(undecided_high, surely)
        if rule.allows is True:
            sure = union(sure, intersection(undecided_low, surely))
        else:
            undecided_low = difference(undecided_low, possibly)
    return sure, possible


def _source_ports(rules: Iterable[SecurityRule]) -> list[int]:
    """Return one source port for each range of source ports that the rules treat equally."""
    edges = {0}
    for rule in rules:
        for low, high in rule.source_ports.named:
            edges |= {low, high + 1}
    return sorted(edge for edge in edges if edge <= LAST_PORT)
