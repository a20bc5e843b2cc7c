"""Generated estates of any size for `bench/run.py`, as Azure Resource Manager would return them.

Seven VMs in ten belong to deployments of 14 VMs; the others belong to none. Sizes, zones, availability sets, names,
disks and faults vary; the same number and seed give the same estate.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from auditor.azure import arm
from auditor.azure.types import REFERENCES, TYPES, VERSIONS
from auditor.azure.types.names import SKU
from auditor.snapshot.model import Resource, Snapshot, resource
from auditor.snapshot.skus import sku

Body = dict[str, Any]

SEED: Final = 2018
TAKEN_AT: Final = "2026-11-01T06:00:00Z"
_NEXT_DAY: Final = "2026-11-02T06:00:00Z"
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
    "Standard_E104ids_v5",
)
_ISOLATED: Final = "Standard_E104ids_v5"
"""The size with a host to itself, whose maintenance customers choose."""
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

LISTED: Final = frozenset({*TYPES, *(reference.to for references in REFERENCES.values() for reference in references)})
"""The types that are listed completely."""


_SUBNETS: Final = {"db": 0, "app": 16, "web": 32, "print": 48}
"""The subnet of each tier of a deployment, by the third octet with which its addresses begin."""
_SUBNET_OF: Final = {"mirror-failover": "db", "mirror-dr": "db", "mirror-arbiter": "web"}
"""The subnets of the roles that have not the name of one."""
_PEERING_LOCATIONS: Final = {
    "westeurope": "Amsterdam",
    "northeurope": "Dublin",
    "uksouth": "London",
    "ukwest": "Newport(Wales)",
    "eastus2": "Washington DC",
    "centralus": "Chicago",
}

_BACKED_UP: Final = ("mirror-failover", "mirror-dr")
"""The roles of VMs that are backed up."""


_MEMBER_TYPES: Final = {"mirror-failover": "0", "mirror-dr": "2"}
"""The types of members of a mirror in a CPF, by their roles."""
_STATES: Final = (
    ("Failover", "Primary", "N/A", "N/A"),
    ("Failover", "Backup", "Active", "Caught up"),
    ("Disaster Recovery", "Connected", "Caught up", "Caught up"),
)
_MIRROR: Final = {
    "name": "DATA",
    "layout": "iris",
    "compressionFailover": "system",
    "compressionAsync": "system",
    "parallelDejournaling": "0",
}
_JOURNAL: Final = {
    "currentDirectory": "/iris/jrn/",
    "alternateDirectory": "/iris/jrnalt/",
    "backupsBeforePurge": 2,
    "daysBeforePurge": 3,
}
_CPF: Final[Body] = {
    "configFile": {"product": "IRIS", "version": "2025.1"},
    "startup": {"defaultPort": 1972, "webServer": False, "enableVssBackup": False, "systemMode": "LIVE"},
    "config": {
        "globals": [0, 0, 32768, 0, 0, 0],
        "routines": [1024],
        "gmheap": 1048576,
        "jrnbufs": 64,
        "maxServers": 4,
        "maxServerConn": 32,
        "wijdir": "/iris/sys/wij/",
    },
    "databases": [
        {"name": "IRISSYS", "directory": "/iris/sys/mgr/"},
        *({"name": f"DATA{number}", "directory": f"/iris/db/data{number}/"} for number in range(12)),
    ],
    "namespaces": [{"name": "%SYS", "globals": "IRISSYS"}, {"name": "DATA", "globals": "DATA0"}],
    "ecpServers": [],
    "maps": [{"namespace": "DATA", "count": 40, "sha256": "0" * 64}],
}
"""What the CPFs of all members of a mirror have."""
_MEMORY: Final[Body] = {"at": "2026-10-12T21:04:11.520", "event": "memory-allocated", "megabytes": 34816}
_FREEZE: Final[tuple[Body, ...]] = (
    {"at": "2026-10-31T01:03:24.101", "event": "suspending"},
    {"at": "2026-10-31T01:03:25.870", "event": "suspended"},
    {"at": "2026-10-31T01:03:31.240", "event": "resuming"},
    {"at": "2026-10-31T01:03:31.505", "event": "resumed"},
)
_SCRIPTS: Final[Body] = {
    "settings": {"continueBackupOnFailure": False, "fsFreezeEnabled": True, "timeoutInSeconds": 120},
    "preScript": {"location": "/etc/azure/freeze.sh", "callsFreeze": True, "callsThaw": False, "exit": "by-status"},
    "postScript": {"location": "/etc/azure/thaw.sh", "callsFreeze": False, "callsThaw": True, "exit": "by-status"},
}
_VOLUMES: Final = ("sys", "jrn", "jrnalt", "db")
"""The folders of an instance that have file systems of their own, by the LUNs of their disks."""


class _Place(NamedTuple):
    """Where resources are put."""

    subscription: str
    group: str
    region: str

    def id(self, type_: str, name: str) -> str:
        return f"{self.subscription}/resourceGroups/{self.group}/providers/{type_}/{name}"


class _Hub(NamedTuple):
    """The network of a region with the gateway and the firewall that all deployments there use."""

    network: str
    firewall: str
    """The private IP address of the firewall."""


class _Site(NamedTuple):
    """What a VM is attached to."""

    subnet: str
    third_octet: int = 0
    """The first third octet of the addresses of the subnet."""
    pool: str = ""
    zone: str = ""
    encryption_set: str = ""
    """The id of the disk encryption set of its disks."""
    diagnostics: str = ""
    """The address of the storage account for its boot diagnostics."""


class _Balancing(NamedTuple):
    """The settings of a load balancer."""

    probe: Body
    rule: Body
    sku: str


class _Declared(NamedTuple):
    """What the deployment file says of a deployment."""

    by_tags: bool
    """Whether only tags declare the roles."""
    is_public: bool
    """Whether users come from the Internet."""
    account: str
    """The id of the storage account for online backups, "" if Azure Backup makes them."""


class _Plan(NamedTuple):
    """One VM of a deployment: its name, its role, and whether it is in the DR region."""

    name: str
    role: str
    in_dr: bool = False


class _Member(NamedTuple):
    """A member of a mirror, or its arbiter, as the files from inside VMs have it."""

    vm: str
    """The id of the VM."""
    role: str
    address: str
    disks: int
    """The number of data disks: installation, databases, and one or two for journals."""


def scope_of(number: int) -> str:
    """Return the id of a subscription."""
    return f"/subscriptions/{number:08}-0000-4000-8000-000000000000"


def build(vms: int, seed: int = SEED, per_subscription: int = PER_SUBSCRIPTION) -> Snapshot:
    """Return an estate with this number of VMs, and the number of them in each subscription."""
    return _Estate(vms, seed, per_subscription).snapshot()


def parts(vms: int, seed: int = SEED, per_subscription: int = PER_SUBSCRIPTION) -> Iterator[Snapshot]:
    """Yield an estate subscription by subscription; the last has the deployment file of all."""
    return _Estate(vms, seed, per_subscription).parts()


def changed(built: Snapshot, share: float, seed: int = SEED) -> Snapshot:
    """Return an estate a day later, in which a share of the resources has one other setting, or one less."""
    chance = random.Random(seed)  # noqa: S311 - it generates data, not secrets
    resources = tuple(_with_change(found, chance) if chance.random() < share else found for found in built.resources)
    return msgspec.structs.replace(built, taken_at=_NEXT_DAY, resources=resources)


def _with_change(found: Resource, chance: random.Random) -> Resource:
    """Return a resource with a truth value turned, a number raised, or another setting missing."""
    properties = dict(found.body.get("properties") or {})  # type: ignore[call-overload]
    if found.type == SKU or not properties:
        return found
    name = chance.choice(sorted(properties))
    value = properties.pop(name)
    if isinstance(value, bool):
        properties[name] = not value
    elif isinstance(value, int):
        properties[name] = value + 1
    return msgspec.structs.replace(found, body={**found.body, "properties": properties})


class _Estate:
    def __init__(self, vms: int, seed: int, per_subscription: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - it generates data, not secrets
        self._vms = vms
        self._per_subscription = per_subscription
        self._bodies: list[Body] = []
        self._declared: list[str] = ["format: auditor.deployment/1", "deployments:"]
        self._addresses = 0
        self._address_of: dict[str, str] = {}
        """The private IP address of each IP configuration, by its id."""
        self._hubs: dict[tuple[str, str], _Hub] = {}
        """The hub of each subscription and region."""

    def snapshot(self) -> Snapshot:
        """Build everything, subscription by subscription."""
        built = [*self.parts()]
        resources = {found.key: found for part in built for found in part.resources}
        return Snapshot(
            taken_at=TAKEN_AT,
            scopes=tuple(scope for part in built for scope in part.scopes),
            resources=tuple(resources[key] for key in sorted(resources)),
            listed=frozenset(pair for part in built for pair in part.listed),
            gaps=(),
            deployment=built[-1].deployment,
        )

    def parts(self) -> Iterator[Snapshot]:
        """Build one subscription after the other."""
        number, left = 0, self._vms
        while left > 0:
            number += 1
            scope = scope_of(number)
            self._subscription(scope, min(left, self._per_subscription), number)
            left -= self._per_subscription
            bodies = (resource(body, body["id"], _CALLS.get(arm.type_of(body["id"]), "GET")) for body in self._bodies)
            resources = {found.key: found for found in (*bodies, *map(sku, _sizes()))}
            yield Snapshot(
                taken_at=TAKEN_AT,
                scopes=(scope,),
                resources=tuple(resources[key] for key in sorted(resources)),
                listed=frozenset((scope, type_) for type_ in LISTED),
                gaps=(),
                deployment="\n".join(self._declared) + "\n",
            )
            self._bodies.clear()

    def _subscription(self, scope: str, vms: int, number: int) -> None:
        self._bodies.append(
            {"id": scope, "type": "Microsoft.Resources/subscriptions", "displayName": f"Hospitals {number}"}
        )
        deployments = vms * 7 // 10 // PER_DEPLOYMENT
        self._zone(scope)
        self._alerts(scope)
        for index in range(deployments):
            self._deployment(scope, f"hospital-{number}-{index:03}")
        self._other_vms(scope, vms - deployments * PER_DEPLOYMENT)

    # --- deployments --------------------------------------------------------------------------------------------------

    def _plans(self, name: str) -> list[_Plan]:
        """Return the VMs of a deployment."""
        web, app = self._random.choice(((3, 3), (4, 2), (2, 4)))
        plans = [_Plan(f"{name}-db-{letter}", "mirror-failover") for letter in "ab"]
        plans += [_Plan(f"{name}-arbiter", "mirror-arbiter"), _Plan(f"{name}-db-dr", "mirror-dr", in_dr=True)]
        plans += [_Plan(f"{name}-web-{index}", "web") for index in range(web)]
        plans += [_Plan(f"{name}-app-{index}", "app") for index in range(app)]
        plans += [_Plan(f"{name}-prn-{index}", "print") for index in range(2)]
        return [*plans, *(_Plan(f"{name}-{role}-dr", role, in_dr=True) for role in ("web", "app"))]

    def _deployment(self, scope: str, name: str) -> None:
        """Add a mirror, its tiers and its DR region, mostly as the rules require."""
        chance = self._random
        primary_region, dr_region = chance.choice(_REGIONS)
        primary = _Place(scope, f"rg-{name}", primary_region)
        dr = _Place(scope, f"rg-{name}-dr", dr_region)
        plans = self._plans(name)
        by_tags = chance.random() < 1 / 3
        zonal = chance.random() < 0.6
        is_public = chance.random() < 0.5
        networks = {False: self._deployed_network(primary, dr), True: self._deployed_network(dr, primary)}
        keys = {in_dr: self._keys(place) for in_dr, place in ((False, primary), (True, dr))}
        accounts = {in_dr: self._storage(place) for in_dr, place in ((False, primary), (True, dr))}
        pools = {
            "mirror-failover": self._pool(primary, f"lb-{name}-mirror"),
            "web": self._pool(primary, f"lb-{name}-web"),
            "mirror-dr": self._pool(dr, f"lb-{name}-mirror-dr"),
            "web-dr": self._pool(dr, f"lb-{name}-web-dr"),
        }
        members: dict[str, list[str]] = {role: [] for role in pools}
        stated: list[_Member] = []
        sets: dict[str, list[Body]] = {}
        for index, plan in enumerate(plans):
            place = dr if plan.in_dr else primary
            tags = _tags(name, plan, by_tags=by_tags)
            database = plan.role in {"mirror-failover", "mirror-dr"}
            served = "web-dr" if plan.in_dr and plan.role == "web" else plan.role
            pool = pools.get(served, "")
            set_id = place.id("Microsoft.Compute/availabilitySets", f"as-{name}-{plan.role}{'-dr' * plan.in_dr}")
            zone = str(index % 3 + 1 if chance.random() < 0.95 else 1)
            size = chance.choice(_DATABASE_SIZES if database else _SERVER_SIZES)
            disks = chance.choice((3, 3, 3, 3, 4)) if database else 0
            subnet = _SUBNET_OF.get(plan.role, plan.role)
            site = _Site(
                f"{networks[plan.in_dr]}/subnets/{subnet}",
                _SUBNETS[subnet],
                pool,
                zone if zonal else "",
                keys[plan.in_dr] if database else "",
                _blobs_of(accounts[plan.in_dr]),
            )
            vm, configuration = self._vm(place, plan.name, size, disks, tags, site)
            self._window(vm)
            if not zonal:
                vm["properties"]["availabilitySet"] = {"id": set_id.upper()}
                vm["properties"]["instanceView"]["platformFaultDomain"] = index % 3
                sets.setdefault(set_id, []).append({"id": vm["id"]})
            if "mirror" in plan.role:
                stated.append(_Member(vm["id"], plan.role, self._address_of[configuration], disks))
            if pool:
                members[served].append(configuration)
        self._guest_files(stated)
        self._sets(sets, primary_region)
        self._load_balancers((primary, dr), pools, members, networks)
        for place in (primary, dr):
            databases = [plan.name for plan in plans if plan.in_dr is (place is dr) and plan.role in _BACKED_UP]
            self._backups(place, databases)
            self._lock(place)
        if is_public:
            self._entrance(name, {primary: members["web"], dr: members["web-dr"]}, networks)
        account = self._online_backups(accounts[False]) if chance.random() < 0.05 else ""
        how = _Declared(by_tags=by_tags, is_public=is_public, account=account)
        self._declare(name, scope, (primary_region, dr_region), plans, how)

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

    def _declare(self, name: str, scope: str, regions: tuple[str, str], plans: Sequence[_Plan], how: _Declared) -> None:
        """Write the deployment into the deployment file."""
        chance = self._random
        product = chance.choice(_PRODUCTS)
        environment = "production" if chance.random() < 0.85 else "non-production"
        backup = f"{{strategy: online, account: {how.account}}}" if how.account else "{strategy: azure-backup}"
        lines = [f"  - name: {name}", f"    product: {product}", f"    environment: {environment}"]
        lines += [f"    subscriptions: [{arm.name_of(scope)}]"]
        lines += [f"    regions: {{primary: {regions[0]}, dr: {regions[1]}}}", f"    backup: {backup}"]
        if how.is_public:
            lines += ["    connectivity: [internet, expressroute]", f"    dns: {name}.{_zone_of(scope)}"]
        else:
            lines += ["    connectivity: [expressroute]", "    entrance: private"]
        if not how.by_tags:
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

    def _network(self, place: _Place, subnets: Sequence[Body], peerings: Sequence[Body] = ()) -> str:
        """Add a resource group and a network; return the id of the network."""
        group = f"{place.subscription}/resourceGroups/{place.group}"
        self._bodies.append(
            {
                "id": group,
                "name": place.group,
                "type": "Microsoft.Resources/resourceGroups",
                "location": place.region,
                "properties": {"provisioningState": "Succeeded"},
            }
        )
        properties = {
            "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
            "subnets": list(subnets),
            "virtualNetworkPeerings": list(peerings),
        }
        network = _network_of(place)
        self._add(network, "Microsoft.Network/virtualNetworks", place.region, properties)
        return network

    def _deployed_network(self, place: _Place, other: _Place) -> str:
        """Add the network of a deployment in a region, peered with that of the other region and the hub."""
        hub = self._hub(place)
        security = self._security_group(place)
        table = place.id("Microsoft.Network/routeTables", f"rt-{place.group}")
        route = _named(
            table,
            "routes",
            "to-firewall",
            addressPrefix="0.0.0.0/0",
            nextHopType="VirtualAppliance",
            nextHopIpAddress=hub.firewall,
        )
        self._add(table, "Microsoft.Network/routeTables", place.region, {"routes": [route]})
        network = _network_of(place)
        subnets = [
            _subnet(network, name, f"10.1.{octet}.0/20", networkSecurityGroup=security, routeTable=table)
            for name, octet in _SUBNETS.items()
        ]
        subnets.append(_subnet(network, "gateway", "10.1.64.0/24"))
        peerings = [_peering(network, _network_of(other)), _peering(network, hub.network, useRemoteGateways=True)]
        return self._network(place, subnets, peerings)

    def _security_group(self, place: _Place) -> str:
        """Add a security group; return its id."""
        security = place.id("Microsoft.Network/networkSecurityGroups", f"nsg-{place.group}")
        source = "10.0.0.0/8" if self._random.random() < 0.9 else "*"
        open_ports = [(f"allow-{port}", "Tcp", port, source) for port in ("443", "1972", "2188", "22")]
        whole = [("allow-ping", "Icmp", "*", "10.0.0.0/8"), ("allow-probe", "*", "*", "AzureLoadBalancer")]
        rules = [
            _named(
                security,
                "securityRules",
                name,
                protocol=protocol,
                sourcePortRange="*",
                destinationPortRange=port,
                sourceAddressPrefix=origin,
                destinationAddressPrefix="*",
                access="Deny" if name == "deny-all" else "Allow",
                priority=100 + index,
                direction="Inbound",
            )
            for index, (name, protocol, port, origin) in enumerate((*open_ports, *whole, ("deny-all", "*", "*", "*")))
        ]
        self._add(
            security,
            "Microsoft.Network/networkSecurityGroups",
            place.region,
            {"securityRules": rules, "defaultSecurityRules": []},
        )
        return security

    # --- what the deployments of a subscription share -----------------------------------------------------------------

    def _hub(self, near: _Place) -> _Hub:
        """Return the hub of a region, which is added for its first deployment."""
        key = near.subscription, near.region
        if key not in self._hubs:
            place = _Place(near.subscription, f"rg-hub-{near.region}", near.region)
            network = _network_of(place)
            names = ("GatewaySubnet", "AzureFirewallSubnet")
            subnets = [_subnet(network, name, f"10.1.{octet}.0/24") for octet, name in enumerate(names)]
            self._network(place, subnets)
            self._express_route(place, network)
            self._hubs[key] = _Hub(network, self._firewall(place, network))
        return self._hubs[key]

    def _express_route(self, place: _Place, network: str) -> None:
        """Add the gateway of a hub, with a connection to a circuit."""
        gateway = place.id("Microsoft.Network/virtualNetworkGateways", f"vgw-{place.region}")
        sku = {"name": "ErGw1AZ", "tier": "ErGw1AZ"}
        configuration = _named(
            gateway, "ipConfigurations", "default", subnet={"id": f"{network}/subnets/GatewaySubnet"}
        )
        properties: Body = {"gatewayType": "ExpressRoute", "sku": sku, "ipConfigurations": [configuration]}
        self._add(gateway, "Microsoft.Network/virtualNetworkGateways", place.region, properties)
        circuit = place.id("Microsoft.Network/expressRouteCircuits", f"erc-{place.region}")
        provider = {"serviceProviderName": "Carrier", "peeringLocation": _PEERING_LOCATIONS[place.region]}
        properties = {
            "serviceProviderProperties": provider,
            "serviceProviderProvisioningState": "Provisioned",
            "circuitProvisioningState": "Enabled",
            "peerings": [],
        }
        self._add(circuit, "Microsoft.Network/expressRouteCircuits", place.region, properties)
        properties = {
            "connectionType": "ExpressRoute",
            "connectionStatus": "Connected",
            "virtualNetworkGateway1": {"id": gateway},
            "peer": {"id": circuit},
        }
        connection = place.id("Microsoft.Network/connections", f"con-{place.region}")
        self._add(connection, "Microsoft.Network/connections", place.region, properties)

    def _firewall(self, place: _Place, network: str) -> str:
        """Add the Azure Firewall of a hub; return its private IP address."""
        policy = place.id("Microsoft.Network/firewallPolicies", f"afwp-{place.region}")
        properties: Body = {
            "sku": {"tier": "Premium"},
            "threatIntelMode": "Deny",
            "intrusionDetection": {"mode": "Deny" if self._random.random() < 0.8 else "Alert"},
        }
        self._add(policy, "Microsoft.Network/firewallPolicies", place.region, properties)
        firewall = place.id("Microsoft.Network/azureFirewalls", f"afw-{place.region}")
        configuration = _named(
            firewall,
            "azureFirewallIpConfigurations",
            "default",
            privateIPAddress="10.1.1.4",
            subnet={"id": f"{network}/subnets/AzureFirewallSubnet"},
            publicIPAddress={"id": self._public_address(place, f"pip-afw-{place.region}")},
        )
        properties = {
            "sku": {"name": "AZFW_VNet", "tier": "Premium"},
            "ipConfigurations": [configuration],
            "firewallPolicy": {"id": policy},
        }
        self._add(firewall, "Microsoft.Network/azureFirewalls", place.region, properties, zones=["1", "2", "3"])
        return "10.1.1.4"

    def _zone(self, scope: str) -> None:
        """Add the DNS zone of a subscription."""
        zone = f"{scope}/resourceGroups/rg-dns/providers/Microsoft.Network/dnszones/{_zone_of(scope)}"
        self._add(zone, "Microsoft.Network/dnszones", "global", {"zoneType": "Public"})

    def _alerts(self, scope: str) -> None:
        """Add who is informed of failures in a subscription, of those of its VMs and of its backups."""
        place = _Place(scope, "rg-alerts", "global")
        people = _people_of(scope)
        receivers = [{"name": "operators", "status": "Enabled"}]
        self._add(
            people, "Microsoft.Insights/actionGroups", place.region, {"enabled": True, "emailReceivers": receivers}
        )
        properties: Body = {
            "enabled": True,
            "scopes": [scope],
            "condition": {"allOf": [{"field": "category", "equals": "ResourceHealth"}]},
            "actions": {"actionGroups": [{"actionGroupId": people}]},
        }
        type_ = "Microsoft.Insights/activityLogAlerts"
        self._add(place.id(type_, "health"), type_, place.region, properties)
        properties = {
            "enabled": True,
            "scopes": [scope],
            "conditions": [],
            "actions": [{"actionType": "AddActionGroups", "actionGroupIds": [people]}],
        }
        type_ = "Microsoft.AlertsManagement/actionRules"
        self._add(place.id(type_, "backups"), type_, place.region, properties)

    def _metric_alert(self, place: _Place, resource: str, metric: str) -> None:
        """Add an alert for a metric of a resource."""
        properties: Body = {
            "enabled": True,
            "scopes": [resource],
            "criteria": {"allOf": [{"name": "down", "metricName": metric}]},
            "actions": [{"actionGroupId": _people_of(place.subscription)}],
        }
        alert = place.id("Microsoft.Insights/metricAlerts", f"alert-{arm.name_of(resource)}")
        self._add(alert, "Microsoft.Insights/metricAlerts", "global", properties)

    def _public_address(self, place: _Place, name: str, label: str = "") -> str:
        """Add a public IP address with DDoS protection; return its id."""
        address = place.id("Microsoft.Network/publicIPAddresses", name)
        self._addresses += 1
        high, low = divmod(self._addresses, 256)
        fqdn = f"{label}.{place.region}.cloudapp.azure.com"
        properties: Body = {
            "ipAddress": f"20.{high // 256}.{high % 256}.{low}",
            "publicIPAllocationMethod": "Static",
            "ddosSettings": {"protectionMode": "Enabled"},
            **({"dnsSettings": {"domainNameLabel": label, "fqdn": fqdn}} if label else {}),
        }
        sku = {"name": "Standard", "tier": "Regional"}
        zones = ["1", "2", "3"]
        self._add(address, "Microsoft.Network/publicIPAddresses", place.region, properties, sku=sku, zones=zones)
        return address

    # --- what protects a deployment -----------------------------------------------------------------------------------

    def _lock(self, place: _Place) -> None:
        """Lock a resource group, mostly."""
        if self._random.random() < 0.05:
            return
        group = f"{place.subscription}/resourceGroups/{place.group}"
        lock = f"{group}/providers/Microsoft.Authorization/locks/lock-{place.group}"
        properties = {"level": "CanNotDelete", "notes": "Production"}
        body = {"id": lock, "name": f"lock-{place.group}", "type": "Microsoft.Authorization/locks"}
        self._bodies.append({**body, "properties": properties})

    def _keys(self, place: _Place) -> str:
        """Add a key vault and the disk encryption set that uses its key; return the id of the set."""
        vault = place.id("Microsoft.KeyVault/vaults", f"kv-{place.group}")
        address = f"https://kv-{place.group}.vault.azure.net/"
        properties: Body = {
            "vaultUri": address,
            "enableSoftDelete": True,
            "enablePurgeProtection": True,
            "enableRbacAuthorization": self._random.random() < 0.9,
            "publicNetworkAccess": "Disabled",
            "accessPolicies": [],
        }
        self._add(vault, "Microsoft.KeyVault/vaults", place.region, properties)
        encryption_set = place.id("Microsoft.Compute/diskEncryptionSets", f"des-{place.group}")
        properties = {
            "activeKey": {"sourceVault": {"id": vault}, "keyUrl": f"{address}keys/disks/1"},
            "encryptionType": "EncryptionAtRestWithCustomerKey",
        }
        self._add(encryption_set, "Microsoft.Compute/diskEncryptionSets", place.region, properties)
        return encryption_set

    def _storage(self, place: _Place) -> str:
        """Add the storage account for boot diagnostics; return its id."""
        account = place.id("Microsoft.Storage/storageAccounts", f"st{place.group.removeprefix('rg-').replace('-', '')}")
        properties = {
            "supportsHttpsTrafficOnly": True,
            "allowBlobPublicAccess": self._random.random() < 0.1,
            "minimumTlsVersion": "TLS1_2",
            "primaryEndpoints": {"blob": _blobs_of(account)},
            "networkAcls": {"defaultAction": "Deny", "bypass": "AzureServices"},
        }
        more = {"sku": {"name": "Standard_GRS", "tier": "Standard"}, "kind": "StorageV2"}
        self._add(account, "Microsoft.Storage/storageAccounts", place.region, properties, **more)
        return account

    def _online_backups(self, account: str) -> str:
        """Add the file share for online backups to a storage account; return the id of the account."""
        type_ = "Microsoft.Storage/storageAccounts/fileServices/shares"
        share = f"{account}/fileServices/default/shares/backups"
        properties = {"shareQuota": 10240, "enabledProtocols": "SMB"}
        self._bodies.append({"id": share, "name": "backups", "type": type_, "properties": properties})
        return account

    def _shutdown(self, place: _Place, vm_id: str) -> None:
        """Add a schedule that shuts down a VM every evening."""
        name = f"shutdown-computevm-{arm.name_of(vm_id)}"
        properties = {
            "status": "Enabled",
            "taskType": "ComputeVmShutdownTask",
            "dailyRecurrence": {"time": "2000"},
            "timeZoneId": "UTC",
            "targetResourceId": vm_id,
        }
        schedule = place.id("Microsoft.DevTestLab/schedules", name)
        self._add(schedule, "Microsoft.DevTestLab/schedules", place.region, properties)

    # --- files from inside VMs ----------------------------------------------------------------------------------------

    def _guest_files(self, stated: Sequence[_Member]) -> None:
        """Add the files of the members of a mirror, mostly as the rules require."""
        chance = self._random
        members = [member for member in stated if member.role in _MEMBER_TYPES]
        arbiter = next(member.address for member in stated if member.role == "mirror-arbiter")
        timeout = 10000 if chance.random() < 0.9 else 2000
        settings = {
            "guid": self._guid().upper(),
            "qosTimeout": timeout,
            "useSsl": chance.random() < 0.9,
            "arbiter": {"host": arbiter, "port": 2188},
        }
        guids = [self._guid().upper() for _ in members]
        for member, guid in zip(members, guids, strict=True):
            is_async = member.role == "mirror-dr"
            own = {"systemName": arm.name_of(member.vm), "joinMirror": True, "asyncMemberType": "0"}
            cpf = {
                "mirrorMember": own | ({"asyncMemberGuid": guid} if is_async else {}),
                "journal": {**_JOURNAL, "freezeOnError": not is_async},
                "mirrors": [_MIRROR | settings],
                "mirrorMembers": [_mirror_member(each, of) for each, of in zip(members, guids, strict=True)],
            }
            self._guest(member, "iris.cpf", "cpf", **_CPF, **cpf)
            events = [_MEMORY | {"hugePages": chance.random() < 0.9}, *(_FREEZE if chance.random() < 0.9 else ())]
            self._guest(
                member,
                "messages.log",
                "messages-log",
                firstLine=events[0]["at"],
                lastLine="2026-10-31T01:03:31.505",
                events=events,
            )
            self._guest(member, "VMSnapshotScriptPluginConfig.json", "backup-scripts", **_SCRIPTS)
            self._guest(member, "lsblk.json", "block-devices", devices=[*_devices(member.disks)])
            self._guest(member, "findmnt.json", "mounts", mounts=[*_mounts(member.disks)])
        states = [
            {"name": arm.name_of(member.vm), "type": kind, "status": status, "transfer": transfer, "dejournaling": end}
            for member, (kind, status, transfer, end) in zip(members, _STATES, strict=True)
        ]
        connected = {"host": arbiter, "port": 2188, "mode": "arbiter", "connection": "both"}
        at = "11/01/2026 02:00:00"
        self._guest(
            members[0], "mirror-status.txt", "mirror-status", mirror="DATA", at=at, arbiter=connected, members=states
        )

    def _guest(self, member: _Member, name: str, kind: str, **properties: object) -> None:
        """Add a file from inside a VM, as its parser returns it."""
        body = {"id": f"{member.vm}/guest/{name}", "name": name, "type": "Microsoft.Compute/virtualMachines/guest"}
        self._bodies.append({**body, "properties": {"kind": kind, "takenAt": TAKEN_AT, **properties}})

    def _window(self, vm: Body) -> None:
        """Assign a maintenance window to a VM with a host to itself, mostly."""
        if vm["properties"]["hardwareProfile"]["vmSize"] != _ISOLATED or self._random.random() < 0.2:
            return
        assignment = f"{vm['id']}/providers/Microsoft.Maintenance/configurationAssignments/window"
        type_ = "Microsoft.Maintenance/configurationAssignments"
        self._bodies.append({"id": assignment, "name": "window", "type": type_, "properties": {"resourceId": vm["id"]}})

    # --- public entrances ---------------------------------------------------------------------------------------------

    def _entrance(self, name: str, members: dict[_Place, list[str]], networks: dict[bool, str]) -> None:
        """Add an application gateway in each region, a Traffic Manager profile and the users' name."""
        primary = next(iter(members))
        policy = primary.id("Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies", f"waf-{name}")
        mode = "Prevention" if self._random.random() < 0.9 else "Detection"
        properties: Body = {
            "policySettings": {"state": "Enabled", "mode": mode},
            "managedRules": {"managedRuleSets": [{"ruleSetType": "OWASP", "ruleSetVersion": "3.2"}]},
        }
        type_ = "Microsoft.Network/ApplicationGatewayWebApplicationFirewallPolicies"
        self._add(policy, type_, primary.region, properties)
        profile = primary.id("Microsoft.Network/trafficManagerProfiles", f"tm-{name}")
        endpoints = []
        for place, configurations in members.items():
            in_dr = place is not primary
            label = f"{name}{'-dr' * in_dr}"
            address = self._public_address(place, f"pip-{label}", label)
            subnet = f"{networks[in_dr]}/subnets/gateway"
            self._gateway(place, f"agw-{label}", configurations, (subnet, address, policy))
            endpoint = _named(
                profile,
                "azureEndpoints",
                place.region,
                endpointStatus="Enabled",
                endpointMonitorStatus="Degraded" if in_dr else "Online",
                targetResourceId=address,
                target=f"{label}.{place.region}.cloudapp.azure.com",
                priority=2 if in_dr else 1,
            )
            endpoints.append(endpoint)
        properties = {
            "profileStatus": "Enabled",
            "trafficRoutingMethod": "Priority",
            "dnsConfig": {"relativeName": name, "fqdn": f"{name}.trafficmanager.net", "ttl": 30},
            "monitorConfig": {
                "protocol": "HTTPS",
                "port": 443,
                "path": "/csp/bin/mirror_status.cxw",
                "intervalInSeconds": self._random.choice((10, 10, 30)),
                "toleratedNumberOfFailures": 2,
                "timeoutInSeconds": 5,
            },
            "endpoints": endpoints,
        }
        self._add(profile, "Microsoft.Network/trafficManagerProfiles", "global", properties)
        self._metric_alert(primary, profile, "ProbeAgentCurrentEndpointStateByProfileResourceId")
        zone = f"{primary.subscription}/resourceGroups/rg-dns/providers/Microsoft.Network/dnszones"
        record = f"{zone}/{_zone_of(primary.subscription)}/CNAME/{name}"
        properties = {"TTL": 60, "CNAMERecord": {"cname": f"{name}.trafficmanager.net"}, "targetResource": {}}
        body = {"id": record, "name": name, "type": "Microsoft.Network/dnszones/CNAME", "properties": properties}
        self._bodies.append(body)

    def _gateway(self, place: _Place, name: str, members: Sequence[str], uses: tuple[str, str, str]) -> None:
        """Add an application gateway; it uses a subnet, a public IP address and a WAF policy."""
        subnet, address, policy = uses
        gateway = place.id("Microsoft.Network/applicationGateways", name)

        def part(collection: str, **properties: object) -> Body:
            return _named(gateway, collection, "web", **properties)

        def to(collection: str) -> Body:
            return {"id": f"{gateway}/{collection}/web"}

        parts = {
            "gatewayIPConfigurations": part("gatewayIPConfigurations", subnet={"id": subnet}),
            "frontendIPConfigurations": part("frontendIPConfigurations", publicIPAddress={"id": address}),
            "frontendPorts": part("frontendPorts", port=443),
            "sslCertificates": part(
                "sslCertificates", keyVaultSecretId=f"https://kv-{place.group}.vault.azure.net/secrets/tls"
            ),
            "backendAddressPools": part(
                "backendAddressPools", backendIPConfigurations=[{"id": member} for member in members]
            ),
            "probes": part(
                "probes",
                protocol="Https",
                path="/health.html",
                interval=self._random.choice((5, 5, 30)),
                timeout=5,
                unhealthyThreshold=2,
            ),
            "backendHttpSettingsCollection": part(
                "backendHttpSettingsCollection",
                port=443,
                protocol="Https",
                cookieBasedAffinity="Enabled",
                requestTimeout=120,
                connectionDraining={"enabled": True, "drainTimeoutInSec": 300},
                probe=to("probes"),
            ),
            "httpListeners": part(
                "httpListeners",
                protocol="Https",
                frontendIPConfiguration=to("frontendIPConfigurations"),
                frontendPort=to("frontendPorts"),
                sslCertificate=to("sslCertificates"),
                hostNames=[],
            ),
            "requestRoutingRules": part(
                "requestRoutingRules",
                ruleType="Basic",
                priority=100,
                httpListener=to("httpListeners"),
                backendAddressPool=to("backendAddressPools"),
                backendHttpSettings=to("backendHttpSettingsCollection"),
            ),
        }
        properties: Body = {
            "sku": {"name": "WAF_v2", "tier": "WAF_v2"},
            "operationalState": "Running",
            "autoscaleConfiguration": {"minCapacity": 2, "maxCapacity": 10},
            "sslPolicy": {"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101S"},
            "firewallPolicy": {"id": policy},
            **{collection: [entry] for collection, entry in parts.items()},
        }
        zones = ["1", "2", "3"]
        self._add(gateway, "Microsoft.Network/applicationGateways", place.region, properties, zones=zones)

    # --- load balancers -----------------------------------------------------------------------------------------------

    @staticmethod
    def _pool(place: _Place, load_balancer: str) -> str:
        return place.id("Microsoft.Network/loadBalancers", load_balancer) + "/backendAddressPools/pool"

    def _balancing(self, *, mirror: bool) -> _Balancing:
        """Return how the mirror or the web servers are balanced."""
        chance = self._random
        port = 1972 if mirror else 443
        healthy = chance.random() < 0.92
        page = "/csp/bin/mirror_status.cxw" if mirror else "/health.html"
        return _Balancing(
            {
                "protocol": "Http" if healthy else "Tcp",
                "port": 80 if healthy else port,
                "intervalInSeconds": chance.choice((5, 5, 5, 15)),
                "numberOfProbes": 2,
                **({"requestPath": page} if healthy else {}),
            },
            {
                "protocol": "Tcp",
                "frontendPort": port,
                "backendPort": port,
                "enableFloatingIP": False,
                "idleTimeoutInMinutes": chance.choice((30, 30, 15, 4)),
                "enableTcpReset": chance.random() < 0.9,
                "loadDistribution": "SourceIP" if chance.random() < 0.9 else "Default",
            },
            "Standard" if chance.random() < 0.95 else "Basic",
        )

    def _load_balancers(
        self,
        places: tuple[_Place, _Place],
        pools: Mapping[str, str],
        members: Mapping[str, Sequence[str]],
        networks: Mapping[bool, str],
    ) -> None:
        """Add the load balancers of the mirror and of the web servers in both regions, which are mostly alike."""
        for roles in (("mirror-failover", "mirror-dr"), ("web", "web-dr")):
            mirror = "web" not in roles
            subnet = _SUBNET_OF.get(roles[0], roles[0])
            balancing = self._balancing(mirror=mirror)
            for place, role in zip(places, roles, strict=True):
                site = f"{networks[place is places[1]]}/subnets/{subnet}"
                self._load_balancer(place, pools[role], members[role], site, balancing)
                balancing = balancing if self._random.random() < 0.9 else self._balancing(mirror=mirror)
        mirror_lb = pools["mirror-failover"].partition("/backendAddressPools/")[0]
        self._probe_status(mirror_lb, members["mirror-failover"])
        self._metric_alert(places[0], mirror_lb, "DipAvailability")

    def _load_balancer(
        self, place: _Place, pool: str, members: Sequence[str], subnet: str, balancing: _Balancing
    ) -> None:
        """Add the internal load balancer in front of mirror members or web servers."""
        chance = self._random
        load_balancer = pool.partition("/backendAddressPools/")[0]
        probe = _named(load_balancer, "probes", "probe", **balancing.probe)
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
            **balancing.rule,
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
        sku = {"name": balancing.sku, "tier": "Regional"}
        self._add(load_balancer, "Microsoft.Network/loadBalancers", place.region, properties, sku=sku)

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
                network = _network_of(place)
                security = self._security_group(place)
                self._network(place, [_subnet(network, "servers", "10.1.0.0/20", networkSecurityGroup=security)])
                subnet = f"{network}/subnets/servers"
            name = (
                f"{self._random.choice(('build', 'mail', 'erp', 'pacs', 'report'))}-{arm.name_of(scope)[:8]}-{index:04}"
            )
            size = self._random.choice(_OTHER_SIZES)
            disks = self._random.choice((0, 0, 1))
            vm, _ = self._vm(place, name, size, disks, {"team": place.group}, _Site(subnet))
            if self._random.random() < 0.1:
                self._shutdown(place, vm["id"])

    def _vm(  # noqa: PLR0913, PLR0917 - a VM differs in that many properties
        self, place: _Place, name: str, size: str, data_disks: int, tags: dict[str, str], site: _Site
    ) -> tuple[Body, str]:
        """Add a VM with its network interface and disks; return it and the id of its IP configuration."""
        chance = self._random
        vm_id = place.id("Microsoft.Compute/virtualMachines", name)
        interface = place.id("Microsoft.Network/networkInterfaces", f"{name}-nic")
        configuration = self._interface(place, interface, vm_id, tags, site)
        publisher, offer, sku = chance.choice(_IMAGES)
        cached = chance.random() < 0.05
        os_disk = self._disk(place, f"{name}-os", vm_id, tags, ("Premium_LRS", 128, 500, 100), site=site, system=True)
        sort = chance.choice(_DISKS) if chance.random() < 0.97 else ("Standard_LRS", 512, 500, 60)
        attached = [
            {
                "lun": lun,
                "createOption": "Attach",
                "caching": "ReadWrite" if cached else "None",
                "writeAcceleratorEnabled": False,
                **self._disk(place, f"{name}-data{lun}", vm_id, tags, sort, site=site),
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
            "diagnosticsProfile": {
                "bootDiagnostics": {"enabled": True, **({"storageUri": site.diagnostics} if site.diagnostics else {})}
            },
            "provisioningState": "Succeeded",
            "timeCreated": "2026-03-02T09:00:00.0000000+00:00",
            "instanceView": {
                "computerName": name,
                "osName": offer,
                "disks": [{"name": disk, "statuses": [status]} for disk in disk_names],
                "statuses": [status, {"code": "PowerState/running", "level": "Info", "displayStatus": "VM running"}],
            },
        }
        more = {"zones": [site.zone]} if site.zone else {}
        vm = self._add(vm_id, "Microsoft.Compute/virtualMachines", place.region, properties, tags=tags, **more)
        return vm, configuration

    def _interface(self, place: _Place, interface: str, vm_id: str, tags: dict[str, str], site: _Site) -> str:
        self._addresses += 1
        high, low = divmod(self._addresses % 4000 + 16, 256)
        address = f"10.1.{site.third_octet + high}.{low}"
        configuration = _named(
            interface,
            "ipConfigurations",
            "ipconfig1",
            privateIPAddress=address,
            privateIPAllocationMethod="Static" if self._random.random() < 0.9 else "Dynamic",
            subnet={"id": site.subnet},
            primary=True,
            privateIPAddressVersion="IPv4",
            **({"loadBalancerBackendAddressPools": [{"id": site.pool}]} if site.pool else {}),
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
        self._address_of[str(configuration["id"])] = address
        return str(configuration["id"])

    def _disk(  # noqa: PLR0913 - as above
        self,
        place: _Place,
        name: str,
        vm_id: str,
        tags: dict[str, str],
        sort: tuple[str, int, int, int],
        *,
        site: _Site,
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
        encrypted = {"diskEncryptionSet": {"id": site.encryption_set}} if site.encryption_set else {}
        if site.encryption_set:
            own_key = {"type": "EncryptionAtRestWithCustomerKey", "diskEncryptionSetId": site.encryption_set}
            properties["encryption"] = own_key
        more: Body = {"sku": {"name": sku, "tier": sku.partition("_")[0]}, "managedBy": vm_id}
        more |= {"zones": [site.zone]} if site.zone else {}
        self._add(disk, "Microsoft.Compute/disks", place.region, properties, tags=tags, **more)
        return {
            "name": name,
            "managedDisk": {"storageAccountType": sku, "id": disk, **encrypted},
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


def _people_of(scope: str) -> str:
    """Return the id of the action group of a subscription."""
    return _Place(scope, "rg-alerts", "global").id("Microsoft.Insights/actionGroups", "operators")


def _network_of(place: _Place) -> str:
    """Return the id of the network of a resource group."""
    return place.id("Microsoft.Network/virtualNetworks", f"vnet-{place.group}")


def _subnet(network: str, name: str, prefix: str, **uses: str) -> Body:
    """Return a subnet that uses resources, such as a route table, by their ids."""
    references = {key: {"id": arm_id} for key, arm_id in uses.items()}
    return _named(network, "subnets", name, addressPrefix=prefix, delegations=[], **references)


def _peering(network: str, remote: str, **more: bool) -> Body:
    return _named(
        network,
        "virtualNetworkPeerings",
        f"peer-{arm.name_of(remote)}",
        **{
            "peeringState": "Connected",
            "allowVirtualNetworkAccess": True,
            "allowForwardedTraffic": True,
            "useRemoteGateways": False,
            "remoteVirtualNetwork": {"id": remote},
            **more,
        },
    )


def _blobs_of(account: str) -> str:
    """Return the address of the blobs of a storage account."""
    return f"https://{arm.name_of(account)}.blob.core.windows.net/"


def _zone_of(scope: str) -> str:
    """Return the name of the DNS zone of a subscription."""
    return f"hospitals-{int(arm.name_of(scope)[:8])}.example"


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


def _tags(name: str, plan: _Plan, *, by_tags: bool) -> dict[str, str]:
    """Return the tags of a VM of a deployment, which may declare its role."""
    tags = {"application": name, "environment": "production"}
    if by_tags:
        mirror = "DATA" if "mirror" in plan.role else ""
        tags |= {"iris-deployment": name, "iris-role": plan.role, "iris-mirror": mirror}
    return tags


def _mirror_member(member: _Member, guid: str) -> Body:
    """Return a member as a CPF lists it."""
    agent = {"agentAddress": member.address} if member.role == "mirror-failover" else {}
    return {
        "mirror": "DATA",
        "name": arm.name_of(member.vm),
        **agent,
        "agentPort": 2188,
        "superServerAddress": member.address,
        "guid": guid,
        "directory": "/iris/sys/",
        "memberType": _MEMBER_TYPES[member.role],
        "mirrorPrivate": member.address,
        "superServerPort": 1972,
    }


def _devices(disks: int) -> Iterator[Body]:
    """Yield the OS disk and the data disks of a member, as `lsblk` lists them, with what lies on them."""
    yield {"name": "sda", "on": [], "type": "disk", "mountPoints": [], "temporary": False}
    yield {"name": "sda1", "on": ["sda"], "type": "part", "mountPoints": ["/"]}
    for lun, volume in enumerate(_VOLUMES[:disks]):
        disk = f"sd{'cdef'[lun]}"
        yield {"name": disk, "on": [], "type": "disk", "mountPoints": [], "temporary": False, "lun": lun}
        yield {"name": f"vg-{volume}", "on": [disk], "type": "lvm", "mountPoints": [f"/iris/{volume}"]}


def _mounts(disks: int) -> Iterator[Body]:
    """Yield the file systems of a member, as `findmnt` lists them."""
    yield {"target": "/", "source": "/dev/sda1", "type": "xfs", "options": ["rw", "relatime"]}
    for volume in _VOLUMES[:disks]:
        source = f"/dev/mapper/vg-{volume}"
        yield {"target": f"/iris/{volume}", "source": source, "type": "xfs", "options": ["rw", "noatime"]}
