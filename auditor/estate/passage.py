"""Passage: whether security rules let the traffic of one sender through to one receiver.

In each set of rules the matching rule with the lowest priority number decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import msgspec

from auditor.azure.ranges import Ranges, difference, intersection
from auditor.estate.security_rules import LAST_PORT, Host, Ports, SecurityRule, every
from auditor.snapshot.known import Cause, Unknown

TCP: Final = "tcp"
ICMP: Final = "icmp"

_ALL_PORTS: Final[Ranges] = ((0, LAST_PORT),)
_CLIENT_PORTS: Final[Ranges] = ((32768, LAST_PORT),)
"""The ports from which Linux and Windows connect."""


class Flow(msgspec.Struct, frozen=True):
    """Traffic of one sender to one receiver."""

    source: Host
    destination: Host
    protocol: str
    port: int
    """0 for a protocol without ports."""
    inbound: bool
    """Whether the receiver's rules are evaluated; else those of the sender."""


class Passage(msgspec.Struct, frozen=True, eq=False):
    """What a set of security rules does with traffic."""

    allowed: bool | Unknown
    rules: tuple[SecurityRule, ...]
    """The rule that decides, behind those that perhaps do."""


def passage(rules: Sequence[SecurityRule], flow: Flow) -> Passage:
    """Return what security rules, sorted by priority, do with traffic; without a rule that matches they deny it."""
    found: list[SecurityRule] = []
    unknown: Unknown | None = None
    results: list[bool | Unknown] = []
    for rule in rules:
        matched = matches(rule, flow)
        if matched is False:
            continue
        found.append(rule)
        results.append(rule.allows)
        if matched is True:
            break
        unknown = unknown or matched
    else:
        results.append(False)
    first = results[0]
    agreed = all(result is first for result in results)
    return Passage(first if agreed else unknown or _first_unknown(results), tuple(found))


def in_turn(found: Sequence[Passage]) -> Passage:
    """Return what several sets of rules do with traffic that must pass each of them."""
    allowed = every(*(one.allowed for one in found))
    deciding = [one for one in found if one.allowed is allowed] if allowed is not True else found
    return Passage(allowed, tuple(rule for one in deciding for rule in one.rules))


def _first_unknown(results: Sequence[bool | Unknown]) -> bool | Unknown:
    return next(result for result in results if isinstance(result, Unknown))


def matches(rule: SecurityRule, flow: Flow) -> bool | Unknown:
    """Return whether a security rule is for this traffic."""
    before = every(
        rule.inbound if isinstance(rule.inbound, Unknown) else rule.inbound is flow.inbound,
        rule.has_protocol(flow.protocol),
        _has_ports(rule, flow),
    )
    return before and every(before, flow.source.match(rule.sources), flow.destination.match(rule.destinations))


def _has_ports(rule: SecurityRule, flow: Flow) -> bool | Unknown:
    """Return whether a rule is for the ports of traffic."""
    if flow.port:
        return every(rule.ports.match(flow.port), _from_clients(rule.source_ports))
    if rule.protocol == flow.protocol or rule.ports.named == rule.source_ports.named == _ALL_PORTS:
        return True
    return rule.ports.unknown or rule.source_ports.unknown or _PORTS_OF_NONE


_PORTS_OF_NONE: Final = Unknown(
    Cause.VALUE, "a security rule for any protocol and for some ports may match ICMP, which has no ports, or not"
)


@lru_cache(maxsize=256)
def _from_clients(ports: Ports) -> bool | Unknown:
    """Return whether source ports include those from which clients connect."""
    if not difference(_CLIENT_PORTS, ports.named):
        return True
    if not intersection(_CLIENT_PORTS, ports.named):
        return ports.unknown or False
    return ports.unknown or _SOME_CLIENT_PORTS


_SOME_CLIENT_PORTS: Final = Unknown(
    Cause.VALUE, "a security rule is for some of the source ports from which clients connect"
)
