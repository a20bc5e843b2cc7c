"""Filtering: who on the Internet gets through the network security groups before a network interface.

Inbound traffic passes the security group of the subnet, then that of the interface. In each, the rule with the lowest
priority number that matches decides. What is not known of a rule widens the answer to two bounds: who surely gets in,
and who possibly does.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

import msgspec

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.estate.graph import Graph, items, objects, value
from auditor.snapshot.known import Answer, Cause, Items, Read, Unknown, interval
from auditor.snapshot.model import Part, Resource

Ranges = tuple[tuple[int, int], ...]
"""Numbers (addresses, ports) as ranges that include both ends, sorted, with a gap between any two."""

IPV4: Final = 4
IPV6: Final = 6
TCP: Final = "tcp"

_LAST_PORT: Final = 65535
_PROTOCOLS: Final = {"tcp": "tcp", "6": "tcp", "udp": "udp", "17": "udp", "icmp": "icmp", "esp": "esp", "ah": "ah"}
_ANY: Final = frozenset({"*", "any"})
_TAG: Final = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*")
"""A service tag, such as `Storage.WestEurope`."""


# --- sets of numbers --------------------------------------------------------------------------------------------------


def union(*several: Ranges) -> Ranges:
    """Return the numbers that are in any of some sets."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(pair for ranges in several for pair in ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], high))
        else:
            merged.append((low, high))
    return tuple(merged)


def intersection(one: Ranges, other: Ranges) -> Ranges:
    """Return the numbers that are in both sets."""
    common: list[tuple[int, int]] = []
    i = j = 0
    while i < len(one) and j < len(other):
        low, high = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if low <= high:
            common.append((low, high))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(common)


def difference(one: Ranges, other: Ranges) -> Ranges:
    """Return the numbers of a set that are not in another."""
    left: list[tuple[int, int]] = []
    for low, high in one:
        start = low
        for cut_low, cut_high in other:
            if cut_high < start or cut_low > high:
                continue
            if cut_low > start:
                left.append((start, cut_low - 1))
            start = cut_high + 1
        if start <= high:
            left.append((start, high))
    return tuple(left)


def size(ranges: Ranges) -> int:
    """Return how many numbers are in a set."""
    return sum(high - low + 1 for low, high in ranges)


def contains(ranges: Ranges, number: int) -> bool:
    """Tell whether a number is in a set."""
    return any(low <= number <= high for low, high in ranges)


def _networks(*texts: str) -> Ranges:
    networks = [ipaddress.ip_network(text) for text in texts]
    return union(*(((int(net.network_address), int(net.broadcast_address)),) for net in networks))


EVERY: Final = {IPV4: _networks("0.0.0.0/0"), IPV6: _networks("::/0")}
"""All addresses, by family."""

_NOT_ROUTED: Final = _networks(
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "224.0.0.0/3",
)
INTERNET: Final = {IPV4: difference(EVERY[IPV4], _NOT_ROUTED), IPV6: _networks("2000::/3")}
"""The addresses from which traffic can come over the Internet: no private, local, multicast and reserved ones."""

_PORTS: Final[Ranges] = ((0, _LAST_PORT),)


# --- security rules ---------------------------------------------------------------------------------------------------


class Addresses(msgspec.Struct, frozen=True):
    """What a rule says of addresses: those that it names, and why it may name others."""

    named: dict[int, Ranges]
    """By family."""
    everywhere: bool = False
    """Whether the rule, as a destination, holds for every address in the virtual network."""
    groups: frozenset[str] = frozenset()
    """Keys of the application security groups whose members it names."""
    doubt: Unknown | None = None


class Ports(msgspec.Struct, frozen=True):
    """What a rule says of ports, and why it may name others."""

    named: Ranges
    doubt: Unknown | None = None

    def match(self, port: int) -> bool | Unknown:
        """Tell whether a port is among them."""
        return True if contains(self.named, port) else self.doubt or False


class SecurityRule(msgspec.Struct, frozen=True, eq=False):
    """An inbound rule of a network security group, as Azure applies it."""

    part: Part | None
    """Where it stands; None for a rule that Azure adds by itself and that the body does not show."""
    priority: float
    allows: bool | Unknown
    inbound: bool | Unknown
    protocol: str | Unknown
    """In lower case; `*` for any."""
    source_ports: Ports
    ports: Ports
    sources: Addresses
    destinations: Addresses

    def concerns(self, protocol: str, port: int, source_port: int, destination: Destination) -> bool | Unknown:
        """Tell whether the rule matches such traffic, whoever sends it."""
        same: bool | Unknown = self.protocol if isinstance(self.protocol, Unknown) else self.protocol in {"*", protocol}
        doubt: Unknown | None = None
        for part in (
            self.inbound,
            same,
            self.ports.match(port),
            self.source_ports.match(source_port),
            destination.match(self.destinations),
        ):
            if part is False:
                return False
            if isinstance(part, Unknown):
                doubt = doubt or part
        return doubt or True


class Destination(msgspec.Struct, frozen=True):
    """Where traffic is bound for: an address of a network interface, and the groups that the interface is in."""

    family: int
    address: int | Unknown
    groups: frozenset[str] = frozenset()
    groups_doubt: Unknown | None = None

    def match(self, destinations: Addresses) -> bool | Unknown:
        """Tell whether a rule for these destinations holds for it."""
        if destinations.everywhere or destinations.groups & self.groups:
            return True
        named = destinations.named[self.family]
        if isinstance(self.address, int) and contains(named, self.address):
            return True
        if destinations.doubt is not None:
            return destinations.doubt
        if named and isinstance(self.address, Unknown):
            return self.address
        return (self.groups_doubt or False) if destinations.groups else False


class Admission(msgspec.Struct, frozen=True, eq=False):
    """Who on the Internet gets through to a port."""

    sure: Ranges
    """The addresses that surely do."""
    possible: Ranges
    """The addresses of which it cannot be excluded."""
    rules: tuple[SecurityRule, ...] = ()
    """The rules that let them in, or may."""
    because: tuple[Unknown, ...] = ()
    """Why the two sets differ."""
    family: int = IPV4


def admission(
    groups: Sequence[Sequence[SecurityRule]], destination: Destination, port: int, protocol: str = TCP
) -> Admission:
    """Return who on the Internet gets through every one of some security groups, each with its rules by priority.

    A sender chooses the port that the traffic comes from, so that one port from which it gets in is enough.
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
    """Return who surely and who possibly gets through one security group; note the rules that let them and doubts."""
    protocol, port, source_port = traffic
    family = destination.family
    # Whose traffic surely comes as far as the next rule, or was let in before; and whose possibly comes as far.
    undecided_low = undecided_high = INTERNET[family]
    sure: Ranges = ()
    possible: Ranges = ()
    for rule in rules:
        concerned = rule.concerns(protocol, port, source_port, destination)
        if concerned is False:
            continue
        doubts = [found for found in (concerned, rule.sources.doubt, rule.allows) if isinstance(found, Unknown)]
        because.update(dict.fromkeys(doubts))
        surely: Ranges = rule.sources.named[family] if concerned is True else ()
        possibly: Ranges = INTERNET[family] if rule.sources.doubt is not None else rule.sources.named[family]
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
    """Return one source port for each part of their range that the rules treat alike."""
    edges = {0}
    for rule in rules:
        for low, high in rule.source_ports.named:
            edges |= {low, high + 1}
    return sorted(edge for edge in edges if edge <= _LAST_PORT)


# --- security groups --------------------------------------------------------------------------------------------------


class Filtering:
    """Security groups and their rules, each worked out once."""

    def __init__(self, graph: Graph) -> None:
        """Keep the graph; nothing is worked out before it is asked for."""
        self.graph = graph
        self._rules: dict[str, tuple[SecurityRule, ...] | Unknown] = {}
        self._admissions: dict[tuple[object, ...], tuple[Admission, ...]] = {}
        self._groups: dict[tuple[str, str], Answer] = {}
        self._destinations: dict[tuple[str, str], Destination] = {}

    def groups(self, configuration: Part) -> Answer:
        """Return the security groups before an IP configuration of an interface: that of the subnet, its own.

        One that is referred to but was not read stands as a resource of which only the id is known. The reads tell
        where none is.
        """
        where = (configuration.resource.key, configuration.path)
        if where not in self._groups:
            self._groups[where] = self._find_groups(configuration)
        return self._groups[where]

    def _find_groups(self, configuration: Part) -> Answer:
        known: list[object] = []
        reads: list[Read] = []
        subnet = value(configuration, "properties.subnet.id")
        part = self.graph.part(subnet.value) if isinstance(subnet.value, str) else _unknown(subnet, "subnet")
        for holder in (part, configuration.resource):
            if isinstance(holder, Part | Resource):
                reference = value(holder, "properties.networkSecurityGroup.id")
                reads += reference.reads
                if isinstance(reference.value, str):
                    known.append(self.graph.named(reference.value))
                elif reference.value is not ABSENT:
                    known.append(_unknown(reference, "networkSecurityGroup"))
            else:
                known.append(holder)
        return Answer(Items(tuple(known)), tuple(reads))

    def admissions(self, configuration: Part, ports: tuple[int, ...]) -> tuple[Admission, ...]:
        """Return who on the Internet the security groups let through to some TCP ports of an IP configuration.

        Everybody where there is no group at all.
        """
        found = self.groups(configuration).value
        groups: list[tuple[SecurityRule, ...]] = []
        doubts: list[Unknown] = []
        for group in found.known if isinstance(found, Items) else ():
            rules = self.rules(group) if isinstance(group, Resource) else group
            if isinstance(rules, Unknown):
                doubts.append(rules)
            elif isinstance(rules, tuple):
                groups.append(rules)
        where = (configuration.resource.key, configuration.path)
        if where not in self._destinations:
            self._destinations[where] = _destination(configuration)
        destination = self._destinations[where]
        # Which rules hold for a destination says all; few of them name addresses.
        held = tuple(destination.match(rule.destinations) for rules in groups for rule in rules)
        key = (*map(id, groups), destination.family, held, ports)
        if key not in self._admissions:
            self._admissions[key] = tuple(admission(groups, destination, port) for port in ports)
        through_all = self._admissions[key]
        if not doubts:
            return through_all
        # A group that cannot be seen can only keep out more.
        return tuple(
            msgspec.structs.replace(through, sure=(), because=tuple(doubts)) if through.possible else through
            for through in through_all
        )

    def rules(self, group: Resource) -> tuple[SecurityRule, ...] | Unknown:
        """Return the inbound rules of a security group by priority, its own and Azure's, as far as each is known."""
        if group.key not in self._rules:
            self._rules[group.key] = self._find_rules(group)
        return self._rules[group.key]

    def _find_rules(self, group: Resource) -> tuple[SecurityRule, ...] | Unknown:
        if isinstance(found := self.graph.get(group.id), Unknown):
            return found
        own = objects(found, "properties.securityRules[*]")
        if own.missing is not None:
            return own.missing
        azures = objects(found, "properties.defaultSecurityRules[*]").known
        rules = [part if isinstance(part, Unknown) else _rule(part) for part in (*own.known, *azures)]  # type: ignore[arg-type]
        inbound = [] if azures else list(_ALWAYS)
        for rule in rules:
            if isinstance(rule, Unknown):
                return rule
            if rule.inbound is not False:
                inbound.append(rule)
        inbound.sort(key=lambda rule: rule.priority)
        for one, other in pairwise(inbound):
            if one.priority == other.priority:
                reason = f"{found.id} has two inbound rules of priority {one.priority:g} (malformed)"
                return Unknown(Cause.VALUE, reason, about=(found.id,))
        return tuple(inbound)


def _destination(configuration: Part) -> Destination:
    """Return an IP configuration as a destination."""
    version = value(configuration, "properties.privateIPAddressVersion").value
    family: int = IPV6 if isinstance(version, str) and version.lower() == "ipv6" else IPV4
    found = value(configuration, "properties.privateIPAddress")
    address: int | Unknown = _unknown(found, "privateIPAddress")
    if isinstance(found.value, str):
        try:
            parsed = ipaddress.ip_address(found.value.strip())
        except ValueError:
            address = _malformed(configuration, "properties.privateIPAddress", found.value)
        else:
            family, address = parsed.version, int(parsed)
    groups = items(configuration, "properties.applicationSecurityGroups[*].id").value
    known = groups.known if isinstance(groups, Items) else ()
    doubts = [member for member in known if isinstance(member, Unknown)]
    doubt = (groups.missing if isinstance(groups, Items) else None) or next(iter(doubts), None)
    return Destination(family, address, frozenset(arm.key(g) for g in known if isinstance(g, str)), doubt)


def _rule(part: Part) -> SecurityRule | Unknown:
    """Return a rule as it applies; unknown where nobody can tell its place among the others."""
    priority = value(part, "properties.priority")
    bounds = interval(priority.value)
    if bounds is None:
        return _unknown(priority, "priority")
    protocol = value(part, "properties.protocol")
    named = protocol.value.strip().lower() if isinstance(protocol.value, str) else ""
    numbered = named if named.isdigit() else ""
    return SecurityRule(
        part,
        bounds.low,
        _one_of(value(part, "properties.access"), "access", "allow", "deny"),
        _one_of(value(part, "properties.direction"), "direction", "inbound", "outbound"),
        "*" if named in _ANY else _PROTOCOLS.get(named, numbered) or _unknown(protocol, "protocol"),
        _source_port_ranges(part),
        _port_ranges(part, "destinationPortRange"),
        _addresses(part, "source"),
        _addresses(part, "destination"),
    )


def _one_of(answer: Answer, name: str, yes: str, no: str) -> bool | Unknown:
    text = answer.value.strip().lower() if isinstance(answer.value, str) else ""
    return text == yes if text in {yes, no} else _unknown(answer, name)


def _unknown(answer: Answer, name: str) -> Unknown:
    """Return why a property that must be there says nothing."""
    if isinstance(answer.value, Unknown):
        return answer.value
    read = answer.reads[0]
    if answer.value is ABSENT:
        return Unknown(Cause.VALUE, f"{read.resource} has no {read.path or name}", about=(read.resource,))
    reason = f"{read.resource}: {read.path} is {answer.value!r} (malformed)"
    return Unknown(Cause.VALUE, reason, about=(read.resource,))


def _malformed(part: Part, path: str, found: object) -> Unknown:
    reason = f"{part.resource.id}: {part.path}.{path} has {found!r} (malformed)"
    return Unknown(Cause.VALUE, reason, about=(part.resource.id,))


def _texts(part: Part, singular: str, plural: str) -> Iterator[str | Unknown]:
    """Yield what a rule says in one property, in another that is a list, or in both; an empty text says nothing."""
    one = value(part, f"properties.{singular}").value
    several = items(part, f"properties.{plural}[*]").value
    listed = several.known if isinstance(several, Items) else ()
    for path, found in ((singular, one), *((plural, member) for member in listed)):
        if isinstance(found, str):
            if found.strip():
                yield found.strip().lower()
        elif isinstance(found, Unknown):
            yield found
        elif found is not ABSENT:
            yield _malformed(part, f"properties.{path}", found.body if isinstance(found, Part) else found)
    if isinstance(several, Items) and several.missing is not None:
        yield several.missing


def _port_ranges(part: Part, singular: str) -> Ports:
    """Return the ports of a rule.

    Without any destination port it matches nothing; source ports that it does not speak of do not matter to it.
    """
    known: list[Ranges] = []
    doubt: Unknown | None = None
    plural = f"{singular}s"
    for text in _texts(part, singular, plural):
        found = text if isinstance(text, Unknown) else _port_range(text)
        if isinstance(found, tuple):
            known.append(found)
        else:
            doubt = doubt or found or _malformed(part, f"properties.{singular}", text)
    return Ports(union(*known), doubt)


def _source_port_ranges(part: Part) -> Ports:
    """Return the source ports of a rule: all of them where it has neither property."""
    found = _port_ranges(part, "sourcePortRange")
    silent = all(value(part, f"properties.sourcePortRange{end}").value is ABSENT for end in ("", "s"))
    return Ports(_PORTS) if silent and found.doubt is None else found


def _port_range(text: str) -> Ranges | None:
    """Return the ports that a text names, or None where it makes no sense."""
    if text in _ANY:
        return _PORTS
    low, _, high = text.partition("-")
    if not low.strip().isdecimal() or not (high or low).strip().isdecimal():
        return None
    first, last = int(low), int(high or low)
    return ((first, last),) if first <= last <= _LAST_PORT else None


def _addresses(part: Part, side: str) -> Addresses:
    """Return the sources or the destinations of a rule."""
    known: dict[int, list[Ranges]] = {IPV4: [], IPV6: []}
    everywhere = False
    doubt: Unknown | None = None
    for text in _texts(part, f"{side}AddressPrefix", f"{side}AddressPrefixes"):
        if isinstance(text, Unknown):
            doubt = doubt or text
        elif text in _ANY or (side == "source" and text == "internet"):
            everywhere = True
            for family, ranges in known.items():
                ranges.append(EVERY[family])
        elif text == "virtualnetwork":
            everywhere = everywhere or side == "destination"
        elif not _TAG.fullmatch(text):
            try:
                network = ipaddress.ip_network(text, strict=False)
            except ValueError:
                doubt = doubt or _malformed(part, f"properties.{side}AddressPrefix", text)
            else:
                known[network.version].append(((int(network.network_address), int(network.broadcast_address)),))
    groups = items(part, f"properties.{side}ApplicationSecurityGroups[*].id").value
    members: list[object] = []
    if isinstance(groups, Items):
        members += groups.known
        doubt = doubt or groups.missing or next((member for member in members if isinstance(member, Unknown)), None)
    named = {family: union(*ranges) for family, ranges in known.items()}
    return Addresses(named, everywhere, frozenset(arm.key(m) for m in members if isinstance(m, str)), doubt)


def _always(priority: int, *, allows: bool, sources: Ranges, sources_6: Ranges) -> SecurityRule:
    """Return one of the inbound rules that every security group has."""
    anywhere = Addresses(dict(EVERY), everywhere=True)
    origin = Addresses({IPV4: sources, IPV6: sources_6})
    return SecurityRule(None, priority, allows, True, "*", Ports(_PORTS), Ports(_PORTS), origin, anywhere)  # noqa: FBT003


_ALWAYS: Final = (
    _always(65000, allows=True, sources=(), sources_6=()),  # from the virtual network
    _always(65001, allows=True, sources=(), sources_6=()),  # from Azure's own probes
    _always(65500, allows=False, sources=EVERY[IPV4], sources_6=EVERY[IPV6]),
)
"""The inbound rules that every security group has, for bodies that do not show them."""
