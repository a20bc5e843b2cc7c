"""Naming: which public address a name on the Internet stands for, and what leads to it by that name.

Azure writes the name that it gives to a public address into the address itself (`dnsSettings.fqdn`), so that whoever
goes there by name is joined by a property of Azure Resource Manager and not by a convention.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import Final

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import PUBLIC_ADDRESS, TRAFFIC_MANAGER
from auditor.estate.graph import Graph
from auditor.snapshot.known import Answer, Cause, Unknown
from auditor.snapshot.lookup import objects, unread, value
from auditor.snapshot.model import Part, Resource

ENDPOINTS: Final = "properties.endpoints[*]"

_OF_OTHER_SERVICES: Final = (
    ".azurewebsites.net",
    ".azurecontainerapps.io",
    ".azurestaticapps.net",
    ".azure-api.net",
    ".core.windows.net",
)
"""How names end that Azure gives to services without machines: apps, functions, interfaces, storage."""


class Naming:
    """Names of public addresses, each looked up once."""

    def __init__(self, graph: Graph) -> None:
        """Keep the graph; nothing is worked out before it is asked for."""
        self.graph = graph
        self._addresses: dict[str, Resource] | None = None
        self._profiles: dict[str, list[Resource]] | None = None

    def address(self, name: str) -> Resource | Unknown | None:
        """Return the public address of a fully qualified domain name or IP address; None where it is no machine's."""
        if self._addresses is None:
            self._addresses = {}
            for address in self.graph.by_type.get(PUBLIC_ADDRESS, ()):
                for path in ("properties.dnsSettings.fqdn", "properties.ipAddress"):
                    found = value(address, path).value
                    if isinstance(found, str):
                        self._addresses.setdefault(_comparable(found), address)
        name = _comparable(name)
        if name in self._addresses:
            return self._addresses[name]
        if name.endswith(_OF_OTHER_SERVICES):
            return None
        gaps = (
            *(self.graph.listing(PUBLIC_ADDRESS, subscription) for subscription in self.graph.snapshot.scopes),
            *(unread(address, "properties") for address in self.graph.unreadable.get(PUBLIC_ADDRESS, ())),
        )
        nobody = Unknown(
            Cause.VALUE, f"where {name} leads cannot be told: no public address that was read has that name"
        )
        return next(filter(None, gaps), nobody)

    def target(self, endpoint: Part) -> Answer:
        """Return the resource that an endpoint of a profile leads to; absent where it is no machine's."""
        reference = value(endpoint, "properties.targetResourceId")
        if isinstance(reference.value, str):
            return Answer(self.graph.get(reference.value), reference.reads)
        if not is_external(endpoint):
            reason = f"{endpoint.id} leads to nothing, since what it led to was deleted"
            deleted = Unknown(Cause.VALUE, reason, about=(endpoint.resource.id,))
            return Answer(deleted if reference.value is ABSENT else _unclear(endpoint, reference), reference.reads)
        name = value(endpoint, "properties.target")
        if not isinstance(name.value, str):
            return Answer(_unclear(endpoint, name), name.reads)
        found = self.address(name.value)
        return Answer(ABSENT if found is None else found, name.reads)

    def profiles_at(self, address: Resource) -> list[Resource]:
        """Return the Traffic Manager profiles that are known to lead to a public address."""
        if self._profiles is None:
            self._profiles = defaultdict(list)
            for profile in self.graph.by_type.get(TRAFFIC_MANAGER, ()):
                for key in dict.fromkeys(t.key for t in self.targets(profile) if isinstance(t, Resource)):
                    self._profiles[key].append(profile)
        return self._profiles.get(address.key, [])

    def targets(self, profile: Resource) -> list[Resource | Unknown]:
        """Return what the endpoints of a profile lead to, or why that is not known."""
        endpoints = objects(profile, ENDPOINTS)
        found = [*(self.target(endpoint).value for endpoint in endpoints.only(Part)), *endpoints.only(Unknown)]
        return [target for target in found if isinstance(target, Resource | Unknown)]

    @cached_property
    def doubtful(self) -> list[tuple[Resource, tuple[Unknown, ...]]]:
        """The profiles that may lead to an address that they are not known to lead to, and why.

        A name that nobody was found to have is no reason where another endpoint tells whose profile it is.
        """
        found = []
        for profile in self.graph.by_type.get(TRAFFIC_MANAGER, ()):
            targets = self.targets(profile)
            known = any(isinstance(target, Resource) for target in targets)
            unclear = (target for target in targets if isinstance(target, Unknown))
            if doubts := tuple(doubt for doubt in unclear if doubt.cause is Cause.GAP or not known):
                found.append((profile, doubts))
        return found


def is_external(endpoint: Part) -> bool:
    """Tell whether an endpoint of a Traffic Manager profile names what it leads to, and does not refer to it by id."""
    to_azure = str(value(endpoint, "type").value).lower().endswith("/azureendpoints")
    return not to_azure and value(endpoint, "properties.targetResourceId").value is ABSENT


def _comparable(name: str) -> str:
    """Return a domain name or IP address as it is compared: without regard to case and the root's full stop."""
    return name.strip().rstrip(".").lower()


def _unclear(endpoint: Part, answer: Answer) -> Unknown:
    if isinstance(answer.value, Unknown):
        return answer.value
    reason = f"{endpoint.resource.id}: {endpoint.path} does not say where it leads (malformed)"
    return Unknown(Cause.VALUE, reason, about=(endpoint.resource.id,))
