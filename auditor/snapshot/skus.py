"""SKU records (`Microsoft.Compute/skus`): what Azure offers in a region, as resources.

Azure returns them without an id, and the snapshot file has them as records of their own; this is where they get one.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Any, Final
from urllib.parse import quote

import msgspec

from auditor.azure import arm
from auditor.azure.types.names import SKU
from auditor.snapshot.model import Resource, resource

_ENCODE: Final = msgspec.json.Encoder(order="deterministic").encode


def is_sku_record(body: object) -> bool:
    """Return whether an element of an ARM list is a SKU record."""
    return isinstance(body, dict) and "id" not in body and "resourceType" in body and "capabilities" in body


def sku_identity(body: Any) -> tuple[str, str, str, str]:  # noqa: ANN401 - a raw ARM body
    """Return what distinguishes one SKU record from others: resource type, name, size and regions."""
    locations = body.get("locations")
    regions = ",".join(sorted(str(region) for region in locations)) if isinstance(locations, list) else ""
    return str(body.get("resourceType")), str(body.get("name")), str(body.get("size") or ""), regions


def sku(body: dict[str, object], others: Container[str] = (), subscription: str = "") -> Resource:
    """Return a SKU record as a resource. It belongs to no subscription: each may use what Azure offers.

    If it has restrictions, which are those of one subscription, it belongs to `subscription` where that is known. Its
    id has a number where `others` have the id as a key: the lists of several subscriptions repeat records.
    """
    name = ":".join(quote(text, safe=",") for text in sku_identity(body))
    owner = subscription if body.get("restrictions") else ""
    arm_id = whole = f"{owner}/providers/Microsoft.Compute/skus/{name}"
    number = 1
    while arm.key(arm_id) in others:
        number += 1
        arm_id = f"{whole}:{number}"
    return resource(body, arm_id)


def is_offered(found: Resource) -> bool:
    """Return whether a resource is a SKU record of no subscription."""
    return found.type == SKU and not arm.subscription_of(found.key)


def each_once(records: Iterable[Resource]) -> Iterator[Resource]:
    """Yield distinct SKU records of no subscription, with ids that do not depend on the order of the records."""
    bodies = {_ENCODE(record.body): record.body for record in records}
    seen: set[str] = set()
    for data in sorted(bodies, key=lambda data: (sku_identity(bodies[data]), data)):
        record = sku(bodies[data], seen)
        seen.add(record.key)
        yield record


def cited_id(subscription: str, name: str) -> str:
    """Return the id under which findings cite what a subscription is offered as a SKU."""
    return f"{subscription}/providers/Microsoft.Compute/skus/{name}"
