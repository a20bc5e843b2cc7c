"""Declarations by tags of VMs, which complete those of the deployment file."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from auditor.azure import paths
from auditor.azure.types.names import VM
from auditor.estate.declaration import DeclaredDeployment, DeclaredMirror, DeclaredTier, Role, Roster, Selector
from auditor.estate.graph import Graph
from auditor.snapshot.model import Resource

TAG_DEPLOYMENT: Final = "iris-deployment"
TAG_ROLE: Final = "iris-role"
TAG_MIRROR: Final = "iris-mirror"
TAG_PRODUCT: Final = "iris-product"

TIER_ROLES: Final = (Role.WEB, Role.APP, Role.PRINT, Role.DB)
"""The roles that tags declare as tiers."""

PRODUCT: Final = re.compile(r"[a-z][a-z0-9-]{0,63}")
"""The name of a product in the deployment file."""


def tag(resource: Resource, name: str) -> str:
    """Return the value of a tag, "" without it; tag names are compared case-insensitively."""
    found = paths.get(resource.body, ("tags", name))
    return found if isinstance(found, str) else ""


def tags_of(resource: Resource) -> Iterator[tuple[str, str]]:
    """Yield the names and values of the tags of a resource that are texts."""
    found = paths.get(resource.body, ("tags",))
    for name, value in found.items() if isinstance(found, dict) else ():
        if isinstance(value, str):
            yield name, value


def from_tags(graph: Graph, declared: Iterable[DeclaredDeployment]) -> tuple[DeclaredDeployment, ...]:
    """Return declarations completed by tags: undeclared roles of the file's deployments, and deployments of tags alone.

    A tag never overrides the file.
    """
    tagged: dict[str, list[Resource]] = defaultdict(list)
    names: dict[str, str] = {}
    for vm in graph.by_type.get(VM, ()):
        name = tag(vm, TAG_DEPLOYMENT)
        if name and "/" not in name and tag(vm, TAG_ROLE):
            tagged[name.casefold()].append(vm)
            names.setdefault(name.casefold(), name)
    by_file = {deployment.name.casefold(): deployment for deployment in declared}
    completed = [_complete(deployment, tagged.get(key, [])) for key, deployment in by_file.items()]
    completed += [
        _complete(DeclaredDeployment(name=names[key], product=_one_of(map(_product, tagged[key]))), tagged[key])
        for key in sorted(tagged)
        if key not in by_file
    ]
    return tuple(completed)


def _one_of(products: Iterable[str]) -> str:
    """Return the product of several tags, "" if they differ or there is none."""
    found = set(products) - {""}
    return found.pop() if len(found) == 1 else ""


def _product(vm: Resource) -> str:
    """Return the product in the tag of a VM, "" if it is not a product name."""
    found = tag(vm, TAG_PRODUCT).lower()
    return found if PRODUCT.fullmatch(found) else ""


def _product_within(deployment: DeclaredDeployment, vm: Resource) -> str:
    """Return the HealthShare product in the tag of a VM, "" without one."""
    found = _product(vm)
    return found if deployment.product == "healthshare" and found != deployment.product else ""


def _tagged(vms: list[Resource], role: Role) -> Roster:
    """Return the VMs whose tags declare a role."""
    selectors = tuple(Selector("id", vm.id, tag=TAG_ROLE) for vm in vms if tag(vm, TAG_ROLE).lower() == role)
    return Roster(declared=bool(selectors), selectors=selectors)


def _complete_mirror(mirror: DeclaredMirror, vms: list[Resource]) -> DeclaredMirror:
    """Declare by tags the roles that a mirror does not declare."""
    return msgspec.structs.replace(
        mirror,
        failover=mirror.failover if mirror.failover.declared else _tagged(vms, Role.MIRROR_FAILOVER),
        arbiter=mirror.arbiter if mirror.arbiter.declared else _tagged(vms, Role.MIRROR_ARBITER),
        dr=mirror.dr if mirror.dr.declared else _tagged(vms, Role.MIRROR_DR),
        reporting=mirror.reporting if mirror.reporting.declared else _tagged(vms, Role.MIRROR_REPORTING),
    )


def _complete(deployment: DeclaredDeployment, vms: list[Resource]) -> DeclaredDeployment:
    """Declare by tags the roles that a deployment does not declare."""

    def of_mirror(name: str) -> list[Resource]:
        return [vm for vm in vms if tag(vm, TAG_MIRROR).casefold() == name.casefold()]

    mirrors = list(deployment.mirrors or ())
    tagged_mirrors = sorted({tag(vm, TAG_MIRROR) for vm in vms} - {""})
    for name in tagged_mirrors if deployment.mirrors is None else ():
        if "/" not in name and name.casefold() not in {mirror.name.casefold() for mirror in mirrors}:
            product = _one_of(_product_within(deployment, vm) for vm in of_mirror(name))
            mirrors.append(DeclaredMirror(name, product or deployment.product, "load-balancer", Roster()))
    tiers = list(deployment.tiers or ())
    declared_roles = {tier.role for tier in tiers}
    by_product: dict[str, list[Resource]] = defaultdict(list)
    for vm in vms:
        by_product[_product_within(deployment, vm)].append(vm)
    tiers += [
        DeclaredTier(role=role, members=roster, product=product)
        for role in (TIER_ROLES if deployment.tiers != () else ())
        if role not in declared_roles
        for product in sorted(by_product)
        if (roster := _tagged(by_product[product], role)).declared
    ]
    return msgspec.structs.replace(
        deployment,
        mirrors=tuple(_complete_mirror(mirror, of_mirror(mirror.name)) for mirror in mirrors)
        if mirrors or deployment.mirrors is not None
        else None,
        tagged_mirrors=deployment.mirrors is None and bool(mirrors),
        tiers=tuple(tiers) if tiers or deployment.tiers is not None else None,
    )
