"""Metadata about the endpoints of a cloud, which need no login."""

from __future__ import annotations

from typing import Any

PATH = "/metadata/endpoints"


def endpoints(url: str, audiences: tuple[str, ...], version: str) -> Any:
    """Return the endpoints in the shape of an api-version.

    Versions up to 2015-01-01 give an object of a few, those from 2019 a list of clouds, those from 2022 this one cloud.
    """
    authentication = {"loginEndpoint": f"{url}/", "audiences": list(audiences)}
    if version < "2016":
        return {
            "galleryEndpoint": f"{url}/gallery/",
            "graphEndpoint": f"{url}/graph/",
            "portalEndpoint": f"{url}/portal/",
            "authentication": authentication,
        }
    cloud = {
        "name": "ArmTest",
        "portal": f"{url}/portal",
        "authentication": {**authentication, "tenant": "common", "identityProvider": "AAD"},
        "graphAudience": f"{url}/graph/",
        "graph": f"{url}/graph/",
        "resourceManager": f"{url}/",
        "gallery": f"{url}/gallery/",
        "batch": f"{url}/batch/",
        "media": f"{url}/media",
        "sqlManagement": f"{url}/sql/",
        "vmImageAliasDoc": f"{url}/aliases.json",
        "suffixes": {
            "storage": "core.arm.test",
            "keyVaultDns": "vault.arm.test",
            "sqlServerHostname": "database.arm.test",
            "acrLoginServer": "acr.arm.test",
        },
    }
    return cloud if version >= "2022" else [cloud]
