"""Security rules of network security groups: their addresses, ports, protocol and priority, parsed.

What is unknown of a rule is kept in it, so that what it admits has two bounds: what surely passes, and what may pass.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import msgspec

from auditor.azure import arm, service_tags
from auditor.azure.paths import ABSENT, join
from auditor.azure.ranges import EVERY, INTERNET, IPV4, IPV6, Ranges, contains, range_of, union
from auditor.azure.service_tags import Senders
from auditor.snapshot.known import Answer, Cause, PartialList, Read, Unknown, interval
from auditor.snapshot.lookup import items, malformed, may_lack, unusable, value
from auditor.snapshot.model import Part, resource

LAST_PORT: Final = 65535

_PORTS: Final[Ranges] = ((0, LAST_PORT),)
_PROTOCOLS: Final = {"tcp": "tcp", "6": "tcp", "udp": "udp", "17": "udp", "icmp": "icmp", "esp": "esp", "ah": "ah"}
_ANY: Final = frozenset({"*", "any"})
_TAG: Final = re.compile(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*")
"""A service tag, such as `Storage.WestEurope`."""


class Tag(msgspec.Struct, frozen=True):
    """A service tag from whose addresses customers of Azure can send, or may be able to."""

    name: str
    """In lower case."""
    doubt: Unknown | None
    """Why it is unknown whether they can; None if anyone can rent a VM with such an address."""


class Addresses(msgspec.Struct, frozen=True):
    """The sources or the destinations of a rule."""

    named: dict[int, Ranges]
    """The addresses that it surely includes, by family."""
    everywhere: bool = False
    """Whether it includes every address, also private ones."""
    groups: frozenset[str] = frozenset()
    """Keys of the application security groups that it includes."""
    unknown: Unknown | None = None
    """Why it may include other addresses."""
    bound: dict[int, Ranges] | None = None
    """As sources: the other addresses that it may include; None for any."""
    tags: tuple[Tag, ...] = ()
    """As sources: the service tags from which customers of Azure can send."""
    network: bool = False
    """Whether it includes the service tag VirtualNetwork, whose addresses depend on the subnet."""
    probes: bool = False
    """As sources: whether it includes the service tag AzureLoadBalancer, which is where health probes come from."""
    reads: tuple[Read, ...] = ()
    """What was read of other resources for it."""

    def possible(self, family: int) -> Ranges:
        """Return the addresses of a family that it may include; they include the named ones."""
        if self.unknown is None:
            return self.named[family]
        return EVERY[family] if self.bound is None else union(self.named[family], self.bound[family])

    def plus(self, other: Addresses) -> Addresses:
        """Return these sources together with others."""
        families = tuple(self.named)
        unbounded = any(one.unknown is not None and one.bound is None for one in (self, other))
        return msgspec.structs.replace(
            self,
            named={family: union(self.named[family], other.named[family]) for family in families},
            unknown=self.unknown or other.unknown,
            bound=None if unbounded else {f: union(self.possible(f), other.possible(f)) for f in families},
            tags=(*self.tags, *other.tags),
            reads=(*self.reads, *other.reads),
        )

    def doubted(self, unknown: Unknown) -> Addresses:
        """Return sources that may or may not include these."""
        tags = tuple(Tag(tag.name, tag.doubt or unknown) for tag in self.tags)
        return msgspec.structs.replace(NO_ADDRESS, unknown=unknown, bound=self.named, tags=tags, reads=self.reads)


NO_ADDRESS: Final = Addresses({IPV4: (), IPV6: ()})
"""No address at all."""

EVERY_ADDRESS: Final = Addresses(dict(EVERY))
"""Every address."""


class Ports(msgspec.Struct, frozen=True):
    """The source or destination ports of a rule."""

    named: Ranges
    """The ports that it surely includes."""
    unknown: Unknown | None = None
    """Why it may include other ports."""

    def match(self, port: int) -> bool | Unknown:
        """Return whether a port is included."""
        return True if contains(self.named, port) else self.unknown or False


class SecurityRule(msgspec.Struct, frozen=True, eq=False):
    """A security rule with its values parsed."""

    part: Part | None
    """The rule in the body; None for a default rule that the body does not have."""
    priority: float
    allows: bool | Unknown
    inbound: bool | Unknown
    protocol: str | Unknown
    """In lower case; `*` for any."""
    source_ports: Ports
    ports: Ports
    sources: Addresses
    destinations: Addresses
    content: bytes = b""
    """Its properties where nothing of it is unknown: rules of one content differ in `part` only."""

    @property
    def is_known(self) -> bool:
        """Return whether nothing of it is unknown."""
        unknowns = (each.unknown for each in (self.source_ports, self.ports, self.sources, self.destinations))
        doubts = (tag.doubt for tag in self.sources.tags)
        found = (self.allows, self.inbound, self.protocol, *unknowns, *doubts)
        return not any(isinstance(each, Unknown) for each in found)

    def matches(self, protocol: str, port: int, source_port: int, destination: Host) -> bool | Unknown:
        """Return whether the rule matches inbound traffic of this protocol, ports and destination, from any source."""
        return every(
            self.inbound,
            self.has_protocol(protocol),
            self.ports.match(port),
            self.source_ports.match(source_port),
            destination.match(self.destinations),
        )

    def has_protocol(self, protocol: str) -> bool | Unknown:
        """Return whether the rule is for a protocol."""
        return self.protocol if isinstance(self.protocol, Unknown) else self.protocol in {"*", protocol}


def every(*conditions: bool | Unknown) -> bool | Unknown:
    """Return whether all conditions are true; false if one is false, whatever is unknown of the others."""
    found: bool | Unknown = True
    for condition in conditions:
        if condition is False:
            return False
        if found is True:
            found = condition
    return found


class Host(msgspec.Struct, frozen=True):
    """A sender or receiver of traffic: an IP configuration with its application security groups, or health probes."""

    family: int
    address: int | Unknown
    groups: frozenset[str] = frozenset()
    groups_unknown: Unknown | None = None
    """Why it may be in other application security groups."""
    network: bool | Unknown = True
    """Whether the service tag VirtualNetwork includes it, in the subnet whose security rules are evaluated."""
    probes: bool = False
    """Whether it is the health probes of Azure Load Balancer."""

    def match(self, addresses: Addresses) -> bool | Unknown:
        """Return whether the sources or destinations of a rule include it."""
        if addresses.everywhere or addresses.groups & self.groups or (self.probes and addresses.probes):
            return True
        named = addresses.named[self.family]
        if isinstance(self.address, int) and contains(named, self.address):
            return True
        unknown = addresses.network and self.network
        if unknown is True:
            return True
        if self.probes:
            # The addresses of AzureCloud include what Azure's own services use.
            unknown = unknown or next((tag.doubt or _IN_CLOUD for tag in addresses.tags if _may_probe(tag)), False)
        if named and isinstance(self.address, Unknown):
            unknown = unknown or self.address
        if addresses.groups:
            unknown = unknown or self.groups_unknown or False
        return unknown or addresses.unknown or False


_IN_CLOUD: Final = Unknown(Cause.VALUE, "it is unknown whether the service tag AzureCloud includes health probes")


def _may_probe(tag: Tag) -> bool:
    """Return whether health probes may come from the addresses of a service tag other than AzureLoadBalancer."""
    return service_tags.senders(tag.name) in {Senders.ANYONE, Senders.UNKNOWN}


PROBES: Final = {
    IPV4: Host(IPV4, int(ipaddress.IPv4Address("168.63.129.16")), probes=True),
    IPV6: Host(IPV6, int(ipaddress.IPv6Address("fe80::1234:5678:9abc")), probes=True),
}
"""The health probes of Azure Load Balancer by family (load-balancer-custom-probe-overview).

The service tag VirtualNetwork includes the address of the Azure host, from which they come.
"""


def host_of(configuration: Part) -> Host:
    """Return an IP configuration as a sender or receiver."""
    version = value(configuration, "properties.privateIPAddressVersion").value
    family: int = IPV6 if isinstance(version, str) and version.lower() == "ipv6" else IPV4
    found = value(configuration, "properties.privateIPAddress")
    address: int | Unknown = unusable(found, "an IP address")
    if isinstance(found.value, str):
        try:
            parsed = ipaddress.ip_address(found.value.strip())
        except ValueError:
            address = unusable(found, "an IP address")
        else:
            family, address = parsed.version, int(parsed)
    groups = items(configuration, "properties.applicationSecurityGroups[*].id").value
    known = groups.known if isinstance(groups, PartialList) else ()
    unknowns = [member for member in known if isinstance(member, Unknown)]
    unknown = (groups.missing if isinstance(groups, PartialList) else None) or next(iter(unknowns), None)
    return Host(family, address, frozenset(arm.key(g) for g in known if isinstance(g, str)), unknown)


def outside(address: str, who: str) -> Host:
    """Return a host outside of Azure, by its IP address or name; `who` it is, for the reason of an unknown.

    The service tag VirtualNetwork includes each private address to which a route leads. Whether it includes one of the
    Internet depends on the routes, and which rules include a name depends on its address.
    """
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        reason = f"which security rules include {who} depends on its IP address: declare this instead of {address}"
        unknown = Unknown(Cause.DECLARATION, reason, optional=True)
        return Host(IPV4, unknown, network=unknown)
    public = contains(INTERNET[parsed.version], int(parsed))
    reason = f"no resource shows whether the service tag VirtualNetwork includes {address}"
    return Host(parsed.version, int(parsed), network=Unknown(Cause.VALUE, reason) if public else True)


def parse_once(part: Part) -> SecurityRule | Unknown:
    """Return what `parse` does, computed once for all parts with the same properties."""
    properties = part.body.get("properties") if isinstance(part.body, dict) else None
    # A dict that records what is read of it is of a type of its own, and read property by property.
    known = (
        _known(msgspec.json.encode(properties)) if type(properties) is dict and not may_lack(part.resource) else None
    )
    return parse(part) if known is None else msgspec.structs.replace(known, part=part)


@lru_cache(maxsize=4096)
def _known(content: bytes) -> SecurityRule | None:
    """Return the security rule with some properties; None if something of it is unknown, and the part in the reason."""
    rule = parse(Part(_ANY_GROUP, "", {"properties": msgspec.json.decode(content)}))
    if isinstance(rule, Unknown) or not rule.is_known:
        return None
    return msgspec.structs.replace(rule, part=None, content=content)


_ANY_GROUP: Final = resource({}, "")


def parse(part: Part) -> SecurityRule | Unknown:
    """Return the security rule of a part; unknown if its priority is, since its position is then unknown too."""
    priority = value(part, "properties.priority")
    bounds = interval(priority.value)
    if bounds is None:
        return unusable(priority, "a number")
    protocol = value(part, "properties.protocol")
    named = protocol.value.strip().lower() if isinstance(protocol.value, str) else ""
    numbered = named if named.isdigit() else ""
    return SecurityRule(
        part,
        bounds.low,
        _one_of(value(part, "properties.access"), "Allow", "Deny"),
        _one_of(value(part, "properties.direction"), "Inbound", "Outbound"),
        "*" if named in _ANY else _PROTOCOLS.get(named, numbered) or unusable(protocol, "a protocol"),
        _source_port_ranges(part),
        _port_ranges(part, "destinationPortRange"),
        _addresses(part, "source"),
        _addresses(part, "destination"),
    )


def _one_of(answer: Answer, yes: str, no: str) -> bool | Unknown:
    text = answer.value.strip().lower() if isinstance(answer.value, str) else ""
    return text == yes.lower() if text in {yes.lower(), no.lower()} else unusable(answer, f"{yes} or {no}")


def _texts(part: Part, singular: str, plural: str) -> Iterator[str | Unknown]:
    """Yield the texts of a property and of its plural, which is a list; empty texts are skipped."""
    one = value(part, f"properties.{singular}").value
    several = items(part, f"properties.{plural}[*]").value
    listed = several.known if isinstance(several, PartialList) else ()
    for path, found in ((singular, one), *((plural, member) for member in listed)):
        if isinstance(found, str):
            if found.strip():
                yield found.strip().lower()
        elif isinstance(found, Unknown):
            yield found
        elif found is not ABSENT:
            yield malformed(part, f"properties.{path}", found, "a text")
    if isinstance(several, PartialList) and several.missing is not None:
        yield several.missing


def _port_ranges(part: Part, singular: str) -> Ports:
    """Return the ports of a property and its plural.

    A rule without destination ports matches nothing; one without source ports matches every source port.
    """
    known: list[Ranges] = []
    unknown: Unknown | None = None
    plural = f"{singular}s"
    for text in _texts(part, singular, plural):
        found = text if isinstance(text, Unknown) else _port_range(text)
        if isinstance(found, tuple):
            known.append(found)
        else:
            unknown = unknown or found or malformed(part, f"properties.{singular}", text, "a range of ports")
    return Ports(union(*known), unknown)


def _source_port_ranges(part: Part) -> Ports:
    """Return the source ports of a rule, every port if it has neither property."""
    found = _port_ranges(part, "sourcePortRange")
    without = all(value(part, f"properties.sourcePortRange{end}").value is ABSENT for end in ("", "s"))
    return Ports(_PORTS) if without and found.unknown is None else found


def _port_range(text: str) -> Ranges | None:
    """Return the ports of a text, None if it is malformed."""
    if text in _ANY:
        return _PORTS
    low, _, high = text.partition("-")
    if not low.strip().isdecimal() or not (high or low).strip().isdecimal():
        return None
    first, last = int(low), int(high or low)
    return ((first, last),) if first <= last <= LAST_PORT else None


def _addresses(part: Part, side: str) -> Addresses:
    """Return the sources or the destinations of a rule."""
    known: dict[int, list[Ranges]] = {IPV4: [], IPV6: []}
    everywhere = network = probes = False
    tags: list[Tag] = []
    unknown: Unknown | None = None
    for text in _texts(part, f"{side}AddressPrefix", f"{side}AddressPrefixes"):
        if isinstance(text, Unknown):
            unknown = unknown or text
        elif text in _ANY or text == "internet":
            everywhere = everywhere or text in _ANY
            for family, ranges in known.items():
                ranges.append((EVERY if text in _ANY else INTERNET)[family])
        elif text == "virtualnetwork":
            network = True
        elif side == "source" and text == "azureloadbalancer":
            probes = True
        elif (found := prefix(part, f"properties.{side}AddressPrefix", text)) is None:
            unknown = unknown or malformed(
                part, f"properties.{side}AddressPrefix", text, "an address prefix or service tag"
            )
        else:
            for family, ranges in known.items():
                ranges.append(found.named[family])
            tags += found.tags if side == "source" else ()
    groups = items(part, f"properties.{side}ApplicationSecurityGroups[*].id").value
    members: list[object] = []
    if isinstance(groups, PartialList):
        members += groups.known
        unknown = unknown or groups.missing or next((member for member in members if isinstance(member, Unknown)), None)
    named = {family: union(*ranges) for family, ranges in known.items()}
    keys = frozenset(arm.key(m) for m in members if isinstance(m, str))
    return Addresses(named, everywhere, keys, unknown, tags=tuple(tags), network=network, probes=probes)


def prefix(part: Part, path: str, text: str) -> Addresses | None:
    """Return the Internet senders of an address prefix or service tag in lower case; None if it is malformed.

    The path in the part is that of the text, for the reason of an unknown.
    """
    if _TAG.fullmatch(text):
        who = service_tags.senders(text)
        if who is Senders.SERVICE:
            return NO_ADDRESS
        where = f"{part.resource.id}: {join(part.path, path)}"
        reason = f"{where} is the service tag {text}: {who.value}"
        doubt = None if who is Senders.ANYONE else Unknown(Cause.VALUE, reason, about=(part.resource.id,))
        return msgspec.structs.replace(NO_ADDRESS, tags=(Tag(text, doubt),))
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return Addresses({**NO_ADDRESS.named, network.version: range_of(network)})


def _default(
    priority: int, sources: Addresses, destinations: Addresses, *, inbound: bool, allows: bool
) -> SecurityRule:
    """Return a default rule."""
    return SecurityRule(None, priority, allows, inbound, "*", Ports(_PORTS), Ports(_PORTS), sources, destinations)


_NETWORK: Final = msgspec.structs.replace(NO_ADDRESS, network=True)
_PROBES: Final = msgspec.structs.replace(NO_ADDRESS, probes=True)
_ANYWHERE: Final = msgspec.structs.replace(EVERY_ADDRESS, everywhere=True)
_INTERNET: Final = Addresses(dict(INTERNET))

DEFAULT_RULES: Final = (
    _default(65000, _NETWORK, _NETWORK, inbound=True, allows=True),
    _default(65001, _PROBES, _ANYWHERE, inbound=True, allows=True),
    _default(65500, _ANYWHERE, _ANYWHERE, inbound=True, allows=False),
    _default(65000, _NETWORK, _NETWORK, inbound=False, allows=True),
    _default(65001, _ANYWHERE, _INTERNET, inbound=False, allows=True),
    _default(65500, _ANYWHERE, _ANYWHERE, inbound=False, allows=False),
)
"""Azure's default rules, for bodies that do not have them."""
