"""Proposals for the optional keys of deployments and mirrors, from the resources that show them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple

from auditor.azure import arm
from auditor.azure.types.names import (
    APPLICATION_GATEWAY,
    AZURE_FIREWALL,
    CONNECTION,
    DNS_ZONE,
    FILE_SHARE,
    FRONT_DOOR_CLASSIC,
    FRONT_DOOR_ENDPOINT,
    LOAD_BALANCER,
    NETWORK_GATEWAY,
    PUBLIC_ADDRESS,
    TRAFFIC_MANAGER,
)
from auditor.discover.candidates import Confidence
from auditor.discover.names import words_of
from auditor.discover.proposals import DeploymentProposal, Member, MirrorProposal
from auditor.discover.stated_disks import stated_disks
from auditor.discover.stated_mirrors import Stated
from auditor.estate.declaration import DeclaredDeployment, DeclaredMirror, DeclaredTier, Role, Roster, Selector
from auditor.estate.front_doors import TYPES as FRONT_DOORS
from auditor.estate.ports import SUPERSERVER_PORTS
from auditor.estate.subjects import Deployment, Mirror
from auditor.estate.topology import Topology
from auditor.rules.context import Context
from auditor.rules.facts import (
    backups,
    connections,
    disks,
    entrances,
    front_doors,
    gateways,
    key_vaults,
    load_balancers,
    protection,
)
from auditor.snapshot.known import PartialList
from auditor.snapshot.lookup import items, parts, value
from auditor.snapshot.model import Part, Resource, Snapshot

_Value = str | int | list[int]


class Entry(NamedTuple):
    """A value that resources show, with confidence and reasons."""

    value: _Value
    confidence: Confidence
    why: str
    key: str = ""
    """The key of the value in a mapping."""


class Key(NamedTuple):
    """A key of a deployment or mirror: with the values that resources show, or with a hint."""

    name: str
    shape: Literal["value", "list", "mapping"]
    entries: Sequence[Entry]
    hint: str
    """The value to think of if nothing shows one."""
    why: str
    """Why there is none, and what else it could be."""
    left_open: str
    """What is left open without one, or "" if nothing is."""
    untold: Sequence[str] = ()
    """What nothing shows beside the values, with the reason."""


class Keys(NamedTuple):
    """The optional keys of a deployment."""

    entrance: tuple[Key, ...]
    """How users reach it."""
    care: tuple[Key, ...]
    """What protects it."""
    mirrors: tuple[tuple[Key, ...], ...]
    """Those of each mirror."""


def keys_of(snapshot: Snapshot, proposals: Sequence[DeploymentProposal]) -> list[Keys]:
    """Return the keys of each proposal, from what belongs to it once its VMs have the proposed roles."""
    topology = Topology(snapshot, tuple(map(_declaration, proposals)))
    found = {deployment.id: deployment for deployment in topology.deployments}
    around = _Around(topology)
    return [_keys(topology, around, proposal, found[proposal.name]) for proposal in proposals]


class _Around:
    """What is beside deployments, by what leads to it."""

    def __init__(self, topology: Topology) -> None:
        """Index the ends of Front Doors, the records of public DNS zones, and file shares."""
        known = topology.graph.by_type
        self.ends: dict[str, dict[int, Resource]] = defaultdict(dict)
        """By the key of the Front Door, and by their places in the order of all."""
        ends = (end for type_ in (FRONT_DOOR_ENDPOINT, FRONT_DOOR_CLASSIC) for end in known.get(type_, ()))
        for place, end in enumerate(ends):
            self.ends[arm.owner_of(end.key)][place] = end
        self.shares: dict[str, list[Resource]] = defaultdict(list)
        """By the key of the resource group."""
        for share in known.get(FILE_SHARE, ()):
            self.shares[_group_of(share.key)].append(share)
        zones = (found for type_, found in known.items() if type_.startswith(f"{DNS_ZONE}/"))
        records = (record for found in zones for record in found if not _is_private(topology, record))
        self.records = [(record, {*map(_plain, _led_to(record))}) for record in records]
        """Record sets, and to which names, addresses and ids each leads."""
        self.leading: dict[str, list[int]] = defaultdict(list)
        """The places of the records that lead to something, by what that is."""
        for place, (_, targets) in enumerate(self.records):
            for target in targets:
                self.leading[target].append(place)


def _keys(topology: Topology, around: _Around, proposal: DeploymentProposal, deployment: Deployment) -> Keys:
    context = Context(topology, deployment)
    entrance = _entrance(context, deployment)
    public = bool(entrance.entries)
    return Keys(
        (entrance, _connectivity(deployment, entrance), *(_dns(context, around, deployment) if public else ())),
        (_backup(context, around, deployment), *_firewall(context, deployment), *_key_vaults(context, deployment)),
        tuple(
            (*_superserver(proposed), *_ports(context, mirror), *_disks(context, proposed))
            for proposed, mirror in zip(proposal.mirrors, deployment.mirrors, strict=False)
        ),
    )


# --- the proposal as a declaration ------------------------------------------------------------------------------------


def _declaration(proposal: DeploymentProposal) -> DeclaredDeployment:
    """Return the declaration of the proposed roles."""
    mirrors = tuple(
        DeclaredMirror(
            name=mirror.name,
            product=mirror.product or proposal.product.name,
            address_kind="load-balancer",
            failover=_roster([*mirror.failover, *mirror.rosters[Role.MIRROR_FAILOVER]]),
            arbiter=_roster(mirror.rosters[Role.MIRROR_ARBITER]),
            dr=_roster(mirror.rosters[Role.MIRROR_DR]),
            reporting=_roster(mirror.rosters[Role.MIRROR_REPORTING]),
            superserver=_stated_port(mirror),
        )
        for mirror in proposal.mirrors
    )
    tiers = tuple(DeclaredTier(role, _roster(members), product) for (role, product), members in proposal.tiers.items())
    return DeclaredDeployment(
        name=proposal.name,
        product=proposal.product.name,
        subscriptions=proposal.subscriptions,
        primary_region=proposal.primary,
        dr_region=proposal.dr,
        mirrors=mirrors or None,
        tiers=tiers or None,
        # So that a route to any appliance is found.
        firewall="appliance",
    )


def _stated_port(mirror: MirrorProposal) -> int:
    """Return the superserver port that CPFs state, 0 without one."""
    return int(mirror.stated.superserver.text or 0) if mirror.stated else 0


def _roster(members: Sequence[Member]) -> Roster:
    return Roster(bool(members), tuple(Selector("id", member.vm.resource.id) for member in members))


# --- how users reach it -----------------------------------------------------------------------------------------------


def _entrance(context: Context, deployment: Deployment) -> Key:
    entries = []
    profiles = deployment.scope[TRAFFIC_MANAGER].of_type(Resource)
    doors = PartialList.of(front_doors.front_doors(context, deployment).value).of_type(Resource)
    seen = entrances.seen_entrance(context, deployment)
    if profiles or doors:
        way = "front-door" if doors else "internet"
        entries.append(Entry(way, Confidence.LIKELY, f"reached by {_names(doors or profiles)}"))
    elif seen.value is True:
        why = f"reached by a public IP address of {arm.name_of(seen.reads[0].resource)}"
        entries.append(Entry("internet", Confidence.LIKELY, why))
    why = "no public IP address was found that leads to a tier: or internet, or front-door"
    return Key("entrance", "value", entries, "private", why, "the entrance")


def _connectivity(deployment: Deployment, entrance: Key) -> Key:
    found = deployment.scope[CONNECTION].of_type(Resource)
    gateways = deployment.scope[NETWORK_GATEWAY].of_type(Resource)
    accepting = [
        gateway
        for gateway in gateways
        if isinstance(value(gateway, "properties.vpnClientConfiguration.vpnClientAddressPool").value, dict)
    ]
    entries = [entry._replace(value="internet") for entry in entrance.entries]
    for kind, type_ in (("vpn", "IPsec"), ("expressroute", "ExpressRoute")):
        named = [each for each in found if connections.is_of_type(each, type_).value is True]
        if named:
            entries.append(Entry(kind, Confidence.LIKELY, f"connected by {_names(named)}"))
    if accepting and not any(entry.value == "vpn" for entry in entries):
        entries.insert(0, Entry("vpn", Confidence.GUESS, f"VPN clients reach {_names(accepting)}"))
    why = "no public entrance and no connection of a gateway was found: or internet, vpn, expressroute"
    return Key("connectivity", "list", entries, "none", why, "the connectivity")


_DOMAIN: Final = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}")
_ENTRANCES: Final = (LOAD_BALANCER, APPLICATION_GATEWAY, AZURE_FIREWALL)


def _dns(context: Context, around: _Around, deployment: Deployment) -> Iterator[Key]:
    """Yield the names whose records lead to what directs users to the deployment, else to its public entrances.

    The name of a Traffic Manager profile itself is one if an application gateway accepts it.
    """
    owners = [owner for type_ in _ENTRANCES for owner in deployment.scope[type_].of_type(Resource)]
    targets = _directing(around, deployment)
    addresses = _named(_addresses(context, deployment, owners), "properties.dnsSettings.fqdn", "properties.ipAddress")
    leading = _leading_to(around, targets) or _leading_to(around, addresses)
    targets |= addresses
    accepted = {_plain(host): gateway for gateway in owners for host in _hosts(gateway)}
    entries = [
        Entry(name, Confidence.LIKELY, f"its record leads to {target.name}")
        for name, target in sorted(leading.items())
        if len(name) < _LONGEST_NAME and _DOMAIN.fullmatch(name)
    ]
    entries = entries or [
        Entry(host, Confidence.LIKELY, f"the name of {targets[host].name}, which {gateway.name} accepts")
        for host, gateway in sorted(accepted.items())
        if host in targets
    ]
    hosts = sorted(host for host in accepted if _DOMAIN.fullmatch(host))
    why = "no record of a DNS zone that was read leads to it"
    why += f"; {accepted[hosts[0]].name} accepts this name" if hosts else ""
    yield Key("dns", "list", entries, hosts[0] if hosts else "NAME", why, "the domain name of the users")


_LONGEST_NAME: Final = 254


def _directing(around: _Around, deployment: Deployment) -> dict[str, Resource]:
    """Return the Traffic Manager profiles and Azure Front Doors of a deployment by their domain names and keys."""
    doors = {door.key for type_ in FRONT_DOORS for door in deployment.scope[type_].of_type(Resource)}
    found = {place: end for door in doors for place, end in around.ends.get(door, {}).items()}
    ends = [found[place] for place in sorted(found)]
    profiles = deployment.scope[TRAFFIC_MANAGER].of_type(Resource)
    return _named(profiles, "properties.dnsConfig.fqdn") | _named(ends, "properties.hostName", "properties.cName")


def _addresses(context: Context, deployment: Deployment, owners: Sequence[Resource]) -> list[Resource]:
    """Return the public IP addresses of some owners."""
    own = {owner.key for owner in owners}
    holders = context.topology.public_addresses.holders
    found = deployment.scope[PUBLIC_ADDRESS].of_type(Resource)
    return [address for address in found if any(holder.key in own for holder in holders(address))]


def _named(found: Iterable[Resource], *paths: str) -> dict[str, Resource]:
    """Return resources by their keys, and by the names or addresses at some paths."""
    named: dict[str, Resource] = {}
    for resource in found:
        names = (value(resource, path).value for path in paths)
        named |= {_plain(name): resource for name in (resource.key, *names) if isinstance(name, str)}
    return named


def _hosts(owner: Resource) -> Iterator[str]:
    """Yield the host names that the listeners of an application gateway accept."""
    for listener in parts(owner, gateways.LISTENERS):
        names = (value(listener, "properties.hostName").value, *_texts(listener, "properties.hostNames[*]"))
        yield from (name for name in names if isinstance(name, str))


def _leading_to(around: _Around, targets: Mapping[str, Resource]) -> dict[str, Resource]:
    """Return the names in DNS zones whose records lead to some targets, each with the target.

    The targets are by lower-case domain name, address or key.
    """
    known = dict(targets)
    names: dict[str, Resource] = {}
    done: set[int] = set()
    reached: Iterable[str] = targets
    while new := sorted({place for each in reached for place in around.leading.get(each, ())} - done):
        done.update(new)
        led = [(record, places & known.keys()) for record, places in (around.records[place] for place in new)]
        reached = []
        for record, places in led:
            target = known[min(places)]
            zone, _, label = record.key.rsplit("/", 2)
            name = arm.name_of(zone) if label == "@" else f"{label}.{arm.name_of(zone)}"
            names[name] = target
            known |= {record.key: target, name: target}
            reached += (record.key, name)
    return names


def _is_private(topology: Topology, record: Resource) -> bool:
    """Return whether a record set is in a zone that only private networks use."""
    zone = topology.graph.get(record.id.rstrip("/").rsplit("/", 2)[0])
    return isinstance(zone, Resource) and str(value(zone, "properties.zoneType").value).lower() == "private"


def _led_to(record: Resource) -> Iterator[str]:
    """Yield the names, addresses and ids to which a record set leads."""
    for path in ("properties.CNAMERecord.cname", "properties.targetResource.id"):
        found = value(record, path).value
        if isinstance(found, str):
            yield found
    for path in ("properties.ARecords[*].ipv4Address", "properties.AAAARecords[*].ipv6Address"):
        yield from _texts(record, path)


def _texts(element: Resource | Part, path: str) -> list[str]:
    return PartialList.of(items(element, path).value).of_type(str)


def _plain(name: str) -> str:
    """Return a domain name, address or id in the form for comparison."""
    return arm.key(name) if arm.is_id(name) else name.strip().rstrip(".").lower()


# --- what protects it -------------------------------------------------------------------------------------------------


def _backup(context: Context, around: _Around, deployment: Deployment) -> Key:
    """Return how the databases are backed up: by online backup if a file share is named so, else by Azure Backup."""
    protected = PartialList.of(backups.deployment_backups(context, deployment).value).of_type(Resource)
    names = _listed({backups.vault_of(item) for item in protected})
    entries = list(_online_backup(around, deployment, names))
    if protected and not entries:
        entries.append(
            Entry("azure-backup", Confidence.LIKELY, f"database servers are protected in {names}", "strategy")
        )
        rosters = (PartialList.of(deployment.vms[role]) for role in (Role.MIRROR_FAILOVER, Role.DB))
        servers = {vm.key: vm for roster in rosters for vm in roster.of_type(Resource)}
        sources = [(item, value(item, "properties.sourceResourceId").value) for item in protected]
        own = {arm.key(backups.vault_of(item)): backups.vault_of(item) for item, vm in sources if _key(vm) in servers}
        if len(own) == 1:
            why = f"that of {_listed(vm for _, vm in sources if _key(vm) in servers)}"
            vault = context.topology.graph.get_or_placeholder(next(iter(own.values())))
            entries.append(Entry(vault.id, Confidence.LIKELY, why, "vault"))
    why = "no vault protects a database server, and no file share is named as one for backups: or online"
    return Key("backup", "mapping", entries, "{strategy: third-party, product: NAME}", why, "the backup")


_BACKUPS: Final = frozenset({"backup", "backups", "bkp"})


def _online_backup(around: _Around, deployment: Deployment, vaults: str) -> Iterator[Entry]:
    """Yield the entries of online backup if a file share beside the VMs has a name for it.

    If vaults protect VMs too, the name must contain "online".
    """
    groups = {_group_of(key) for key in deployment.roles}
    shares = [share for group in groups for share in around.shares.get(group, ())]
    for share in sorted(shares, key=lambda share: share.key):
        words = words_of(share.name)
        if _BACKUPS & words and ("online" in words or not vaults):
            account = share.id.rstrip("/").rsplit("/", 4)[0]
            why = f"{arm.name_of(account)} has a share {share.name}"
            why += f"; VMs are protected in {vaults} too" if vaults else ""
            yield Entry("online", Confidence.GUESS, why, "strategy")
            yield Entry(account, Confidence.GUESS, "the storage account of that share", "account")
            return


def _group_of(key: str) -> str:
    """Return the key of a resource group, with its subscription."""
    return key.partition("/providers/")[0]


def _key(arm_id: object) -> str:
    return arm.key(arm_id) if isinstance(arm_id, str) else ""


def _listed(ids: Iterable[object]) -> str:
    """Return the names of some ids, the first few of many."""
    found = sorted({arm.name_of(str(arm_id)) for arm_id in ids})
    return ", ".join(found[:_MOST]) + (f" and {len(found) - _MOST} more" if len(found) > _MOST else "")


def _names(found: Iterable[Resource]) -> str:
    return _listed(resource.id for resource in found)


_MOST: Final = 4
_FILTERS: Final = (
    ("azure-firewall", "azure-firewall", "an Azure Firewall filters"),
    ("waf", "waf", "a WAF filters"),
    ("front-door", "waf", "the WAF of an Azure Front Door filters"),
)
"""What protects an entrance, with the value of `firewall` and the words for it."""


def _firewall(context: Context, deployment: Deployment) -> Iterator[Key]:
    """Yield what filters the traffic of the public entrances, if there are any."""
    kinds: dict[str, list[Resource]] = defaultdict(list)
    open_ones: list[Resource] = []
    alone: list[Resource] = []
    for type_ in (APPLICATION_GATEWAY, LOAD_BALANCER):
        for owner in deployment.scope[type_].of_type(Resource):
            if protection.is_public(context, owner).value is not True:
                continue
            found = PartialList.of(protection.protections(context, owner).value).of_type(str)
            for kind in found:
                kinds[kind].append(owner)
            (open_ones if not found else alone if found == ["appliance"] else []).append(owner)
    if not kinds and not open_ones:
        return
    entries = []
    if alone:
        why = f"routes lead from {_names(alone)} to an appliance that is no Azure Firewall"
        entries.append(Entry("appliance", Confidence.GUESS, why))
    else:
        for kind, value_, what in _FILTERS:
            if kind in kinds and not entries:
                entries.append(Entry(value_, Confidence.LIKELY, f"{what} the traffic of {_names(kinds[kind])}"))
    why = f"nothing was found that filters the traffic of {_names(open_ones)}: or appliance"
    yield Key("firewall", "value", entries, "none", why, "the firewall")


def _key_vaults(context: Context, deployment: Deployment) -> Iterator[Key]:
    """Yield the key vaults of disks and of the certificates of application gateways, if any is known."""
    answer = key_vaults.key_vaults(context, deployment)
    entries = []
    for vault in PartialList.of(answer.value).of_type(Resource):
        host = f"//{vault.name.lower()}."
        users = [read.resource for read in answer.reads if host in str(read.value).lower()]
        if _KEY_VAULT.fullmatch(vault.id):
            entries.append(Entry(vault.id, Confidence.LIKELY, f"used by {_listed(users)}"))
    if entries:
        yield Key("keyVaults", "list", entries, "", "", "")


_KEY_VAULT: Final = re.compile(
    r"/subscriptions/[^/]+/resourcegroups/[^/]+/providers/microsoft\.keyvault/vaults/[^/]+", re.IGNORECASE
)


# --- mirrors ----------------------------------------------------------------------------------------------------------


def _superserver(mirror: MirrorProposal) -> Iterator[Key]:
    """Yield the superserver port that CPFs state, or what they leave open of it."""
    stated = mirror.stated.superserver if mirror.stated else Stated()
    entries = [Entry(_stated_port(mirror), Confidence.CERTAIN, stated.why)] if stated.text else []
    if entries or stated.question:
        open_ = f"the superserver port of mirror {mirror.name}"
        yield Key("superserver", "value", entries, "PORT", stated.question, open_)


def _ports(context: Context, mirror: Mirror) -> Iterator[Key]:
    """Yield the ports, beside that of the superserver, to which load balancers send the traffic of a mirror."""
    vms = PartialList.of(mirror.failover).of_type(Resource)
    by_port: dict[int, list[Resource]] = defaultdict(list)
    for rule in context.topology.load_balancing.rules_serving(vms):
        port = load_balancers.tcp_port(rule).value
        if type(port) is int and 0 < port < _END_OF_PORTS:
            by_port[port].append(rule.resource)
    known = {mirror.declared.superserver} - {0} or SUPERSERVER_PORTS
    others = sorted(by_port.keys() - known)
    if by_port.keys() & known:
        if others:
            entries = [
                Entry(port, Confidence.LIKELY, f"the port of a rule of {_names(by_port[port])}") for port in others
            ]
            yield Key("ports", "list", entries, "", "", "")
    elif others and not mirror.declared.superserver:
        why = f"{_names(found for port in others for found in by_port[port])} sends traffic to port"
        why += f" {', '.join(map(str, others))}: which one is the superserver port, and which are other `ports`?"
        yield Key(
            "superserver", "value", (), str(others[0]), why, f"the superserver port of mirror {mirror.declared.name}"
        )


_END_OF_PORTS: Final = 65536


def _disks(context: Context, mirror: MirrorProposal) -> Iterator[Key]:
    """Yield the LUNs by purpose: as files of the members show them, else as names and tags of disks and VMs tell."""
    stated = stated_disks(context, mirror)
    if stated.told:
        entries = [
            Entry(
                each.luns,
                Confidence.CERTAIN if each.by_all else Confidence.LIKELY,
                f"the CPF, findmnt and lsblk of {_listed(each.vms)}",
                each.purpose,
            )
            for each in stated.told
        ]
        yield Key("disks", "mapping", entries, "", "", "", stated.untold)
    else:
        yield from _named_disks(context, mirror, stated.untold)


def _named_disks(context: Context, mirror: MirrorProposal, untold: Sequence[str]) -> Iterator[Key]:
    """Yield the LUNs by purpose, as names and tags of disks and VMs tell, alike for each failover member."""
    told: dict[int, set[str]] = defaultdict(set)
    names: dict[int, str] = {}
    for member in mirror.failover:
        vm = member.vm.resource
        by_lun = {name.lower(): text for name, text in _tags(vm).items()}
        for attachment in parts(vm, disks.ATTACHMENTS):
            lun = value(attachment, "lun").value
            if type(lun) is not int or not 0 <= lun < disks.END_OF_LUNS:
                continue
            disk = context.topology.graph.follow(attachment, "managedDisk").value
            named = value(attachment, "managedDisk.id").value
            name = arm.name_of(named) if isinstance(named, str) else ""
            names.setdefault(lun, name)
            texts = [name.lower().removeprefix(vm.name.lower()), by_lun.get(f"lun{lun}", "")]
            texts += _tags(disk).values() if isinstance(disk, Resource) else ()
            told[lun].add(_purpose(frozenset(word for text in texts for word in words_of(text))))
    known: dict[str, list[int]] = defaultdict(list)
    for lun, purposes in sorted(told.items()):
        if len(purposes) == 1 and purposes != {""}:
            known[purposes.pop()].append(lun)
    entries = [
        Entry(luns, Confidence.GUESS, f"names or tags of {', '.join(names[lun] for lun in luns)}", purpose)
        for purpose, luns in known.items()
    ]
    why = f"no name or tag says what is on LUN {', '.join(map(str, sorted(told)))} of {mirror.failover[0].vm.name}"
    why += "".join(f"; {reason}" for reason in untold[:1])
    if told:
        hint, left_open = "{journal: [LUN], wij: [LUN]}", f"the disks of mirror {mirror.name}"
        yield Key("disks", "mapping", entries, hint, why, left_open, untold)


_PURPOSES: Final = (
    ("wij", frozenset({"wij"})),
    ("alternate", frozenset({"alternate", "altjournal", "altjournals", "altjrn", "alt"})),
    ("journal", frozenset({"journal", "journals", "jrn", "jrnl", "jnl"})),
    ("installation", frozenset({"install", "installation"})),
    ("database", frozenset({"database", "databases"})),
)
"""Words for what is on a disk; the first match counts."""


def _purpose(words: frozenset[str]) -> str:
    """Return the purpose that words suggest, "" without one."""
    return next((purpose for purpose, known in _PURPOSES if known & words), "")


def _tags(resource: Resource) -> dict[str, str]:
    found = value(resource, "tags").value
    return {name: text for name, text in found.items() if isinstance(text, str)} if isinstance(found, dict) else {}
