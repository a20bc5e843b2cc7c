"""The rows of a picture: names, entrances, tiers, mirrors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.estate.declaration import Role
from auditor.estate.subjects import Deployment, Members, Mirror
from auditor.evaluation.picture.model import Row
from auditor.snapshot.known import PartialList
from auditor.snapshot.model import Resource

NAMES: Final = "names"
GATEWAYS: Final = "gateways"
LOAD_BALANCERS: Final = "load-balancers"
MIRROR_LOAD_BALANCERS: Final = "mirror-load-balancers"
ARBITERS: Final = "arbiters"
OTHERS: Final = "undeclared"

ANYWHERE: Final = "no zone"
"""The place of a VM in no zone and no availability set."""
UNREAD: Final = "not read"
"""The end of the name of a place or region that was not read."""

TIERS: Final = {
    Role.WEB: "Web servers",
    Role.APP: "Application servers",
    Role.PRINT: "Print servers",
    Role.DB: "Database servers",
}
"""The titles of the rows of tiers, from top to bottom."""


def rows(deployment: Deployment) -> Iterator[Row]:
    """Yield all rows from top to bottom, each with the subjects whose findings belong to it as a whole."""
    yield Row(NAMES, "Names")
    yield Row(GATEWAYS, "Application gateways")
    yield Row(LOAD_BALANCERS, "Load balancers")
    for role, title in TIERS.items():
        for product in dict.fromkeys(tier.declared.product for tier in deployment.tiers if tier.declared.role is role):
            subjects = (t.id for t in deployment.tiers if (t.declared.role, t.declared.product) == (role, product))
            yield Row(tier_row(role, product), f"{title}, {product}" if product else title, tuple(subjects))
    yield Row(MIRROR_LOAD_BALANCERS, "Load balancers of mirrors")
    for mirror in deployment.mirrors:
        yield Row(mirror_row(mirror), f"Mirror {mirror.declared.name}", (mirror.id,))
    yield Row(ARBITERS, "Arbiters" if len(deployment.mirrors) > 1 else "Arbiter")
    yield Row(OTHERS, "Not declared")


def tier_row(role: str, product: str) -> str:
    """Return the id of the row of a tier."""
    return f"{role}/{product}" if product else str(role)


def mirror_row(mirror: Mirror) -> str:
    """Return the id of the row of a mirror."""
    return f"mirror/{mirror.declared.name}"


def vms(members: Members) -> list[Resource]:
    """Return the known VMs of a role."""
    return PartialList.of(members).of_type(Resource)
