"""Network security groups: which ones an IP configuration has, their rules, and what they let through."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import NamedTuple

import msgspec

from auditor.azure import arm
from auditor.azure.paths import ABSENT
from auditor.estate import security_rules, virtual_network
from auditor.estate.admin_rules import AdminRules
from auditor.estate.admission import Admission, admissions
from auditor.estate.caching import cached_method
from auditor.estate.graph import Graph
from auditor.estate.passage import Flow, Passage, in_turn, passage
from auditor.estate.private_addresses import network_of
from auditor.estate.security_rules import EVERY_ADDRESS, NO_ADDRESS, Addresses, Host, SecurityRule, host_of
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import objects, parts, unusable, value
from auditor.snapshot.model import Part, Resource

_Groups = tuple[tuple[SecurityRule, ...], ...]
"""The inbound rules of several security groups, each by priority."""


class _Place(NamedTuple):
    """Where an IP configuration is, and what it is for security rules."""

    subnet: object
    """The subnet; unknown or absent."""
    network: str
    """The key of the virtual network, "" if it is unknown."""
    groups: Answer
    host: Host


class SecurityGroups:
    """The security groups of a snapshot, with their rules and what they let through."""

    def __init__(self, graph: Graph) -> None:
        """Take the graph; everything is computed on demand."""
        self.graph = graph
        self._rules: dict[tuple[str, bool], tuple[SecurityRule, ...] | Unknown] = {}
        self._admissions: dict[tuple[object, ...], tuple[Admission, ...]] = {}
        self._places: dict[tuple[str, str], _Place] = {}
        self._reads: dict[tuple[str, str], tuple[Read, ...]] = {}
        self._connected: dict[tuple[str, str], bool | Unknown] = {}
        self._networks: dict[tuple[str, bool], Addresses] = {}
        self._admin_rules = AdminRules(graph)
        self._expanded: dict[tuple[int, int], tuple[SecurityRule, ...]] = {}
        self._particular: dict[int, tuple[SecurityRule, ...]] = {}
        self._with_network: dict[int, bool] = {}
        self._excepted: dict[tuple[int, str], tuple[SecurityRule, ...]] = {}
        self._by_content: dict[tuple[bytes | SecurityRule, ...], tuple[SecurityRule, ...]] = {}

    def of(self, configuration: Part) -> Answer:
        """Return the security groups of an IP configuration: that of its subnet and that of its interface.

        One that was not read is a placeholder. The reads include the references that are absent.
        """
        return self._place(configuration).groups

    def _place(self, configuration: Part) -> _Place:
        where = (configuration.resource.key, configuration.path)
        if where not in self._places:
            subnet = self.graph.follow(configuration, "subnet").value
            network = network_of(subnet.key) if isinstance(subnet, Part | Resource) else ""
            groups = self._find_groups(configuration, subnet)
            self._places[where] = _Place(subnet, network, groups, host_of(configuration))
        return self._places[where]

    def reads(self, configuration: Part) -> tuple[Read, ...]:
        """Return reads of the security groups of an IP configuration and of the names of all rules of each.

        Together these decide; evidence shows them.
        """
        where = (configuration.resource.key, configuration.path)
        if where not in self._reads:
            groups = self.of(configuration)
            found = PartialList.of(groups.value).of_type(Resource)
            self._reads[where] = (*groups.reads, *(self._rule_names(group.id) for group in found))
        return self._reads[where]

    @cached_method
    def _rule_names(self, group_id: str) -> Read:
        group = self.graph.get_or_placeholder(group_id)
        return Read(
            group_id,
            "properties.securityRules",
            [arm.name_of(rule.id) for rule in parts(group, "properties.securityRules[*]")],
        )

    def _find_groups(self, configuration: Part, subnet: object) -> Answer:
        known: list[object] = []
        reads: list[Read] = []
        for holder in (subnet, configuration.resource):
            if isinstance(holder, Part | Resource):
                reference = value(holder, "properties.networkSecurityGroup.id")
                reads += reference.reads
                if isinstance(reference.value, str):
                    known.append(self.graph.get_or_placeholder(reference.value))
                elif reference.value is not ABSENT:
                    known.append(unusable(reference, "an id"))
            else:
                known.append(holder)
        return Answer(PartialList(tuple(known)), tuple(reads))

    def admissions(
        self,
        configuration: Part,
        ports: tuple[int, ...],
        *,
        has_public_path: Callable[[], bool] = lambda: False,
        except_tag: str = "",
    ) -> tuple[Admission, ...]:
        """Return the Internet addresses that can reach each of several TCP ports of an IP configuration.

        Without any security group that is every address. The service tag VirtualNetwork includes the prefixes of the
        subnet's route table. That a gateway may announce a default route, which no resource shows, makes the result
        unknown only where a public path leads to the VM; elsewhere such a route is the rule and opens nothing. So does
        a security admin rule that would admit or deny more. Senders of the service tag `except_tag`, in lower case, are
        left out.
        """
        place = self._place(configuration)
        found: list[tuple[SecurityRule, ...]] = []
        unknowns: list[Unknown] = []
        for group in PartialList.of(place.groups.value).known:
            rules = self._ordered(group.id) if isinstance(group, Resource) else group
            if isinstance(rules, Unknown):
                unknowns.append(rules)
            elif isinstance(rules, tuple):
                found.append(self._without(rules, except_tag) if except_tag else rules)
        groups = tuple(found)
        through_all = self._admitted(groups, NO_ADDRESS, place.host, ports)
        if any(map(self._has_network, groups)):
            # Routes are read only if the tag decides: where a rule before it denies the Internet, it does not.
            whole = self._admitted(groups, EVERY_ADDRESS, place.host, ports)
            if any(one.possible != other.possible for one, other in zip(through_all, whole, strict=True)):
                added = self._network(place.subnet, announced=has_public_path())
                through_all = self._admitted(groups, added, place.host, ports)
        if unknowns:  # an unknown security group can only deny more
            through_all = tuple(
                msgspec.structs.replace(through, sure=(), because=tuple(unknowns)) if through.possible else through
                for through in through_all
            )
        return self._admin_rules.admitted(place.network, place.host, ports, through_all)

    def passage(self, configuration: Part, flow: Flow) -> Passage:
        """Return what the security groups of the receiver or sender of traffic do with it; none allow it.

        Security admin rules of Virtual Network Manager apply before them.
        """
        found: list[Passage] = []
        place = self._place(configuration)
        for group in PartialList.of(place.groups.value).known:
            rules = self.rules(group, inbound=flow.inbound) if isinstance(group, Resource) else group
            if isinstance(rules, tuple):
                found.append(passage(rules, flow))
            elif isinstance(rules, Unknown):
                found.append(Passage(rules, ()))
        return self._admin_rules.applied(place.network, flow, in_turn(found))

    def host(self, configuration: Part, *, seen_from: Part | None = None) -> Host:
        """Return an IP configuration as a sender or receiver for the security rules of another one, or its own."""
        place = self._place(configuration)
        network = True if seen_from is None else self._is_connected(self._place(seen_from), place)
        return place.host if network is True else msgspec.structs.replace(place.host, network=network)

    def _is_connected(self, one: _Place, other: _Place) -> bool | Unknown:
        """Return whether the service tag VirtualNetwork in the subnet of one place includes another one."""
        key = (one.network, other.network)
        if not all(key):
            return next((place.subnet for place in (one, other) if isinstance(place.subnet, Unknown)), False)
        if key not in self._connected:
            self._connected[key] = virtual_network.includes(self.graph, *key)
        return self._connected[key]

    def _admitted(
        self, groups: _Groups, network: Addresses, destination: Host, ports: tuple[int, ...]
    ) -> tuple[Admission, ...]:
        """Return what several security groups admit; `network` is what VirtualNetwork includes of the Internet."""
        # Destinations for which the same rules match have the same admissions, so that few are computed.
        matching = tuple(
            destination.match(rule.destinations) for rules in groups for rule in self._with_destinations(rules)
        )
        key = (*map(id, groups), id(network), destination.family, matching, ports)
        if key not in self._admissions:
            alike = tuple(map(self._first_alike, groups))
            # Where two of the groups are alike, their rules can only be named by evaluating both.
            if alike == groups or len({*alike}) < len({*groups}):
                found = admissions(self._expand(groups, network), destination, ports)
            else:
                found = _renamed(self._admitted(alike, network, destination, ports), alike, groups)
            self._admissions[key] = found
        return self._admissions[key]

    def _first_alike(self, rules: tuple[SecurityRule, ...]) -> tuple[SecurityRule, ...]:
        """Return the first rules that differ from some in nothing but their security group."""
        contents = tuple(rule.content or rule for rule in rules)
        if contents not in self._by_content:
            self._by_content[contents] = rules
        return self._by_content[contents]

    def _with_destinations(self, rules: tuple[SecurityRule, ...]) -> tuple[SecurityRule, ...]:
        """Return the security rules that are not for every destination."""
        if id(rules) not in self._particular:
            self._particular[id(rules)] = tuple(rule for rule in rules if not rule.destinations.everywhere)
        return self._particular[id(rules)]

    def _has_network(self, rules: tuple[SecurityRule, ...]) -> bool:
        """Return whether a security rule has the service tag VirtualNetwork as source."""
        if id(rules) not in self._with_network:
            self._with_network[id(rules)] = any(rule.sources.network for rule in rules)
        return self._with_network[id(rules)]

    def _without(self, rules: tuple[SecurityRule, ...], name: str) -> tuple[SecurityRule, ...]:
        """Return security rules without the senders of a service tag."""
        key = (id(rules), name)
        if key not in self._excepted:
            sources = (
                msgspec.structs.replace(rule.sources, tags=tuple(tag for tag in rule.sources.tags if tag.name != name))
                for rule in rules
            )
            self._excepted[key] = tuple(
                msgspec.structs.replace(rule, sources=left, content=b"")
                for rule, left in zip(rules, sources, strict=True)
            )
        return self._excepted[key]

    def _expand(self, groups: _Groups, network: Addresses) -> _Groups:
        """Return security rules with the senders of the service tag VirtualNetwork."""
        if network is NO_ADDRESS:
            return groups
        for rules in groups:
            key = (id(rules), id(network))
            if key not in self._expanded:
                self._expanded[key] = tuple(
                    msgspec.structs.replace(rule, sources=rule.sources.plus(network)) if rule.sources.network else rule
                    for rule in rules
                )
        return tuple(self._expanded[id(rules), id(network)] for rules in groups)

    def _network(self, subnet: object, *, announced: bool) -> Addresses:
        """Return what the service tag VirtualNetwork includes of the Internet in a subnet."""
        if not isinstance(subnet, Part | Resource):
            return NO_ADDRESS  # the security group of the subnet is unknown for the same reason
        key = (subnet.key, announced)
        if key not in self._networks:
            self._networks[key] = virtual_network.added_by_routes(self.graph, subnet, announced=announced)
        return self._networks[key]

    def rules(self, group: Resource, *, inbound: bool = True) -> tuple[SecurityRule, ...] | Unknown:
        """Return the rules of a security group in one direction by priority, including the default rules.

        Of two with one priority, which Azure refuses, the one that denies is first.
        """
        key = (group.key, inbound)
        if key not in self._rules:
            found = self._parsed(group.id)
            if isinstance(found, tuple):
                wanted = [rule for rule in found if isinstance(rule.inbound, Unknown) or rule.inbound is inbound]
                found = tuple(sorted(wanted, key=lambda rule: (rule.priority, rule.allows is not False)))
            self._rules[key] = found
        return self._rules[key]

    @cached_method
    def _ordered(self, group_id: str) -> tuple[SecurityRule, ...] | Unknown:
        """Return the inbound rules of a security group by priority, unknown if two have the same one."""
        group = self.graph.get_or_placeholder(group_id)
        rules = self.rules(group)
        return rules if isinstance(rules, Unknown) else _equal_priorities(group, rules) or rules

    @cached_method
    def _parsed(self, group_id: str) -> tuple[SecurityRule, ...] | Unknown:
        """Return the rules of a security group in both directions, unknown if any of them is."""
        if isinstance(group := self.graph.get(group_id), Unknown):
            return group
        own = objects(group, "properties.securityRules[*]")
        if own.missing is not None:
            return own.missing
        defaults = objects(group, "properties.defaultSecurityRules[*]").known
        found = (*own.known, *defaults)
        rules = [security_rules.parse_once(part) if isinstance(part, Part) else part for part in found]
        unknown = next((rule for rule in rules if isinstance(rule, Unknown)), None)
        known = (rule for rule in rules if isinstance(rule, SecurityRule))
        return unknown or (*known, *(() if defaults else security_rules.DEFAULT_RULES))


def _renamed(found: Iterable[Admission], alike: _Groups, groups: _Groups) -> tuple[Admission, ...]:
    """Return admissions with the rules of some security groups in the place of those that are alike."""
    pairs = (pair for rules in zip(alike, groups, strict=True) for pair in zip(*rules, strict=True))
    parts = {id(rule.part): own.part for rule, own in pairs}

    def renamed(rules: Iterable[SecurityRule]) -> tuple[SecurityRule, ...]:
        return tuple(msgspec.structs.replace(rule, part=parts[id(rule.part)]) for rule in rules)

    return tuple(msgspec.structs.replace(each, rules=renamed(each.rules)) if each.rules else each for each in found)


def _equal_priorities(group: Resource, rules: Iterable[SecurityRule]) -> Unknown | None:
    """Return that two rules of a security group have one priority, which Azure refuses; None if no two do."""
    for one, other in pairwise(rules):
        if one.priority == other.priority:
            reason = f"{group.id} has two inbound rules of priority {one.priority:g} (malformed)"
            return Unknown(Cause.VALUE, reason, about=(group.id,))
    return None
