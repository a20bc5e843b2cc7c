"""Service tags as sources of security rules: who can send from the addresses that a tag stands for.

Each tag of Microsoft's list (https://learn.microsoft.com/azure/virtual-network/service-tags-overview, 2023-01-26) is
decided by the documentation of its service. A regional tag, such as `AzureCloud.westeurope`, is decided as its
service is.
"""

from __future__ import annotations

import enum
from typing import Final


class Senders(enum.Enum):
    """Who can send from the addresses of a service tag."""

    ANYONE = "anyone can rent a VM with such an address"
    RELAYED = "Azure sends from there what any customer asks it to send"
    SERVICE = "only the service itself sends from there"
    UNKNOWN = "not a service tag that the auditor knows"


_CLOUD: Final = "azurecloud"
"""All public addresses of Azure's datacentres, those of other customers included. Not of IPv6, by the same list."""

_RELAYS: Final = frozenset(
    {
        # Requests to addresses that a customer names: webhooks, event handlers, availability tests.
        "actiongroup",
        "applicationinsightsavailability",
        "azurebotservice",
        "azurecontainerregistry",
        "azuredevops",
        "azureeventgrid",
        "azuresignalr",
        "azurewebpubsub",
        "m365managementactivityapiwebhook",
        # Front Door requests any origin of any customer (https://learn.microsoft.com/azure/frontdoor/origin-security).
        "azurefrontdoor.backend",
        # Connections to data sources and servers that a customer names, by SFTP and SQL too.
        "azurecognitivesearch",
        "azureconnectors",
        "azuresentinel",
        "datafactory",
        "kustoanalytics",
        "logicapps",
        "powerbi",
        "powerqueryonline",
        # Code of customers.
        "azuredatabricks",
        "azurecontainerappsservice",
        "guestandhybridmanagement",
        "powerplatformplex",
    }
)

_SERVICES: Final = frozenset(
    {
        "apimanagement",
        "appconfiguration",
        # Inbound addresses only (https://learn.microsoft.com/azure/app-service/overview-inbound-outbound-ips).
        "appservice",
        "appservicemanagement",
        "autonomousdevelopmentplatform",
        "azureactivedirectory",
        "azureactivedirectorydomainservices",
        "azureadvancedthreatprotection",
        "azurearcinfrastructure",
        "azureattestation",
        "azurebackup",
        "azurecosmosdb",
        "azuredataexplorermanagement",
        "azuredatalake",
        "azuredeviceupdate",
        "azuredevspaces",
        "azuredigitaltwins",
        "azurefrontdoor.firstparty",
        "azurefrontdoor.frontend",
        "azurehealthcareapis",
        "azureinformationprotection",
        "azureiothub",
        "azurekeyvault",
        "azureloadbalancer",
        "azureloadtestinginstancemanagement",
        "azuremachinelearning",
        "azuremachinelearninginference",
        "azuremanagedgrafana",
        "azuremonitor",
        "azureopendatasets",
        "azureplatformdns",
        "azureplatformimds",
        "azureplatformlkm",
        "azureresourcemanager",
        "azuresiterecovery",
        "azuresphere",
        "azurespringcloud",
        "azurestack",
        # A probe tells its customer no more than whether it was answered.
        "azuretrafficmanager",
        "azureupdatedelivery",
        "batchnodemanagement",
        "chaosstudio",
        "cognitiveservicesfrontend",
        "cognitiveservicesmanagement",
        "datafactorymanagement",
        "dynamics365businesscentral",
        "dynamics365formarketingemail",
        "eopexternalpublishedips",
        "eventhub",
        "gatewaymanager",
        "hdinsight",
        "logicappsmanagement",
        "m365managementactivityapi",
        "marketplace",
        "microsoftazurefluidrelay",
        "microsoftcloudappsecurity",
        "microsoftcontainerregistry",
        "microsoftdefenderforendpoint",
        "microsoftpurviewpolicydistribution",
        "powerplatforminfra",
        "servicebus",
        "servicefabric",
        "sql",
        "sqlmanagement",
        "storage",
        "storagesyncservice",
        "windowsadmincenter",
        "windowsvirtualdesktop",
    }
)


def senders(tag: str) -> Senders:
    """Return who can send from the addresses of a service tag in lower case, which may be a regional one."""
    for name in (tag, tag.partition(".")[0]):
        if name == _CLOUD:
            return Senders.ANYONE
        if name in _RELAYS:
            return Senders.RELAYED
        if name in _SERVICES:
            return Senders.SERVICE
    return Senders.UNKNOWN


def contains(tag: str, other: str) -> bool:
    """Return whether a service tag surely includes all addresses of another one."""
    return tag in containing(other)


def containing(tag: str) -> frozenset[str]:
    """Return the service tags, itself included, that surely include all addresses of one."""
    service, *_ = labels = tag.split(".")
    regions = (".".join(labels[place:]) for place in range(1, len(labels)))
    return frozenset({tag, service, _CLOUD, *(f"{_CLOUD}.{region}" for region in regions)})
