"""Generated estates of any size for `bench/run.py`, as Azure Resource Manager would return them.

Seven VMs in ten belong to deployments of 14 VMs; the others belong to none. Sizes, zones, availability sets, names,
disks and faults vary; the same number and seed give the same estate.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from auditor.azure import arm
from auditor.azure.types import REFERENCES, VERSIONS
from auditor.snapshot.model import Snapshot, resource
from auditor.snapshot.skus import sku

Body = dict[str, Any]

SEED: Final = 2018
TAKEN_AT: Final = "2026-11-01T06:00:00Z"
PER_DEPLOYMENT: Final = 14
PER_SUBSCRIPTION: Final = 1000

_REGIONS: Final = (("westeurope", "northeurope"), ("uksouth", "ukwest"), ("eastus2", "centralus"))
_PRODUCTS: Final = ("trakcare", "trakcare", "healthshare", "iris")
_DATABASE_SIZES: Final = (
    "Standard_E16ds_v5",
    "Standard_E32ds_v5",
    "Standard_E48s_v5",
    "Standard_M64s",
    "Standard_DS14_v2",
)
_SERVER_SIZES: Final = ("Standard_D4s_v5", "Standard_D8s_v5", "Standard_E4s_v5", "Standard_DS3_v2", "Standard_D8as_v5")
_OTHER_SIZES: Final = (*_SERVER_SIZES, "Standard_B2ms", "Standard_F8s_v2", "Standard_D2_v3")
_DISKS: Final = (("PremiumV2_LRS", 256, 4000, 250), ("Premium_LRS", 512, 2300, 150), ("Premium_LRS", 1024, 5000, 200))
_IMAGES: Final = (
    ("RedHat", "RHEL", "94_gen2"),
    ("Canonical", "ubuntu-24_04-lts", "server"),
    ("SUSE", "sles-15-sp5", "gen2"),
)

_CALLS: Final = {
    arm.canonical_type(type_): f"GET /providers/{type_}?api-version={version}" for type_, version in VERSIONS.items()
}
"""The requests that returned the resources, by type."""

TYPES: Final = frozenset(
    {
        *REFERENCES,
        *(reference.to for references in REFERENCES.values() for reference in references),
        "microsoft.authorization/locks",
        "microsoft.classiccompute/domainnames",
        "microsoft.classiccompute/virtualmachines",
        "microsoft.classicnetwork/virtualnetworks",
        "microsoft.classicstorage/storageaccounts",
        "microsoft.compute/diskencryptionsets",
        "microsoft.compute/skus",
        "microsoft.compute/virtualmachines/extensions",
        "microsoft.devtestlab/schedules",
        "microsoft.keyvault/vaults",
        "microsoft.managedidentity/userassignedidentities",
        "microsoft.network/applicationgatewaywebapplicationfirewallpolicies",
        "microsoft.network/azurefirewalls",
        "microsoft.network/connections",
        "microsoft.network/dnszones",
        "microsoft.network/dnszones/a",
        "microsoft.network/dnszones/cname",
        "microsoft.network/expressroutecircuits",
        "microsoft.network/firewallpolicies",
        "microsoft.network/firewallpolicies/rulecollectiongroups",
        "microsoft.network/natgateways",
        "microsoft.network/routetables",
        "microsoft.network/virtualnetworkgateways",
        "microsoft.dataprotection/backupvaults",
        "microsoft.recoveryservices/vaults",
        "microsoft.resources/subscriptions",
        "microsoft.resources/subscriptions/resourcegroups",
        "microsoft.storage/storageaccounts",
    }
)
"""The types that are listed completely."""


_BACKED_UP: Final = ("mirror-failover", "mirror-dr")
"""The roles of VMs that are backed up."""


class _Place(NamedTuple):
    """Where resources are put."""

    subscription: str
    group: str
    region: str

    def id(self, type_: str, name: str) -> str:
        return f"{self.subscription}/resourceGroups/{self.group}/providers/{type_}/{name}"


class _Plan(NamedTuple):
    """One VM of a deployment: its name, its role, and whether it is in the DR region."""

    name: str
    role: str
    in_dr: bool = False


def build(vms: int, seed: int = SEED) -> Snapshot:
    """Return an estate with this number of VMs."""
    return _Estate(vms, seed).snapshot()


class _Estate:
    def __init__(self, vms: int, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - it generates data, not secrets
        self._vms = vms
        self._bodies: list[Body] = []
        self._declared: list[str] = ["format: auditor.deployment/1", "deployments:"]
        self._addresses = 0
        self._address_of: dict[str, str] = {}
        """The private IP address of each IP configuration, by its id."""

    def snapshot(self) -> Snapshot:
        """Build everything, subscription by subscription."""
        scopes = []
        left = self._vms
        while left > 0:
            scope = f"/subscriptions/{len(scopes) + 1:08}-0000-4000-8000-000000000000"
            scopes.append(scope)
            self._subscription(scope, min(left, PER_SUBSCRIPTION), len(scopes))
            left -= PER_SUBSCRIPTION
        bodies = (resource(body, body["id"], _CALLS.get(arm.type_of(body["id"]), "GET")) for body in self._bodies)
        resources = {found.key: found for found in (*bodies, *map(sku, _sizes()))}
        return Snapshot(
            taken_at=TAKEN_AT,
            scopes=tuple(scopes),
            resources=tuple(resources[key] for key in sorted(resources)),
            listed=frozenset((scope, type_) for scope in scopes for type_ in TYPES),
            gaps=(),
            deployment="\n".join(self._declared) + "\n",
        )

    def _subscription(self, scope: str, vms: int, number: int) -> None:
        self._bodies.append(
            {"id": scope, "type": "Microsoft.Resources/subscriptions", "displayName": f"Hospitals {number}"}
        )
        deployments = vms * 7 // 10 // PER_DEPLOYMENT
        for index in range(deployments):
            self._deployment(scope, f"hospital-{number}-{index:03}")
        self._other_vms(scope, vms - deployments * PER_DEPLOYMENT)

    # --- deployments --------------------------------------------------------------------------------------------------

    def _deployment(self, scope: str, name: str) -> None:
        """Add a mirror, its tiers and its DR region, mostly as the rules require."""
        chance = self._random
        primary_region, dr_region = chance.choice(_REGIONS)
        primary = _Place(scope, f"rg-{name}", primary_region)
        dr = _Place(scope, f"rg-{name}-dr", dr_region)
        web, app = chance.choice(((3, 3), (4, 2), (2, 4)))
        plans = [_Plan(f"{name}-db-{letter}", "mirror-failover") for letter in "ab"]
        plans += [_Plan(f"{name}-arbiter", "mirror-arbiter"), _Plan(f"{name}-db-dr", "mirror-dr", in_dr=True)]
        plans += [_Plan(f"{name}-web-{index}", "web") for index in range(web)]
        plans += [_Plan(f"{name}-app-{index}", "app") for index in range(app)]
        plans += [_Plan(f"{name}-prn-{index}", "print") for index in range(2)]
        plans += [_Plan(f"{name}-{role}-dr", role, in_dr=True) for role in ("web", "app")]
        by_tags = chance.random() < 1 / 3
        zonal = chance.random() < 0.6
        networks = {False: self._network(primary, dr), True: self._network(dr, primary)}
        pools = {
            "mirror-failover": self._pool(primary, f"lb-{name}-mirror"),
            "web": self._pool(primary, f"lb-{name}-web"),
        }
        members: dict[str, list[str]] = {role: [] for role in pools}
        sets: dict[str, list[Body]] = {}
        for index, plan in enumerate(plans):
            place = dr if plan.in_dr else primary
            tags = {"application": name, "environment": "production"}
            if by_tags:
                tags |= {
                    "iris-deployment": name,
                    "iris-role": plan.role,
                    "iris-mirror": "DATA" if "mirror" in plan.role else "",
                }
            database = plan.role in {"mirror-failover", "mirror-dr"}
            pool = "" if plan.in_dr else pools.get(plan.role, "")
            set_id = place.id("Microsoft.Compute/availabilitySets", f"as-{name}-{plan.role}{'-dr' * plan.in_dr}")
            zone = str(index % 3 + 1 if chance.random() < 0.95 else 1)
            size = chance.choice(_DATABASE_SIZES if database else _SERVER_SIZES)
            disks = chance.choice((3, 3, 4)) if database else 0
            vm, configuration = self._vm(place, plan.name, size, disks, tags, networks[plan.in_dr], pool)
            if zonal:
                vm["zones"] = [zone]
            else:
                vm["properties"]["availabilitySet"] = {"id": set_id.upper()}
                vm["properties"]["instanceView"]["platformFaultDomain"] = index % 3
                sets.setdefault(set_id, []).append({"id": vm["id"]})
            if pool:
                members[plan.role].append(configuration)
        self._sets(sets, primary_region)
        for role, pool in pools.items():
            self._load_balancer(primary, pool, members[role], networks[False], mirror=role == "mirror-failover")
        for place in (primary, dr):
            databases = [plan.name for plan in plans if plan.in_dr is (place is dr) and plan.role in _BACKED_UP]
            self._backups(place, databases)
        self._declare(name, scope, (primary_region, dr_region), plans, by_tags=by_tags)

    def _backups(self, place: _Place, vms: Sequence[str]) -> None:
        """Add a vault that protects some VMs, each with two recovery points."""
        chance = self._random
        vault = place.id("Microsoft.RecoveryServices/vaults", f"rsv-{place.group}")
        redundancy = "GeoRedundant" if chance.random() < 0.9 else "LocallyRedundant"
        settings: Body = {
            "redundancySettings": {"standardTierStorageRedundancy": redundancy, "crossRegionRestore": "Enabled"},
            "securitySettings": {
                "softDeleteSettings": {"softDeleteState": "AlwaysON"},
                "immutabilitySettings": {"state": "Locked" if chance.random() < 0.8 else "Unlocked"},
            },
        }
        self._add(vault, "Microsoft.RecoveryServices/vaults", place.region, settings)
        policy = f"{vault}/backupPolicies/daily"
        kept = {"count": 30, "durationType": "Days"}
        years = {"yearlySchedule": {"retentionDuration": {"count": 7, "durationType": "Years"}}}
        retention = {"dailySchedule": {"retentionDuration": kept}, **(years if chance.random() < 0.9 else {})}
        self._add(
            policy,
            "Microsoft.RecoveryServices/vaults/backupPolicies",
            place.region,
            {"backupManagementType": "AzureIaasVM", "policyType": "V2", "retentionPolicy": retention},
        )
        for vm in vms:
            container = f"IaasVMContainer;iaasvmcontainerv2;{place.group};{vm}"
            item = f"{vault}/backupFabrics/Azure/protectionContainers/{container}/protectedItems/VM;{vm}"
            properties: Body = {
                "backupManagementType": "AzureIaasVM",
                "protectionState": "Protected" if chance.random() < 0.97 else "ProtectionStopped",
                "lastBackupStatus": "Completed" if chance.random() < 0.95 else "Failed",
                "lastBackupTime": "2026-11-01T01:03:27.1093412Z",
                "lastRecoveryPoint": "2026-11-01T01:03:27.1093412Z",
                "extendedProperties": {},
                "sourceResourceId": place.id("Microsoft.Compute/virtualMachines", vm),
                "policyId": policy,
            }
            type_ = "Microsoft.RecoveryServices/vaults/backupFabrics/protectionContainers/protectedItems"
            self._add(item, type_, place.region, properties)
            for day in (30, 31):
                consistency = "AppConsistent" if chance.random() < 0.9 else "FileSystemConsistent"
                point = {
                    "recoveryPointType": consistency,
                    "recoveryPointTime": f"2026-10-{day}T01:03:27.1093412Z",
                }
                self._add(f"{item}/recoveryPoints/{day}", f"{type_}/recoveryPoints", place.region, point)

    def _declare(
        self, name: str, scope: str, regions: tuple[str, str], plans: Sequence[_Plan], *, by_tags: bool
    ) -> None:
        """Write the deployment into the deployment file; with `by_tags`, only tags declare the roles."""
        chance = self._random
        product = chance.choice(_PRODUCTS)
        environment = "production" if chance.random() < 0.85 else "non-production"
        lines = [f"  - name: {name}", f"    product: {product}", f"    environment: {environment}"]
        lines += [f"    subscriptions: [{arm.name_of(scope)}]"]
        lines += [f"    regions: {{primary: {regions[0]}, dr: {regions[1]}}}", "    connectivity: none"]
        if not by_tags:
            names: dict[str, list[str]] = {}
            for plan in plans:
                names.setdefault(plan.role, []).append(plan.name)
            lines += [
                "    mirrors:",
                "      - name: DATA",
                "        address: {kind: load-balancer}",
                "        failover:",
            ]
            lines += [f"          - {member}" for member in names["mirror-failover"]]
            lines += [f"        arbiter: {names['mirror-arbiter'][0]}", f"        dr: {names['mirror-dr'][0]}"]
            lines += ["        reporting: none", "        disks: {journal: [1, 2], wij: [0]}", "    tiers:"]
            for role in ("web", "app", "print"):
                lines += [f"      - role: {role}", "        members:"]
                lines += [f"          - {member}" for member in names[role]]
        self._declared += lines

    def _sets(self, sets: dict[str, list[Body]], primary_region: str) -> None:
        for set_id, vms in sets.items():
            region = self._region_of(vms[0]["id"], primary_region)
            properties = {"platformFaultDomainCount": 3, "platformUpdateDomainCount": 5, "virtualMachines": vms}
            sku = {"name": "Aligned" if self._random.random() < 0.95 else "Classic"}
            self._add(set_id, "Microsoft.Compute/availabilitySets", region, properties, sku=sku)

    def _region_of(self, vm_id: str, primary_region: str) -> str:
        return dict(_REGIONS)[primary_region] if arm.group_of(vm_id).endswith("-dr") else primary_region

    # --- networks and load balancers ----------------------------------------------------------------------------------

    def _network(self, place: _Place, *peers: _Place) -> str:
        """Add a resource group, a network with its peerings and its security group; return the id of the subnet."""
        group = f"{place.subscription}/resourceGroups/{place.group}"
        type_ = "Microsoft.Resources/resourceGroups"
        self._bodies.append(
            {
                "id": group,
                "name": place.group,
                "type": type_,
                "location": place.region,
                "properties": {"provisioningState": "Succeeded"},
            }
        )
        security = place.id("Microsoft.Network/networkSecurityGroups", f"nsg-{place.group}")
        source = "10.0.0.0/8" if self._random.random() < 0.9 else "*"
        rules = [
            _named(
                security,
                "securityRules",
                f"allow-{port}",
                protocol="Tcp",
                sourcePortRange="*",
                destinationPortRange=port,
                sourceAddressPrefix=source,
                destinationAddressPrefix="*",
                access="Allow",
                priority=100 + index,
                direction="Inbound",
            )
            for index, port in enumerate(("443", "1972", "22"))
        ]
        self._add(
            security,
            "Microsoft.Network/networkSecurityGroups",
            place.region,
            {"securityRules": rules, "defaultSecurityRules": []},
        )
        network = place.id("Microsoft.Network/virtualNetworks", f"vnet-{place.group}")
        peerings = [
            _named(
                network,
                "virtualNetworkPeerings",
                f"peer-{peer.region}",
                peeringState="Connected",
                allowVirtualNetworkAccess=True,
                useRemoteGateways=False,
                remoteVirtualNetwork={"id": peer.id("Microsoft.Network/virtualNetworks", f"vnet-{peer.group}")},
            )
            for peer in peers
        ]
        subnet = _named(
            network,
            "subnets",
            "servers",
            addressPrefix="10.1.0.0/20",
            networkSecurityGroup={"id": security},
            delegations=[],
        )
        properties = {
            "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
            "subnets": [subnet],
            "virtualNetworkPeerings": peerings,
        }
        self._add(network, "Microsoft.Network/virtualNetworks", place.region, properties)
        return str(subnet["id"])

    @staticmethod
    def _pool(place: _Place, load_balancer: str) -> str:
        return place.id("Microsoft.Network/loadBalancers", load_balancer) + "/backendAddressPools/pool"

    def _load_balancer(self, place: _Place, pool: str, members: Sequence[str], subnet: str, *, mirror: bool) -> None:
        """Add the internal load balancer in front of the mirror or the web servers."""
        chance = self._random
        load_balancer = pool.partition("/backendAddressPools/")[0]
        port = 1972 if mirror else 443
        healthy = chance.random() < 0.92
        probe = _named(
            load_balancer,
            "probes",
            "probe",
            protocol="Http" if healthy else "Tcp",
            port=80 if healthy else port,
            intervalInSeconds=chance.choice((5, 5, 5, 15)),
            numberOfProbes=2,
            **({"requestPath": "/csp/bin/mirror_status.cxw" if mirror else "/health.html"} if healthy else {}),
        )
        frontend = _named(
            load_balancer,
            "frontendIPConfigurations",
            "frontend",
            privateIPAddress="10.1.0.10",
            privateIPAllocationMethod="Static" if chance.random() < 0.95 else "Dynamic",
            subnet={"id": subnet},
        )
        rule = _named(
            load_balancer,
            "loadBalancingRules",
            "rule",
            protocol="Tcp",
            frontendPort=port,
            backendPort=port,
            enableFloatingIP=False,
            idleTimeoutInMinutes=chance.choice((30, 30, 15, 4)),
            enableTcpReset=chance.random() < 0.9,
            loadDistribution="SourceIP" if chance.random() < 0.9 else "Default",
            frontendIPConfiguration={"id": frontend["id"]},
            backendAddressPool={"id": pool},
            backendAddressPools=[{"id": pool}],
            probe={"id": probe["id"]},
        )
        backends = _named(
            load_balancer,
            "backendAddressPools",
            "pool",
            backendIPConfigurations=[{"id": member} for member in members],
            loadBalancingRules=[{"id": rule["id"]}],
        )
        properties = {
            "frontendIPConfigurations": [frontend],
            "backendAddressPools": [backends],
            "loadBalancingRules": [rule],
            "probes": [probe],
        }
        sku = {"name": "Standard" if chance.random() < 0.95 else "Basic", "tier": "Regional"}
        self._add(load_balancer, "Microsoft.Network/loadBalancers", place.region, properties, sku=sku)
        if mirror:
            self._probe_status(load_balancer, members)

    def _probe_status(self, load_balancer: str, members: Sequence[str]) -> None:
        """Add what Azure measured of the health probes: the first member answers."""
        timeseries = [
            {
                "metadatavalues": [
                    {"name": {"value": "backendipaddress"}, "value": self._address_of[member]},
                    {"name": {"value": "backendport"}, "value": "1972"},
                ],
                "data": [{"average": 0.0 if position else 100.0}] * 3,
            }
            for position, member in enumerate(members)
        ]
        metric = f"{load_balancer}/providers/Microsoft.Insights/metrics/DipAvailability"
        self._bodies.append({"id": metric, "type": "Microsoft.Insights/metrics", "timeseries": timeseries})

    # --- VMs ----------------------------------------------------------------------------------------------------------

    def _other_vms(self, scope: str, vms: int) -> None:
        """Add what other teams run in the same subscription."""
        subnet, place = "", _Place(scope, "", "")
        for index in range(vms):
            if index % 50 == 0:
                place = _Place(scope, f"rg-team-{index // 50:02}", self._random.choice(_REGIONS)[0])
                subnet = self._network(place)
            name = (
                f"{self._random.choice(('build', 'mail', 'erp', 'pacs', 'report'))}-{arm.name_of(scope)[:8]}-{index:04}"
            )
            size = self._random.choice(_OTHER_SIZES)
            self._vm(place, name, size, self._random.choice((0, 0, 1)), {"team": place.group}, subnet, "")

    def _vm(  # noqa: PLR0913, PLR0917 - a VM differs in that many properties
        self, place: _Place, name: str, size: str, data_disks: int, tags: dict[str, str], subnet: str, pool: str
    ) -> tuple[Body, str]:
        """Add a VM with its network interface and disks; return it and the id of its IP configuration."""
        chance = self._random
        vm_id = place.id("Microsoft.Compute/virtualMachines", name)
        interface = place.id("Microsoft.Network/networkInterfaces", f"{name}-nic")
        configuration = self._interface(place, interface, vm_id, tags, subnet, pool)
        publisher, offer, sku = chance.choice(_IMAGES)
        cached = chance.random() < 0.05
        os_disk = self._disk(place, f"{name}-os", vm_id, tags, ("Premium_LRS", 128, 500, 100), system=True)
        sort = chance.choice(_DISKS) if chance.random() < 0.97 else ("Standard_LRS", 512, 500, 60)
        attached = [
            {
                "lun": lun,
                "createOption": "Attach",
                "caching": "ReadWrite" if cached else "None",
                "writeAcceleratorEnabled": False,
                **self._disk(place, f"{name}-data{lun}", vm_id, tags, sort),
            }
            for lun in range(data_disks)
        ]
        disk_names = [f"{name}-os", *(str(disk["name"]) for disk in attached)]
        status = {"code": "ProvisioningState/succeeded", "level": "Info", "displayStatus": "Provisioning succeeded"}
        properties = {
            "vmId": self._guid(),
            "hardwareProfile": {"vmSize": size},
            "storageProfile": {
                "imageReference": {"publisher": publisher, "offer": offer, "sku": sku, "version": "latest"},
                "osDisk": {"osType": "Linux", "createOption": "FromImage", "caching": "ReadWrite", **os_disk},
                "dataDisks": attached,
                "diskControllerType": "SCSI",
            },
            "osProfile": {
                "computerName": name,
                "adminUsername": "azureadmin",
                "linuxConfiguration": {
                    "disablePasswordAuthentication": chance.random() < 0.95,
                    "provisionVMAgent": True,
                    "patchSettings": {"patchMode": "ImageDefault", "assessmentMode": "ImageDefault"},
                },
                "secrets": [],
                "allowExtensionOperations": True,
            },
            "securityProfile": {"encryptionAtHost": chance.random() < 0.93, "securityType": "TrustedLaunch"},
            "networkProfile": {"networkInterfaces": [{"id": interface, "properties": {"primary": True}}]},
            "diagnosticsProfile": {"bootDiagnostics": {"enabled": True}},
            "provisioningState": "Succeeded",
            "timeCreated": "2026-03-02T09:00:00.0000000+00:00",
            "instanceView": {
                "computerName": name,
                "osName": offer,
                "disks": [{"name": disk, "statuses": [status]} for disk in disk_names],
                "statuses": [status, {"code": "PowerState/running", "level": "Info", "displayStatus": "VM running"}],
            },
        }
        return self._add(vm_id, "Microsoft.Compute/virtualMachines", place.region, properties, tags=tags), configuration

    def _interface(  # noqa: PLR0913, PLR0917 - as above
        self, place: _Place, interface: str, vm_id: str, tags: dict[str, str], subnet: str, pool: str
    ) -> str:
        self._addresses += 1
        high, low = divmod(self._addresses % 4000 + 16, 256)
        configuration = _named(
            interface,
            "ipConfigurations",
            "ipconfig1",
            privateIPAddress=f"10.1.{high}.{low}",
            privateIPAllocationMethod="Static" if self._random.random() < 0.9 else "Dynamic",
            subnet={"id": subnet},
            primary=True,
            privateIPAddressVersion="IPv4",
            **({"loadBalancerBackendAddressPools": [{"id": pool}]} if pool else {}),
        )
        properties = {
            "resourceGuid": self._guid(),
            "ipConfigurations": [configuration],
            "dnsSettings": {"dnsServers": [], "appliedDnsServers": []},
            "enableAcceleratedNetworking": self._random.random() < 0.92,
            "enableIPForwarding": False,
            "primary": True,
            "virtualMachine": {"id": vm_id},
            "nicType": "Standard",
        }
        self._add(interface, "Microsoft.Network/networkInterfaces", place.region, properties, tags=tags)
        self._address_of[str(configuration["id"])] = f"10.1.{high}.{low}"
        return str(configuration["id"])

    def _disk(  # noqa: PLR0913 - as above
        self,
        place: _Place,
        name: str,
        vm_id: str,
        tags: dict[str, str],
        sort: tuple[str, int, int, int],
        *,
        system: bool = False,
    ) -> Body:
        """Add a disk and return its entry in the storage profile of its VM."""
        sku, size, iops, mbps = sort
        disk = place.id("Microsoft.Compute/disks", name)
        properties = {
            "creationData": {"createOption": "FromImage" if system else "Empty"},
            "diskSizeGB": size,
            "diskIOPSReadWrite": iops,
            "diskMBpsReadWrite": mbps,
            "encryption": {"type": "EncryptionAtRestWithPlatformKey"},
            "networkAccessPolicy": "DenyAll" if self._random.random() < 0.95 else "AllowAll",
            "publicNetworkAccess": "Disabled",
            "diskState": "Attached",
            "timeCreated": "2026-03-02T09:00:00.0000000+00:00",
            "uniqueId": self._guid(),
        }
        if system:
            properties["osType"] = "Linux"
        more = {"sku": {"name": sku, "tier": sku.partition("_")[0]}, "managedBy": vm_id}
        self._add(disk, "Microsoft.Compute/disks", place.region, properties, tags=tags, **more)
        return {
            "name": name,
            "managedDisk": {"storageAccountType": sku, "id": disk},
            "diskSizeGB": size,
            "deleteOption": "Detach",
        }

    # --- bodies -------------------------------------------------------------------------------------------------------

    def _add(
        self,
        arm_id: str,
        type_: str,
        region: str,
        properties: Body,
        *,
        tags: dict[str, str] | None = None,
        **more: object,
    ) -> Body:
        body = {
            "id": arm_id,
            "name": arm.name_of(arm_id),
            "type": type_,
            "location": region,
            "tags": dict(tags or {}),
            **more,
            "properties": {"provisioningState": "Succeeded", **properties},
        }
        self._bodies.append(body)
        return body

    def _guid(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))


def _named(owner: str, collection: str, name: str, **properties: object) -> Body:
    """Return a part of a resource that has its own id."""
    return {
        "name": name,
        "id": f"{owner}/{collection}/{name}",
        "type": f"{arm.type_of(owner)}/{collection}",
        "properties": {"provisioningState": "Succeeded", **properties},
    }


def _sizes() -> Iterator[Body]:
    """Yield the records of `Microsoft.Compute/skus` for the sizes in use."""
    regions = [region for pair in _REGIONS for region in pair]
    for size in sorted({*_DATABASE_SIZES, *_OTHER_SIZES}):
        cpus = int("".join(filter(str.isdigit, size.split("_")[1])) or 4)
        capabilities = {
            "vCPUs": cpus,
            "MemoryGB": cpus * 8,
            "MaxDataDiskCount": 32,
            "PremiumIO": "s" in size.split("_")[1].lower(),
            "AcceleratedNetworkingEnabled": True,
            "EncryptionAtHostSupported": True,
            "UncachedDiskIOPS": cpus * 1600,
            "UncachedDiskBytesPerSecond": cpus * 40_000_000,
            "HyperVGenerations": "V1,V2",
        }
        for region in regions:
            yield {
                "resourceType": "virtualMachines",
                "name": size,
                "family": f"{size}Family",
                "locations": [region],
                "locationInfo": [{"location": region, "zones": ["1", "2", "3"], "zoneDetails": []}],
                "capabilities": [{"name": name, "value": str(value)} for name, value in capabilities.items()],
                "restrictions": [],
            }
