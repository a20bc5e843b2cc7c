"""Subscriptions, their resource groups and regions, and services that describe them; and what holds for all types."""

from __future__ import annotations

from typing import Final

from auditor.azure.types.model import IdentityProperties, Namespace, ResourceType, Since, Version, Via, Volatile

EVERY_PROVIDER: Final = Namespace(
    "",
    IdentityProperties(created=("systemData.createdAt",)),
    (
        Volatile(
            ("**.etag", "**.gatewayManagerEtag"),
            "is new after every write, also after those of Azure itself",
            meaningless=True,
        ),
        Volatile(
            ("**.provisioningState", "**.provisioningTime"),
            "shows the result of the last write, not the state of the resource",
            meaningless=True,
        ),
        Volatile(
            (
                "**.changedTime",
                "**.lastModified",
                "**.lastModifiedAt",
                "**.lastModifiedBy",
                "**.lastModifiedByType",
                "**.lastModifiedTime",
                "**.lastUpdatedTime",
            ),
            "shows when and by which identity a change was made; the change itself is compared",
            meaningless=True,
        ),
    ),
)

TYPES: Final = (
    ResourceType(
        "Microsoft.Resources/subscriptions",
        Version("2022-12-01", "stable; only the id and the name are read"),
        Via.NONE,
        path="",
        has_properties=False,
    ),
    ResourceType(
        "Microsoft.Management/managementGroups",
        Version("2020-05-01", "stable; only the id and the name are read"),
        Via.NONE,
    ),
    ResourceType(
        "Microsoft.Management/managementGroups/descendants",
        Version("2020-05-01", "stable; only the ids of subscriptions are read"),
        Via.NONE,
        path="/descendants",
    ),
    ResourceType(
        "Microsoft.Authorization/permissions",
        Version("2022-04-01", "stable; it says what roles grant at the subscription itself"),
        Via.NONE,
    ),
    ResourceType(
        "Microsoft.ResourceGraph/resources",
        Version("2021-03-01", "stable; rows as objects and the number of all records are in it"),
        Via.NONE,
    ),
    ResourceType(
        "Microsoft.Resources/resourceGroups",
        Version("2021-04-01", "stable; only the id, the region and tags are read"),
        path="/resourcegroups",
        permission="Microsoft.Resources/subscriptions/resourceGroups/read",
    ),
    # A zone number has a meaning within one subscription only: `availabilityZoneMappings` has the physical zones.
    ResourceType(
        "Microsoft.Resources/subscriptions/locations",
        Version("2022-12-01", "`availabilityZoneMappings` is in it"),
        path="/locations",
        has_properties=False,
        since=(Since("2022-12-01", ("availabilityZoneMappings",)),),
        volatile=(Volatile(("**",), "shows which regions and zones Azure offers, not what was built there"),),
    ),
)
