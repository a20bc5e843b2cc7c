"""Roles that tags give to machines where no deployment file does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import msgspec

from auditor import paths
from auditor.model import DeclaredDeployment, DeclaredMirror, DeclaredTier, Resource, Role, Roster, Selector
from auditor.topology.graph import VM, Graph

TAG_DEPLOYMENT: Final = "iris-deployment"
TAG_ROLE: Final = "iris-role"
TAG_MIRROR: Final = "iris-mirror"
TAG_PRODUCT: Final = "iris-product"


def tag(resource: Resource, name: str) -> str:
    """Return the value of a tag, "" where the resource has none; tag names are compared without regard to case."""
    found = paths.get(resource.body, ("tags", name))
    return found if isinstance(found, str) else ""


def from_tags(graph: Graph, declared: Iterable[DeclaredDeployment]) -> tuple[DeclaredDeployment, ...]:
    """Return declarations completed by tags: roles that the file leaves open, and deployments that only tags name.

    A tag never changes what a file declares.
    """
    tagged: dict[str, list[Resource]] = defaultdict(list)
    names: dict[str, str] = {}
    for machine in graph.by_type.get(VM, ()):
        name = tag(machine, TAG_DEPLOYMENT)
        if name and "/" not in name and tag(machine, TAG_ROLE):
            tagged[name.casefold()].append(machine)
            names.setdefault(name.casefold(), name)
    by_file = {deployment.name.casefold(): deployment for deployment in declared}
    completed = [_complete(deployment, tagged.get(key, [])) for key, deployment in by_file.items()]
    completed += [
        _complete(DeclaredDeployment(name=names[key], product=_product(tagged[key])), tagged[key])
        for key in sorted(tagged)
        if key not in by_file
    ]
    return tuple(completed)


def _product(machines: list[Resource]) -> str:
    """Return the product that all machines of a deployment are tagged with, "" where they are not of one mind."""
    products = {tag(machine, TAG_PRODUCT).lower() for machine in machines} - {""}
    return products.pop() if len(products) == 1 else ""


def _complete(deployment: DeclaredDeployment, machines: list[Resource]) -> DeclaredDeployment:
    """Fill the rosters that a declaration leaves open with the machines whose tags name the role."""

    def roster(role: Role, mirror: str = "", product: str = "") -> Roster:
        selectors = tuple(
            Selector("id", machine.id, tag=TAG_ROLE)
            for machine in machines
            if tag(machine, TAG_ROLE).lower() == role
            and (not mirror or tag(machine, TAG_MIRROR).casefold() == mirror.casefold())
            and (not product or tag(machine, TAG_PRODUCT).lower() == product)
        )
        return Roster(declared=bool(selectors), selectors=selectors)

    mirrors = list(deployment.mirrors or ())
    tagged_mirrors = sorted({tag(machine, TAG_MIRROR) for machine in machines} - {""})
    for name in tagged_mirrors if deployment.mirrors is None else ():
        if "/" not in name and name.casefold() not in {mirror.name.casefold() for mirror in mirrors}:
            mirrors.append(DeclaredMirror(name, deployment.product, "load-balancer", Roster()))
    tiers = list(deployment.tiers or ())
    tagged_tiers = (Role.WEB, Role.APP, Role.PRINT, Role.DB) if deployment.tiers != () else ()
    declared_roles = {tier.role for tier in tiers}
    tiers += [
        DeclaredTier(role=role, members=roster(role))
        for role in tagged_tiers
        if role not in declared_roles and roster(role).declared
    ]
    return msgspec.structs.replace(
        deployment,
        mirrors=tuple(
            msgspec.structs.replace(
                mirror,
                failover=mirror.failover if mirror.failover.declared else roster(Role.MIRROR_FAILOVER, mirror.name),
                arbiter=mirror.arbiter if mirror.arbiter.declared else roster(Role.MIRROR_ARBITER, mirror.name),
                dr=mirror.dr if mirror.dr.declared else roster(Role.MIRROR_DR, mirror.name),
                reporting=mirror.reporting if mirror.reporting.declared else roster(Role.MIRROR_REPORTING, mirror.name),
            )
            for mirror in mirrors
        )
        if mirrors or deployment.mirrors is not None
        else None,
        tiers=tuple(tiers) if tiers or deployment.tiers is not None else None,
    )
