"""Admission: which Internet addresses the security groups of a network interface let through to a port.

Inbound traffic passes the security group of the subnet, then that of the interface. In each, the matching rule with the
lowest priority number decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from auditor.azure.ranges import INTERNET, IPV4, Ranges, difference, intersection, union
from auditor.estate.security_rules import LAST_PORT, Destination, SecurityRule
from auditor.snapshot.known import Unknown

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


def admission(
    groups: Sequence[Sequence[SecurityRule]], destination: Destination, port: int, protocol: str = TCP
) -> Admission:
    """Return the Internet addresses that all of several security groups admit; each is its rules by priority.

    A sender chooses its source port, so that one admitted source port is enough.
    """
    sure: Ranges = ()
    possible: Ranges = ()
    rules: dict[int, SecurityRule] = {}
    because: dict[Unknown, None] = {}
    for source_port in _source_ports(rule for group in groups for rule in group):
        low = high = INTERNET[destination.family]
        passed: list[tuple[SecurityRule, Ranges]] = []
        for group in groups:
            surely, possibly = _through(group, destination, (protocol, port, source_port), passed, because)
            low, high = intersection(low, surely), intersection(high, possibly)
        rules.update((id(rule), rule) for rule, through in passed if intersection(through, high))
        sure, possible = union(sure, low), union(possible, high)
    return Admission(
        sure, possible, tuple(rules.values()), () if sure == possible else tuple(because), destination.family
    )


def _through(
    rules: Sequence[SecurityRule],
    destination: Destination,
    traffic: tuple[str, int, int],
    passed: list[tuple[SecurityRule, Ranges]],
    because: dict[Unknown, None],
) -> tuple[Ranges, Ranges]:
    """Return the addresses that one security group surely and possibly admits.

    The rules that admit them are added to `passed`, and what is unknown to `because`.
    """
    protocol, port, source_port = traffic
    family = destination.family
    # Addresses whose traffic surely, or possibly, reaches the next rule: no rule before has decided about it.
    undecided_low = undecided_high = INTERNET[family]
    sure: Ranges = ()
    possible: Ranges = ()
    for rule in rules:
        matches = rule.matches(protocol, port, source_port, destination)
        if matches is False:
            continue
        unknowns = [found for found in (matches, rule.sources.unknown, rule.allows) if isinstance(found, Unknown)]
        because.update(dict.fromkeys(unknowns))
        surely: Ranges = rule.sources.named[family] if matches is True else ()
        possibly: Ranges = INTERNET[family] if rule.sources.unknown is not None else rule.sources.named[family]
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
