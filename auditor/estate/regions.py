"""The regions of a deployment: those that are declared, as far as something is there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from auditor.azure import arm
from auditor.azure.types.names import VIRTUAL_NETWORK
from auditor.estate.declaration import NONE, DeclaredDeployment, Role
from auditor.estate.graph import Graph
from auditor.estate.subjects import DeclaredMember, Regions
from auditor.snapshot.known import Cause, PartialList, Read, Unknown
from auditor.snapshot.lookup import required, unusable, value
from auditor.snapshot.model import Resource


class Places(msgspec.Struct, frozen=True):
    """Where the declared members of a deployment are, except arbiters, which may be in a region of their own."""

    regions: Mapping[str, list[Read]]
    """What shows it, by region."""
    missing: Unknown | None
    """Why members may be in further regions."""


def places_of(
    declared: DeclaredDeployment, members: Iterable[DeclaredMember], roles: Mapping[str, tuple[Role, ...]]
) -> Places:
    """Return where the declared members of a deployment are; their roles are by the key of the VM."""
    vms = [member.vms for member in members]
    joined = PartialList.joined(*vms)
    missing = joined.incomplete_because
    regions: dict[str, list[Read]] = {}
    for vm in joined.of_type(Resource):
        if roles.get(vm.key) == (Role.MIRROR_ARBITER,):
            continue
        place = required(value(vm, "location"))
        if isinstance(place.value, str):
            regions.setdefault(arm.location(place.value), []).extend(place.reads)
        else:
            missing = missing or unusable(place, "a text")
    if not vms:
        missing = Unknown(Cause.DECLARATION, f"no member of {declared.name} is declared")
    return Places(regions, missing)


def regions_of(graph: Graph, declared: DeclaredDeployment, subscriptions: tuple[str, ...], places: Places) -> Regions:
    """Return the regions of a deployment; unknown is one in which it has nothing although its members are known."""
    return Regions(_primary(declared, places), _dr(graph, declared, subscriptions, places))


def network_in(graph: Graph, region: str, subscriptions: tuple[str, ...]) -> Resource | Unknown | None:
    """Return a virtual network in a region, unknown if they were not all listed, None if there is none."""
    found = graph.in_region(VIRTUAL_NETWORK, region, subscriptions)
    return next(iter(found), None) or graph.unlisted(VIRTUAL_NETWORK, subscriptions)


def _primary(declared: DeclaredDeployment, places: Places) -> str | Unknown:
    region = declared.primary_region
    if not region:
        return _undeclared(declared, "primary")
    return region if region in places.regions or not places.regions else _empty(declared, "primary", places)


def _dr(graph: Graph, declared: DeclaredDeployment, subscriptions: tuple[str, ...], places: Places) -> str | Unknown:
    region = declared.dr_region
    if not region:
        return _undeclared(declared, "DR")
    if region == NONE or region in places.regions or not places.regions:
        return region
    # A region that has a network but no members yet is prepared, unless it is mistaken for that of some members.
    prepared = network_in(graph, region, subscriptions) if places.regions.keys() <= {declared.primary_region} else None
    return region if isinstance(prepared, Resource) else prepared or _empty(declared, "DR", places)


def _undeclared(declared: DeclaredDeployment, which: str) -> Unknown:
    reason = f"the {which} region of {declared.name} is not declared: add it to `regions` in the deployment file"
    return Unknown(Cause.DECLARATION, reason)


def _empty(declared: DeclaredDeployment, which: str, places: Places) -> Unknown:
    """Return that a declared region has nothing of the deployment, or that this is unknown."""
    if places.missing is not None and places.missing.cause is not Cause.DECLARATION:
        return places.missing
    region = declared.primary_region if which == "primary" else declared.dr_region
    known = ", ".join(sorted(places.regions))
    reason = f"no member of {declared.name} is in {region}, its {which} region, but in {known}: correct `regions`"
    return Unknown(Cause.DECLARATION, reason)
