"""Security admin rules of Azure Virtual Network Manager, which apply before security groups.

Which configurations are deployed, and which virtual networks Azure Policy adds to a network group, Azure tells by POST
requests only. A rule that would change what security groups do makes it unknown.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import msgspec

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.azure.ranges import INTERNET, Ranges, difference, intersection, union
from auditor.azure.types.names import ADMIN_COLLECTION, ADMIN_CONFIGURATION, ADMIN_RULE, NETWORK_GROUP_MEMBER
from auditor.estate.admission import TCP, Admission
from auditor.estate.caching import cached_value
from auditor.estate.graph import Graph
from auditor.estate.passage import Flow, Passage, matches
from auditor.estate.private_addresses import network_of
from auditor.estate.security_rules import LAST_PORT, Host, SecurityRule, every, parse
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.lookup import items, parts, value
from auditor.snapshot.model import Part, Resource

_MANAGER: Final = "microsoft.network/networkmanagers"
_TYPES: Final = frozenset(
    {
        _MANAGER,
        f"{_MANAGER}/networkgroups",
        NETWORK_GROUP_MEMBER,
        ADMIN_CONFIGURATION,
        ADMIN_COLLECTION,
        ADMIN_RULE,
    }
)
_EVERY_PORT: Final = f"0-{LAST_PORT}"


class AdminRules:
    """The security admin rules of the network managers in a snapshot."""

    def __init__(self, graph: Graph) -> None:
        """Take the graph; rules are parsed once."""
        self._graph = graph

    @cached_value
    def _unread(self) -> Unknown | None:
        """Why there may be further rules."""
        return _unread(self._graph)

    @cached_value
    def _members(self) -> dict[str, set[str]]:
        """The keys of the virtual networks in each network group, by its key."""
        return _members(self._graph)

    @cached_value
    def _configurations(self) -> list[list[tuple[Resource, SecurityRule | Unknown]]]:
        """The rules of each configuration by priority."""
        found: dict[str, list[tuple[Resource, SecurityRule | Unknown]]] = defaultdict(list)
        for rule in self._graph.by_type.get(ADMIN_RULE, ()):
            found[arm.parent_of(arm.parent_of(rule.key))].append((rule, parse(_as_security_rule(rule))))
        return [sorted(rules, key=_priority) for rules in found.values()]

    def applied(self, network: str, flow: Flow, filtered: Passage) -> Passage:
        """Return what happens to traffic of a virtual network, by its key, given what security groups do with it."""
        if self._unread is not None:
            return Passage(self._unread, filtered.rules)
        for rules in self._configurations:
            for resource, rule in rules:
                matched = rule if isinstance(rule, Unknown) else matches(rule, flow)
                if matched is False or not self._may_apply(resource, network):
                    continue
                access = str(value(resource, "properties.access").value).lower()
                # `Allow` leaves the traffic to security groups.
                if access != "allow" and filtered.allowed is not (access == "alwaysallow"):
                    return Passage(_undecided(resource), filtered.rules)
                if matched is True:
                    break
        return filtered

    def admitted(
        self, network: str, destination: Host, ports: tuple[int, ...], through: tuple[Admission, ...]
    ) -> tuple[Admission, ...]:
        """Return which Internet addresses reach TCP ports in a virtual network, given what security groups admit."""
        if self._unread is None and not self._configurations:
            return through
        pairs = zip(ports, through, strict=True)
        return tuple(self._admitted(network, destination, port, each) for port, each in pairs)

    def _admitted(self, network: str, destination: Host, port: int, through: Admission) -> Admission:
        whole = INTERNET[destination.family]
        if self._unread is not None:
            return msgspec.structs.replace(through, sure=(), possible=whole, because=(self._unread,))
        for rules in self._configurations:
            for resource, rule in rules:
                matched = rule if isinstance(rule, Unknown) else _is_for(rule, destination, port)
                if matched is False or not self._may_apply(resource, network):
                    continue
                surely, senders = _senders(rule, through.family)
                access = str(value(resource, "properties.access").value).lower()
                # `Allow` leaves the traffic to security groups.
                sure = through.sure if access in {"allow", "alwaysallow"} else difference(through.sure, senders)
                more = () if access in {"allow", "deny"} else intersection(whole, senders)
                possible = union(through.possible, more)
                if (sure, possible) != (through.sure, through.possible):
                    because = (*through.because, _undecided(resource))
                    through = msgspec.structs.replace(through, sure=sure, possible=possible, because=because)
                if matched is True and not difference(whole, surely):
                    break
        return through

    def _may_apply(self, rule: Resource, network: str) -> bool:
        """Return whether the collection of a rule may apply to a virtual network.

        A network group has static members, or Azure Policy adds members to it, which no resource shows.
        """
        collection = self._graph.get(arm.parent_of(rule.key))
        if isinstance(collection, Unknown):
            return True
        for entry in parts(collection, "properties.appliesToGroups[*]"):
            group = value(entry, "networkGroupId").value
            members = self._members.get(arm.key(group), ()) if isinstance(group, str) else ()
            if not members or network in members:
                return True
        return False


def _is_for(rule: SecurityRule, receiver: Host, port: int) -> bool | Unknown:
    """Return whether a rule is for inbound traffic to a TCP port; a sender chooses its source port."""
    return every(rule.inbound, rule.has_protocol(TCP), rule.ports.match(port), receiver.match(rule.destinations))


def _senders(rule: SecurityRule | Unknown, family: int) -> tuple[Ranges, Ranges]:
    """Return the Internet addresses that a rule surely, and possibly, has as sources."""
    if isinstance(rule, Unknown):
        return (), INTERNET[family]
    return rule.sources.named[family], INTERNET[family] if rule.sources.tags else rule.sources.possible(family)


def _undecided(rule: Resource) -> Unknown:
    reason = f"{rule.id} decides it if its configuration is deployed, which no resource shows"
    return Unknown(Cause.VALUE, reason, about=(rule.id,))


def _unread(graph: Graph) -> Unknown | None:
    """Return that a network manager, or what one has, was not read; None if there is no sign of it."""
    gaps = (gap for gap in graph.snapshot.gaps if arm.canonical_type(gap.what) in _TYPES)
    places = {arm.subscription_of(manager.key) for manager in graph.by_type.get(_MANAGER, ())}
    unlisted = (graph.listing(type_, place) for place in sorted(places) for type_ in sorted(_TYPES))
    return next(map(Unknown.of, gaps), None) or next(filter(None, unlisted), None)


def _members(graph: Graph) -> dict[str, set[str]]:
    """Return the keys of the virtual networks that are static members of each network group, by its key."""
    found: dict[str, set[str]] = defaultdict(set)
    for member in graph.by_type.get(NETWORK_GROUP_MEMBER, ()):
        network = value(member, "properties.resourceId").value
        found[arm.parent_of(member.key)].add(network_of(network) if isinstance(network, str) else "")
    return found


def _as_security_rule(rule: Resource) -> Part:
    """Return a security admin rule in the shape of a security rule."""
    body: dict[str, object] = {
        name: found
        for name in ("priority", "direction", "protocol")
        if (found := value(rule, f"properties.{name}").value) is not ABSENT
    }
    # What is not allowed here is evaluated by itself, since there is a third kind of access.
    body["access"] = "Deny"
    for side in ("source", "destination"):
        ports = PartialList.of(items(rule, f"properties.{side}PortRanges[*]").value)
        body[f"{side}PortRanges"] = [*ports.known, *filter(None, (ports.missing,))] or [_EVERY_PORT]
        prefixes = PartialList.of(items(rule, f"properties.{side}s[*].addressPrefix").value)
        body[f"{side}AddressPrefixes"] = [*prefixes.known, *filter(None, (prefixes.missing,))] or ["*"]
    return Part(rule, "", {"properties": body})


def _priority(entry: tuple[Resource, SecurityRule | Unknown]) -> float:
    return -1 if isinstance(entry[1], Unknown) else entry[1].priority
