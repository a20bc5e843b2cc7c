"""Estates in which one thing is as large as Azure permits, or everything refers to one resource.

If such a thing is doubled, a scan may cost little more than twice as much, and neither may what else a command does
with an estate. `bench/run.py` measures that, and `tests/test_growth.py` counts the calls.
"""

from __future__ import annotations

import datetime as dt
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import estate
import msgspec

from auditor import scan
from auditor.azure import arm
from auditor.azure.types import VERSIONS
from auditor.azure.types.names import NIC, VM
from auditor.cli import scan_codes
from auditor.discover import propose
from auditor.evaluation.model import fingerprint
from auditor.evaluation.result import Evaluation
from auditor.history import kept, trend
from auditor.history.folder import Archive
from auditor.history.index import Entry, Index
from auditor.report import build
from auditor.report.formats import FORMATS
from auditor.report.view import View
from auditor.snapshot.model import Approval, Gap, GapReason, Resource, Snapshot, resource
from auditor.sources import snapshot_file

Body = dict[str, Any]

_SUBSCRIPTION: Final = "/subscriptions/00000001-0000-4000-8000-000000000000"
_REGION: Final = "westeurope"
_PER_DEPLOYMENT: Final = 10
_GROUPS = 20
"""The number of security groups with many rules."""
_MEMBERS = 20
"""The number of VMs in each of many backend pools."""


class Inputs(NamedTuple):
    """What is scanned."""

    snapshot: Snapshot
    waivers: str = ""
    """The text of the file of waivers."""
    approved: Snapshot | None = None
    """The baseline."""


class InMemory(NamedTuple):
    """The source of a snapshot that is in memory."""

    snapshot: Snapshot
    file: str = ""

    def read(self) -> Snapshot:
        """Return the snapshot."""
        return self.snapshot

    def parts(self) -> None:
        """Return that it is no snapshot folder."""
        return


Run = Callable[[], object]
"""What is measured."""


def scanned(inputs: Inputs, folder: Path) -> Run:
    """Return the scan of a snapshot in memory; the other files are written to a folder."""
    waivers = folder / "waivers.yaml" if inputs.waivers else None
    if waivers:
        waivers.write_text(inputs.waivers, encoding="utf-8")
    baseline = folder / "approved.jsonl" if inputs.approved else None
    if baseline and inputs.approved:
        baseline.write_bytes(snapshot_file.encode(inputs.approved))
    return partial(scan.scan, scan.Request(InMemory(inputs.snapshot), waivers=waivers, baseline=baseline))


def discovered(inputs: Inputs, folder: Path) -> Run:  # noqa: ARG001 - the signature of all
    """Return the proposal of a deployment file."""
    return partial(propose, inputs.snapshot)


def written(name: str, view: View | None = None) -> Callable[[Inputs, Path], Run]:
    """Return what renders a report in a format."""

    def prepared(inputs: Inputs, folder: Path) -> Run:
        document = build.build(scanned(inputs, folder)(), passes=FORMATS[name].needs_passes)  # type: ignore[arg-type]
        return partial(FORMATS[name].render, document, view or View())

    return prepared


def told(archive: Archive, folder: Path) -> Run:  # noqa: ARG001 - the signature of all
    """Return the history of all findings."""
    return partial(trend.of, archive, (), None)


class Case(NamedTuple):
    """A thing that is doubled."""

    build: Callable[[int], Any]
    """Returns an estate with this number of it, or the reports of one."""
    size: int
    """The number that `bench/run.py` doubles, so that the double is the most that Azure permits, or at least common."""
    prepared: Callable[[Any, Path], Run] = scanned
    """Returns what is done with it."""


def cost(name: str, size: int) -> float:
    """Return the seconds of CPU time that what is done with a case takes, of which nothing is read from files."""
    with tempfile.TemporaryDirectory() as folder:
        run = CASES[name].prepared(CASES[name].build(size), Path(folder))
        begun = time.process_time()
        found = run()
        taken = time.process_time() - begun
    if isinstance(found, Evaluation) and scan_codes.has_errors(found):
        raise SystemExit("the outcome of a rule is error: this is a bug of auditor, and the time is not valid")
    return taken


# --- estates of VMs of which deployments of ten are declared ----------------------------------------------------------


class _Estate:
    """VMs in one virtual network, and what is put around them."""

    def __init__(self) -> None:
        self.bodies: list[Body] = []
        self.declared: list[str] = []
        self.listed = estate.LISTED
        self.gaps: list[Gap] = []

    def add(self, type_: str, name: str, properties: Body, group: str = "rg", **more: object) -> str:
        """Add a resource; return its id."""
        arm_id = f"{_SUBSCRIPTION}/resourceGroups/{group}/providers/{type_}/{name}"
        body = {"id": arm_id, "name": name.rpartition("/")[2], "type": type_, "location": _REGION, **more}
        self.bodies.append(body | {"properties": properties})
        return arm_id

    def network(self, name: str, subnets: Mapping[str, str], *, peers: Iterable[str] = (), group: str = "rg") -> str:
        """Add a virtual network; `subnets` are the ids of security groups, "" for none, by name."""
        arm_id = f"{_SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/{name}"
        peerings = [
            _part(arm_id, "virtualNetworkPeerings", f"to-{number}", **_PEERING, remoteVirtualNetwork={"id": peer})
            for number, peer in enumerate(peers)
        ]
        own = [
            _part(
                arm_id,
                "subnets",
                subnet,
                addressPrefix="10.0.0.0/8",
                **({"networkSecurityGroup": {"id": security}} if security else {}),
            )
            for subnet, security in subnets.items()
        ]
        space = {"addressPrefixes": ["10.0.0.0/8"]}
        properties = {"addressSpace": space, "subnets": own, "virtualNetworkPeerings": peerings}
        return self.add("Microsoft.Network/virtualNetworks", name, properties, group)

    def vm(self, name: str, subnet: str, group: str = "rg", tags: Mapping[str, str] | None = None) -> str:
        """Add a VM with a network interface; return the id of its IP configuration."""
        number = len(self.bodies)
        nic = f"{_SUBSCRIPTION}/resourceGroups/{group}/providers/Microsoft.Network/networkInterfaces/{name}-nic"
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        configuration = _part(nic, "ipConfigurations", "ip", privateIPAddress=address, subnet={"id": subnet})
        properties = {
            "hardwareProfile": {"vmSize": "Standard_D4s_v5"},
            "networkProfile": {"networkInterfaces": [{"id": nic}]},
            "osProfile": {"computerName": name},
            "storageProfile": {"osDisk": {}, "dataDisks": []},
        }
        vm = self.add("Microsoft.Compute/virtualMachines", name, properties, group, tags=dict(tags or {}))
        self.add(
            "Microsoft.Network/networkInterfaces",
            f"{name}-nic",
            {"ipConfigurations": [configuration], "virtualMachine": {"id": vm}},
            group,
        )
        return str(configuration["id"])

    def deployment(self, name: str, members: Iterable[str], *more: str) -> None:
        """Declare a deployment with a tier of app servers, and further lines of its entry."""
        self.declared += [
            f"  - name: {name}",
            "    product: iris",
            f"    subscriptions: [{arm.name_of(_SUBSCRIPTION)}]",
            f"    regions: {{primary: {_REGION}, dr: none}}",
            "    mirrors: none",
            *(f"    {line}" for line in more),
            "    tiers:",
            "      - role: app",
            "        members:",
            *(f"          - {member}" for member in members),
        ]

    def snapshot(self) -> Snapshot:
        resources = (resource(body, body["id"], _call(body["type"])) for body in self.bodies)
        return Snapshot(
            taken_at=estate.TAKEN_AT,
            scopes=(_SUBSCRIPTION,),
            resources=tuple(sorted(resources, key=lambda found: found.key)),
            listed=frozenset((_SUBSCRIPTION, type_) for type_ in self.listed),
            gaps=tuple(self.gaps),
            deployment="\n".join(["format: auditor.deployment/1", "deployments:", *self.declared, ""]),
        )


_PEERING: Final = {"peeringState": "Connected", "allowVirtualNetworkAccess": True}


def _call(type_: str) -> str:
    """Return the request that returned a resource."""
    return f"GET /providers/{type_}?api-version={VERSIONS.get(type_, '2024-07-01')}"


def _part(owner: str, collection: str, name: str, **properties: object) -> Body:
    return {"id": f"{owner}/{collection}/{name}", "name": name, "properties": properties}


def _names(deployment: int) -> list[str]:
    return [f"h{deployment:05}-app-{member}" for member in range(_PER_DEPLOYMENT)]


def _deployments(number: int, *more: Callable[[int], str], found: _Estate | None = None) -> _Estate:
    """Return an estate with a number of VMs, in deployments of ten."""
    found = found or _Estate()
    network = found.network("vnet", {"app": ""})
    for deployment in range(number // _PER_DEPLOYMENT):
        names = _names(deployment)
        for name in names:
            found.vm(name, f"{network}/subnets/app", f"rg-{deployment}", {"hospital": f"h{deployment}"})
        found.deployment(f"h{deployment:05}", names, *(line(deployment) for line in more))
    return found


# --- the cases --------------------------------------------------------------------------------------------------------


def _alike(deployments: int) -> Snapshot:
    """Return a number of copies of one deployment of 14 VMs, and of six other VMs, with what they share only once."""
    built = estate.build(_VMS)
    resources: dict[str, Resource] = {}
    texts = [built.deployment.partition("deployments:\n")[0] + "deployments:"]
    for number in range(deployments):
        for found in built.resources:
            arm_id = _renamed(found.id, number)
            resources[arm.key(arm_id)] = resource(_renamed(found.body, number), arm_id, found.call)
        texts.append(_renamed(built.deployment.partition("deployments:\n")[2], number).rstrip("\n"))
    return msgspec.structs.replace(
        built, resources=tuple(resources[key] for key in sorted(resources)), deployment="\n".join(texts) + "\n"
    )


_VMS: Final = 20
"""The smallest number of VMs of which one deployment is made."""
_OWN: Final = re.compile(r"hospital-1-|rg-team-|-00000001-", re.IGNORECASE)
"""What begins the names that are not shared."""


def _renamed(value: Any, number: int) -> Any:  # noqa: ANN401 - of a body
    """Return a body or text of one copy: with names and public addresses of its own."""
    if isinstance(value, str):
        address = value.removeprefix("20.0.")
        return f"20.{number}.{address}" if address != value else _OWN.sub(rf"\g<0>{number:03}-", value)
    if isinstance(value, dict):
        return {key: _renamed(each, number) for key, each in value.items()}
    return [_renamed(each, number) for each in value] if isinstance(value, list) else value


def _deployments_alike(number: int) -> Inputs:
    return Inputs(_alike(number))


def _gaps_of_vms(deployments: int) -> Inputs:
    """Return an estate in which the instance view of no VM was read."""
    built = _alike(deployments)
    return Inputs(
        _with_gaps(built, (found for found in built.resources if found.type == VM), "properties.instanceView")
    )


def _gaps_of_all(deployments: int) -> Inputs:
    """Return an estate in which a property of every resource was not read, and nothing of every second interface."""
    built = _alike(deployments)
    interfaces = [found for found in built.resources if found.type == NIC]
    partly = _with_gaps(built, built.resources, "properties.unread")
    wholly = _with_gaps(built, interfaces[::2], "properties")
    return Inputs(msgspec.structs.replace(built, gaps=partly.gaps + wholly.gaps))


def _with_gaps(built: Snapshot, resources: Iterable[Resource], what: str) -> Snapshot:
    """Return a snapshot with a gap of a property in each of some resources."""
    gaps = tuple(Gap(found.id, what, GapReason.FORBIDDEN) for found in resources)
    return msgspec.structs.replace(built, gaps=gaps)


def _globs(vms: int) -> Inputs:
    """Return deployments whose members are declared by globs with the wildcard behind, before and around the name."""
    found = _deployments(vms)
    found.declared = []
    for deployment in range(vms // _PER_DEPLOYMENT):
        found.deployment(f"h{deployment:05}", (f'{{name: "{glob}"}}' for glob in _globs_of(deployment)))
    return Inputs(found.snapshot())


def _globs_of(deployment: int) -> tuple[str, ...]:
    return f"h{deployment:05}-app-[0-3]", f"*{deployment:05}-app-4", f"h{deployment:05}-*-[5-9]"


def _tags(vms: int) -> Inputs:
    """Return deployments whose members are declared by tags."""
    found = _deployments(vms)
    found.declared = []
    for deployment in range(vms // _PER_DEPLOYMENT):
        found.deployment(f"h{deployment:05}", (f"{{tag: {{hospital: h{deployment}}}}}",))
    return Inputs(found.snapshot())


def _groups(vms: int) -> Inputs:
    """Return deployments that declare a resource group of their own."""
    return Inputs(_deployments(vms, lambda number: f"scope: {{resourceGroups: [rg-{number}]}}").snapshot())


def _one_deployment(vms: int) -> Inputs:
    """Return one deployment of a number of VMs."""
    found = _deployments(vms)
    found.declared = []
    found.deployment("all", (name for number in range(vms // _PER_DEPLOYMENT) for name in _names(number)))
    return Inputs(found.snapshot())


def _security_rules(count: int, change: Callable[[int], Body]) -> Inputs:
    """Return VMs in 20 subnets, each of which has a security group of a number of rules."""
    found = _Estate()
    subnets = {}
    for group in range(_GROUPS):
        security = f"{_SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/networkSecurityGroups/nsg-{group}"
        rules = [
            _part(security, "securityRules", f"rule-{rule}", **(_SECURITY_RULE | change(rule)), priority=100 + rule)
            for rule in range(count)
        ]
        properties = {"securityRules": rules, "defaultSecurityRules": []}
        subnets[f"app-{group}"] = found.add("Microsoft.Network/networkSecurityGroups", f"nsg-{group}", properties)
    network = found.network("vnet", subnets)
    for subnet in subnets:
        found.vm(f"vm-{subnet}", f"{network}/subnets/{subnet}")
    found.deployment("all", (f"vm-{subnet}" for subnet in subnets))
    return Inputs(found.snapshot())


_SECURITY_RULE: Final = {
    "protocol": "Tcp",
    "destinationAddressPrefix": "*",
    "access": "Allow",
    "direction": "Inbound",
}


def _ports(count: int) -> Inputs:
    """Return security rules for one port of few senders each."""
    return _security_rules(
        count,
        lambda rule: {
            "sourcePortRange": "*",
            "destinationPortRange": str(22 + rule),
            "sourceAddressPrefix": f"203.0.{rule >> 8}.{rule & 255}",
        },
    )


def _senders(count: int) -> Inputs:
    """Return security rules for all ports of few senders each."""
    return _security_rules(
        count,
        lambda rule: {
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "sourceAddressPrefix": f"203.0.{rule >> 7}.{2 * rule & 255}",
        },
    )


def _source_ports(count: int) -> Inputs:
    """Return security rules with distinct source ports for one port each."""
    return _security_rules(
        count,
        lambda rule: {
            "sourcePortRange": str(1024 + 2 * rule),
            "destinationPortRange": str(22 + rule),
            "sourceAddressPrefix": f"203.0.{rule >> 8}.{rule & 255}",
        },
    )


def _source_ports_to_all(count: int) -> Inputs:
    """Return security rules with distinct source ports for all ports."""
    return _security_rules(
        count,
        lambda rule: {
            "sourcePortRange": str(1024 + 2 * rule),
            "destinationPortRange": "*",
            "sourceAddressPrefix": f"203.0.{rule >> 8}.{rule & 255}",
        },
    )


def _tagged_rules(count: int) -> Inputs:
    """Return security rules with a service tag as source each, for all ports."""
    return _security_rules(
        count,
        lambda rule: {
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "sourceAddressPrefix": f"AzureCloud.region{rule}",
        },
    )


def _security_groups(count: int) -> Inputs:
    """Return rules whose destinations are application security groups, one a rule."""
    group = f"{_SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/applicationSecurityGroups/asg-"
    return _security_rules(
        count,
        lambda rule: {
            "sourcePortRange": "*",
            "destinationPortRange": "*",
            "sourceAddressPrefix": "*",
            "destinationAddressPrefix": "",
            "destinationApplicationSecurityGroups": [{"id": f"{group}{rule}"}],
        },
    )


def _load_balancer(found: _Estate, subnet: str, pools: list[list[str]]) -> None:
    """Add a load balancer with a rule, a frontend and a probe for each of its pools of IP configurations."""
    owner = f"{_SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/loadBalancers/lb"
    parts: dict[str, list[Body]] = {
        "frontendIPConfigurations": [],
        "backendAddressPools": [],
        "probes": [],
        "loadBalancingRules": [],
    }
    for number, members in enumerate(pools):
        frontend = _part(
            owner,
            "frontendIPConfigurations",
            f"front-{number}",
            privateIPAddress=f"10.200.{number >> 8}.{number & 255}",
            subnet={"id": subnet},
        )
        pool = _part(
            owner,
            "backendAddressPools",
            f"pool-{number}",
            backendIPConfigurations=[{"id": member} for member in members],
        )
        probe = _part(owner, "probes", f"probe-{number}", protocol="Tcp", port=1972)
        rule = _part(
            owner,
            "loadBalancingRules",
            f"rule-{number}",
            protocol="Tcp",
            frontendPort=1972,
            backendPort=1972,
            frontendIPConfiguration={"id": frontend["id"]},
            backendAddressPool={"id": pool["id"]},
            backendAddressPools=[{"id": pool["id"]}],
            probe={"id": probe["id"]},
        )
        for collection, part in zip(parts, (frontend, pool, probe, rule), strict=True):
            parts[collection].append(part)
    found.add("Microsoft.Network/loadBalancers", "lb", parts, sku={"name": "Standard", "tier": "Regional"})


def _pools(count: int) -> Inputs:
    """Return one load balancer with a number of pools of the same VMs, each with a rule."""
    found = _Estate()
    subnet = f"{found.network('vnet', {'app': ''})}/subnets/app"
    names = [f"vm-{member}" for member in range(_MEMBERS)]
    members = [found.vm(name, subnet) for name in names]
    _load_balancer(found, subnet, [members] * count)
    found.deployment("all", names)
    return Inputs(found.snapshot())


def _members(count: int) -> Inputs:
    """Return one load balancer with one pool of a number of VMs."""
    found = _Estate()
    subnet = f"{found.network('vnet', {'app': ''})}/subnets/app"
    names = [f"vm-{member}" for member in range(count)]
    _load_balancer(found, subnet, [[found.vm(name, subnet) for name in names]])
    found.deployment("all", names)
    return Inputs(found.snapshot())


def _waivers(count: int) -> Inputs:
    """Return waivers for one VM each: by its id, and by a glob in the place of the subscription or of all before it."""
    built = _deployments(count).snapshot()
    vms = [found.id for found in built.resources if found.type == VM]
    ways: tuple[Callable[[str], str], ...] = (
        str,
        lambda vm: vm.replace(_SUBSCRIPTION, "/subscriptions/*"),
        lambda vm: f"*/{arm.name_of(vm)}",
    )
    lines = ["format: auditor.waivers/1", "waivers:"]
    for number, vm in enumerate(vms):
        lines += [
            f"  - {{rule: CMP001, scope: '{ways[number % 3](vm)}', category: Waiver, reason: r,",
            "     approvedBy: a, grantedOn: 2026-10-01, expiresOn: 2027-01-01}",
        ]
    return Inputs(built, "\n".join(lines) + "\n")


def _hub(count: int) -> Inputs:
    """Return one virtual network with which those of a number of deployments are peered."""
    found = _Estate()
    hub = f"{_SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/virtualNetworks/hub"
    spokes = []
    for number in range(count):
        spokes.append(found.network(f"spoke-{number}", {"app": ""}, peers=(hub,)))
        names = [f"s{number:05}-app-{member}" for member in range(2)]
        for name in names:
            found.vm(name, f"{spokes[-1]}/subnets/app")
        found.deployment(f"s{number:05}", names)
    found.network("hub", {"GatewaySubnet": ""}, peers=spokes)
    return Inputs(found.snapshot())


def _profiles(count: int) -> Inputs:
    """Return Traffic Manager profiles and application gateways of which it is unknown where they lead."""
    found = _deployments(count)
    for number in range(count // _PER_DEPLOYMENT):
        end = {"type": "Microsoft.Network/trafficManagerProfiles/externalEndpoints", "name": "end"}
        found.add(
            "Microsoft.Network/trafficManagerProfiles",
            f"tm-{number}",
            {
                "dnsConfig": {"fqdn": f"tm-{number}.trafficmanager.net"},
                "endpoints": [end | {"properties": {"target": f"unknown-{number}.example"}}],
            },
        )
        gateway = f"{_SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Network/applicationGateways/agw-{number}"
        backends = [{"fqdn": f"unknown-{number}.example"}, {"ipAddress": f"10.250.{number >> 8}.{number & 255}"}]
        pool = _part(gateway, "backendAddressPools", "pool", backendAddresses=backends)
        found.add("Microsoft.Network/applicationGateways", f"agw-{number}", {"backendAddressPools": [pool]})
    return Inputs(found.snapshot())


def _front_doors(count: int) -> Inputs:
    """Return Azure Front Doors with an origin each, of which it is unknown where it leads."""
    found = _deployments(count, lambda _: "entrance: front-door")
    for number in range(count // _PER_DEPLOYMENT):
        door = found.add("Microsoft.Cdn/profiles", f"fd-{number}", {}, sku={"name": "Premium_AzureFrontDoor"})
        group = found.add("Microsoft.Cdn/profiles/originGroups", f"fd-{number}/originGroups/g", {})
        for body in found.bodies[-1:]:
            body["id"] = f"{door}/originGroups/g"
        group = f"{door}/originGroups/g"
        for type_, below, properties in (
            ("Microsoft.Cdn/profiles/originGroups/origins", f"{group}/origins/o", {"hostName": f"u-{number}.example"}),
            (
                "Microsoft.Cdn/profiles/afdEndpoints",
                f"{door}/afdEndpoints/e",
                {"hostName": f"e{number}.z01.azurefd.net"},
            ),
            (
                "Microsoft.Cdn/profiles/afdEndpoints/routes",
                f"{door}/afdEndpoints/e/routes/r",
                {"originGroup": {"id": group}},
            ),
        ):
            found.bodies.append({"id": below, "name": arm.name_of(below), "type": type_, "properties": properties})
    return Inputs(found.snapshot())


def _copies(count: int) -> Inputs:
    """Return VMs with agents of SQL Server, and as many copies of VMs, whose disks are of restore points."""
    found = _Estate()
    subnet = f"{found.network('vnet', {'app': ''})}/subnets/app"
    for number in range(count):
        for name, source in ((f"db-{number}", ""), (f"vm-{number}", f"disk-db-{number}_{number}")):
            found.vm(name, subnet)
            creation = {"sourceResourceId": f"{_POINTS}/{source}"} if source else {}
            disk = found.add("Microsoft.Compute/disks", f"disk-{name}", {"creationData": creation})
            [vm] = [body for body in found.bodies[-3:] if body["type"] == "Microsoft.Compute/virtualMachines"]
            vm["properties"]["storageProfile"]["osDisk"] = {"managedDisk": {"id": disk}}
        found.bodies.append(
            {
                "id": f"{vm['id']}/extensions/agent",
                "name": "agent",
                "type": "Microsoft.Compute/virtualMachines/extensions",
                "properties": {"type": "SqlIaaSAgent"},
            }
        )
    return Inputs(found.snapshot())


def _mirrors(count: int) -> Inputs:
    """Return one deployment of a number of mirrors of two VMs by name, each with a DR async and an arbiter."""
    found = _Estate()
    subnet = f"{found.network('vnet', {'app': ''})}/subnets/app"
    for number in range(count):
        stem = f"iris-{_letters(number)}"
        for name in (f"{stem}-db-1", f"{stem}-db-2", f"{stem}-arbiter"):
            found.vm(name, subnet)
        found.vm(f"{stem}-dr", subnet, tags={"iris-role": "mirror-dr"})
    return Inputs(found.snapshot())


def _letters(number: int) -> str:
    """Return a word that differs from that of every other number."""
    return f"m{number:05}".translate(str.maketrans("0123456789", "abcdefghij"))


_POINTS: Final = (
    f"{_SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.Compute/restorePointCollections/c/restorePoints/p/"
    "diskRestorePoints"
)


def _moved(vms: int) -> Inputs:
    """Return VMs, half of which were moved to another resource group, and half renamed, since a baseline."""
    found = _deployments(vms)
    for number, body in enumerate(found.bodies):
        body["properties"]["vmId"] = f"{number:08}-0000-4000-8000-000000000000"
    before = found.snapshot()
    for number, body in enumerate(found.bodies):
        if body["type"] == "Microsoft.Compute/virtualMachines":
            old, new = ("/rg-", "/moved-") if number % 2 else ("-app-", "-new-")
            body["id"] = body["id"].replace(old, new)
            body["name"] = arm.name_of(body["id"])
    approval = Approval("bench", before.taken_at, "measured")
    return Inputs(found.snapshot(), approved=msgspec.structs.replace(before, approved=approval))


def _nights(count: int) -> Archive:
    """Return three reports of as many subscriptions as deployments, of which the second one lacks each mirror."""
    scopes = tuple(f"/subscriptions/{number:08}-0000-4000-8000-000000000000" for number in range(count))
    subjects = [
        kept.Subject("MIR001", f"h{number:05}", f"h{number:05}/mirror", "mirror", "mirror", "")
        for number in range(count)
    ]
    numbers = {fingerprint(each.rule, each.deployment, each.id): number for number, each in enumerate(subjects)}
    entries = []
    for night, code in enumerate((kept.PASS, kept.ABSENT, kept.PASS)):
        moment = dt.datetime(2026, 11, 1 + night, tzinfo=dt.UTC)
        listed = dict.fromkeys(scopes, frozenset({VM}))
        about = kept.Kept(moment, "current", scopes, listed, whole=True, titles={}, headlines={})
        entries.append((f"{night}.json", Entry("", about, bytes([code]) * count)))
    return Archive(Index(numbers, subjects, dict(entries)), entries, (), "")


CASES: Final[Mapping[str, Case]] = {
    "deployments": Case(_deployments_alike, 50),
    "VMs of one deployment": Case(_one_deployment, 1000),
    "deployments, with a gap of each VM": Case(_gaps_of_vms, 50),
    "deployments, with a gap of each resource": Case(_gaps_of_all, 50),
    "VMs declared by globs": Case(_globs, 2000),
    "VMs declared by tags": Case(_tags, 2000),
    "VMs in declared resource groups": Case(_groups, 2000),
    "security rules in 20 groups": Case(_ports, 500),
    "security rules with distinct senders, for all ports": Case(_senders, 500),
    "security rules with distinct source ports": Case(_source_ports, 500),
    "security rules with distinct source ports, for all ports": Case(_source_ports_to_all, 500),
    "security rules with a service tag each": Case(_tagged_rules, 500),
    "security rules with an application security group each": Case(_security_groups, 500),
    "pools of one load balancer, each with a rule": Case(_pools, 250),
    "members of one load balancer": Case(_members, 500),
    "waivers": Case(_waivers, 5000),
    "virtual networks peered with one": Case(_hub, 250),
    "profiles and gateways that lead nowhere": Case(_profiles, 1000),
    "Front Doors": Case(_front_doors, 1000),
    "VMs that were moved or renamed": Case(_moved, 1000),
    "deployments, to discover": Case(_deployments_alike, 50, discovered),
    "VMs of one deployment, to discover": Case(_one_deployment, 2000, discovered),
    "peered virtual networks, to discover": Case(_hub, 500, discovered),
    "pools of one load balancer, to discover": Case(_pools, 250, discovered),
    "Front Doors, to discover": Case(_front_doors, 2000, discovered),
    "restored copies and agents of SQL Server, to discover": Case(_copies, 1000, discovered),
    "mirrors of one deployment, to discover": Case(_mirrors, 250, discovered),
    "deployments, to the terminal": Case(_deployments_alike, 50, written("terminal")),
    "deployments, in full to the terminal": Case(_deployments_alike, 50, written("terminal", View(details=True))),
    "deployments, as a page": Case(_deployments_alike, 25, written("html")),
    "deployments and subscriptions in a history": Case(_nights, 2000, told),
}
"""The worst cases by what is doubled."""
