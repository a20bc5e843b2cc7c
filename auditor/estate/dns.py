"""Domain names: the public IP address of a name, and the Traffic Manager profiles with an endpoint at an address.

The domain name that Azure assigns to a public IP address is a property of that resource (`dnsSettings.fqdn`), so
endpoints with a name are joined by data of Azure Resource Manager and not by a naming convention.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import PUBLIC_ADDRESS, TRAFFIC_MANAGER
from auditor.estate.caching import cached_value
from auditor.estate.graph import Graph
from auditor.estate.indexes import Doubts
from auditor.snapshot.known import Answer, Cause, Unknown
from auditor.snapshot.lookup import objects, unusable, value
from auditor.snapshot.model import Part, Resource

ENDPOINTS: Final = "properties.endpoints[*]"

_OF_OTHER_SERVICES: Final = (
    ".azurewebsites.net",
    ".azurecontainerapps.io",
    ".azurestaticapps.net",
    ".azure-api.net",
    ".core.windows.net",
)
"""Suffixes of domain names of Azure services without VMs: apps, functions, APIs, storage."""

_OF_PROFILES: Final = "trafficmanager."
"""What the domain names of Traffic Manager profiles have in all clouds."""


class Dns:
    """Domain names of public IP addresses; the indexes are built once."""

    def __init__(self, graph: Graph) -> None:
        """Take the graph; indexes are built at their first use."""
        self.graph = graph
        self._resolved: dict[str, list[Resource | Unknown]] = {}

    def address(self, name: str) -> Resource | Unknown | None:
        """Return the public IP address with a domain name or address; None for an Azure service without VMs."""
        name = _comparable(name)
        if name in self._addresses:
            return self._addresses[name]
        if name.endswith(_OF_OTHER_SERVICES):
            return None
        reason = f"the target of {name} is unknown: no public IP address that was read has that name"
        return self._unread(PUBLIC_ADDRESS) or Unknown(Cause.VALUE, reason)

    def profile(self, name: str) -> Resource | Unknown | None:
        """Return the Traffic Manager profile that has a domain name, None if none has it.

        Unknown if it is the name of a profile, and not all profiles were read.
        """
        name = _comparable(name)
        found = self._named_profiles.get(name)
        return found or (self._unread(TRAFFIC_MANAGER) if _OF_PROFILES in name else None)

    def _unread(self, type_: str) -> Unknown | None:
        """Return why some resource of a type may have any name, None if all were read."""
        hidden = self.graph.all_hidden(type_, "properties")
        return self.graph.unlisted(type_, self.graph.snapshot.scopes) or next(iter(hidden), None)

    @cached_value
    def _named_profiles(self) -> dict[str, Resource]:
        """The Traffic Manager profiles by domain name."""
        profiles = self.graph.by_type.get(TRAFFIC_MANAGER, ())
        named = ((value(profile, "properties.dnsConfig.fqdn").value, profile) for profile in profiles)
        return {_comparable(name): profile for name, profile in named if isinstance(name, str)}

    @cached_value
    def _addresses(self) -> dict[str, Resource | Unknown]:
        """The public IP addresses by domain name and by address; unknown if several have it."""
        by_name: dict[str, Resource | Unknown] = {}
        for address in self.graph.by_type.get(PUBLIC_ADDRESS, ()):
            for path in ("properties.dnsSettings.fqdn", "properties.ipAddress"):
                found = value(address, path).value
                if isinstance(found, str):
                    other = by_name.setdefault(_comparable(found), address)
                    if isinstance(other, Resource) and other is not address:
                        reason = f"the target of {found} is unknown: {other.id} and {address.id} have it (malformed)"
                        about = (other.id, address.id)
                        by_name[_comparable(found)] = Unknown(Cause.VALUE, reason, about=about)
        return by_name

    def target(self, endpoint: Part) -> Answer:
        """Return the target of a Traffic Manager endpoint; absent if it is an Azure service without VMs."""
        target = self.graph.follow(endpoint, "targetResourceId")
        if target.value is not ABSENT:
            return target
        if not is_external(endpoint):
            reason = f"{endpoint.id} has no target: it was deleted"
            return Answer(Unknown(Cause.VALUE, reason, about=(endpoint.resource.id,)), target.reads)
        name = value(endpoint, "properties.target")
        if not isinstance(name.value, str):
            return Answer(unusable(name, "a domain name"), name.reads)
        found = self.address(name.value)
        return Answer(ABSENT if found is None else found, name.reads)

    def profiles_at(self, address: Resource) -> list[Resource]:
        """Return the Traffic Manager profiles with an endpoint at a public IP address, as far as known."""
        return self._profiles.get(address.key, [])

    @cached_value
    def _profiles(self) -> dict[str, list[Resource]]:
        """The Traffic Manager profiles by the key of each target."""
        found: dict[str, list[Resource]] = defaultdict(list)
        for profile in self.graph.by_type.get(TRAFFIC_MANAGER, ()):
            for key in dict.fromkeys(t.key for t in self.targets(profile) if isinstance(t, Resource)):
                found[key].append(profile)
        return found

    def targets(self, profile: Resource) -> list[Resource | Unknown]:
        """Return the targets of the endpoints of a Traffic Manager profile; unknown ones included.

        A nested endpoint has the targets of the profile that it refers to.
        """
        if profile.key not in self._resolved:
            self._resolved[profile.key] = self._targets(profile, frozenset())
        return self._resolved[profile.key]

    def _targets(self, profile: Resource, above: frozenset[str]) -> list[Resource | Unknown]:
        """Return the targets of a profile that is nested in those with the keys `above`."""
        if profile.key in above:
            return [Unknown(Cause.VALUE, f"{profile.id} leads to itself (malformed)", about=(profile.id,))]
        endpoints = objects(profile, ENDPOINTS)
        found: list[Resource | Unknown] = endpoints.of_type(Unknown)
        for target in (self.target(endpoint).value for endpoint in endpoints.of_type(Part)):
            if isinstance(target, Resource) and target.type == TRAFFIC_MANAGER:
                found += self._targets(target, above | {profile.key})
            elif isinstance(target, Resource | Unknown):
                found.append(target)
        return [*found, *filter(None, (endpoints.missing,))]

    def is_nested(self, profile: Resource) -> bool:
        """Return whether an endpoint of another Traffic Manager profile is known to lead to a profile."""
        return profile.key in self._nested

    @cached_value
    def _nested(self) -> set[str]:
        """The keys of the profiles to which an endpoint of another profile leads."""
        profiles = self.graph.by_type.get(TRAFFIC_MANAGER, ())
        ends = (self.target(end).value for profile in profiles for end in objects(profile, ENDPOINTS).of_type(Part))
        return {end.key for end in ends if isinstance(end, Resource) and end.type == TRAFFIC_MANAGER}

    @cached_value
    def doubtful(self) -> list[tuple[Resource, tuple[Unknown, ...]]]:
        """The Traffic Manager profiles that may have further targets, and why.

        An unresolved name, or a target that was deleted, is not a reason if another endpoint of the profile has a known
        target.
        """
        found = []
        for profile in self.graph.by_type.get(TRAFFIC_MANAGER, ()):
            ends = objects(profile, ENDPOINTS).of_type(Part)
            astray = [self.graph.follow(end, "targetResourceId").value for end in ends]
            targets = self.targets(profile)
            known = any(isinstance(target, Resource) for target in targets)
            unclear = (target for target in targets if isinstance(target, Unknown))
            if doubts := tuple(doubt for doubt in unclear if doubt.cause is Cause.GAP or not known or doubt in astray):
                found.append((profile, doubts))
        return found

    @cached_value
    def doubts(self) -> Doubts:
        """What is `doubtful`, by subscription."""
        return Doubts(self.doubtful)


def is_external(endpoint: Part) -> bool:
    """Return whether a Traffic Manager endpoint has a domain name or IP address as target instead of a resource id."""
    to_azure = str(value(endpoint, "type").value).lower().endswith("/azureendpoints")
    return not to_azure and value(endpoint, "properties.targetResourceId").value is ABSENT


def _comparable(name: str) -> str:
    """Return a domain name or IP address in the form for comparison: lower case, without a trailing dot."""
    return name.strip().rstrip(".").lower()
