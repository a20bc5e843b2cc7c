"""Azure Front Door, its Web Application Firewall policies, and the private links by which it reaches load balancers."""

from __future__ import annotations

from typing import Final

from auditor.azure.types.model import PartKind, Reference, ResourceType, Version, Via
from auditor.azure.types.names import (
    FRONT_DOOR_CLASSIC,
    FRONT_DOOR_WAF_POLICY,
    LOAD_BALANCER,
    ORIGIN_GROUP,
)

_FRONT_DOOR: Final = Version("2024-02-01", "the one that public code calls most; origins have private links in it")
_CLASSIC: Final = Version("2021-06-01", "the newest recorded one")
_POLICIES: Final = Version("2024-02-01", "stable; it has a list of the policies of a subscription")
_SERVICES: Final = Version("2024-05-01", "that of the other network resources")

_PROFILES: Final = "Microsoft.Cdn/profiles"
_SKUS: Final = ("sku.name", ("Standard_AzureFrontDoor", "Premium_AzureFrontDoor"))
"""The profiles that are Front Doors; Azure CDN has the others, and refuses the lists of these."""


def _of_profile(parent: str, collection: str, *references: Reference) -> ResourceType:
    """Return the type of what a Front Door has."""
    owner = f"{_PROFILES}{parent}"
    return ResourceType(
        f"{owner}/{collection}",
        _FRONT_DOOR,
        Via.PARENT,
        parent=owner,
        parents=None if parent else _SKUS,
        path=f"/{collection}",
        references=references,
    )


TYPES: Final = (
    ResourceType(
        _PROFILES,
        _FRONT_DOOR,
        kind="front-door",
        about="an Azure Front Door, Standard or Premium; other profiles, of Azure CDN, belong to no deployment",
    ),
    _of_profile("", "afdEndpoints"),
    _of_profile("/afdEndpoints", "routes", Reference("properties.originGroup.id", ORIGIN_GROUP, reached=False)),
    _of_profile("", "originGroups"),
    _of_profile("/originGroups", "origins"),
    _of_profile(
        "",
        "securityPolicies",
        Reference("properties.parameters.wafPolicy.id", FRONT_DOOR_WAF_POLICY, reached=False),
    ),
    ResourceType(
        "Microsoft.Network/frontDoors",
        _CLASSIC,
        kind="classic-front-door",
        about="an Azure Front Door (classic)",
        parts=(
            PartKind(
                "properties.frontendEndpoints[*]",
                references=(
                    Reference("properties.webApplicationFirewallPolicyLink.id", FRONT_DOOR_WAF_POLICY, reached=False),
                ),
            ),
            PartKind(
                "properties.routingRules[*]",
                references=(
                    Reference("properties.webApplicationFirewallPolicyLink.id", FRONT_DOOR_WAF_POLICY, reached=False),
                    Reference("properties.frontendEndpoints[*].id", FRONT_DOOR_CLASSIC, "frontendEndpoints"),
                    Reference("properties.routeConfiguration.backendPool.id", FRONT_DOOR_CLASSIC, "backendPools"),
                ),
            ),
            PartKind(
                "properties.backendPools[*]",
                references=(Reference("properties.healthProbeSettings.id", FRONT_DOOR_CLASSIC, "healthProbeSettings"),),
            ),
            PartKind("properties.healthProbeSettings[*]"),
        ),
    ),
    ResourceType(
        "Microsoft.Network/frontDoorWebApplicationFirewallPolicies",
        _POLICIES,
    ),
    ResourceType(
        "Microsoft.Network/privateLinkServices",
        _SERVICES,
        references=(
            Reference(
                "properties.loadBalancerFrontendIpConfigurations[*].id",
                LOAD_BALANCER,
                "frontendIPConfigurations",
                reached=False,
            ),
        ),
    ),
)
