"""Reading subscriptions: every list at once, then what only members of a deployment are asked for."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from auditor import arm, paths
from auditor.collect import reads
from auditor.collect.answers import NotReadError, shown
from auditor.collect.clouds import CLOUDS, Cloud, check_url
from auditor.collect.connection import ask_cloud, clients, transport, untrusted
from auditor.collect.limits import Limiter
from auditor.collect.permissions import grants
from auditor.collect.progress import Progress
from auditor.collect.reading import Reader
from auditor.collect.reads import Listing
from auditor.collect.signin import SignIn
from auditor.errors import InputError
from auditor.model import BalancerRole, DeclaredDeployment, Gap, GapReason, Resource, Role, Snapshot, resource
from auditor.redaction import redact
from auditor.topology import Topology
from auditor.topology.graph import DISK, REFERENCES, VM

if TYPE_CHECKING:
    from azure.core.pipeline.transport import AioHttpTransport

NOT_REGISTERED: Final = frozenset({"missingsubscriptionregistration", "subscriptionnotregistered"})
"""Error codes by which Azure says that a subscription has never used a provider, so that it has nothing of its."""
NO_FILES: Final = frozenset({"featurenotsupportedforaccount", "operationnotallowedonkind"})
"""Error codes of storage accounts that are of a kind without file shares."""

_NOT_THERE: Final = frozenset({"resourcenotfound", "resourcegroupnotfound", "notfound", "subscriptionnotfound"})
_BY_TYPE: Final = {listing.key: listing for listing in reads.LISTINGS if not listing.below}
_DATABASES: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING, Role.DB)
MEMBERS: Final = "what only the machines of deployments are asked for"
_POINTS: Final = 30
"""How many of a machine's newest recovery points are kept."""


class Wanted(msgspec.Struct, frozen=True):
    """What a user asks to be read, and how."""

    subscriptions: tuple[str, ...]
    """Their ids, without `/subscriptions/`."""
    cloud: str = "AzureCloud"
    endpoint: str | None = None
    """The ARM endpoint of a cloud that has no name here."""
    authority: str | None = None
    """Who issues tokens, instead of whom the cloud names."""
    tenant: str | None = None
    timeout: float = 1800.0
    """Seconds after which what has not been read is a gap."""
    ca_bundle: Path | None = None


class Collected(msgspec.Struct, frozen=True):
    """What was read, and what it took."""

    snapshot: Snapshot
    calls: int
    retries: int
    seconds: float


def collect(wanted: Wanted, declared: tuple[DeclaredDeployment, ...], deployment: str, progress: Progress) -> Collected:
    """Read subscriptions; `declared` says which machines are asked for more, `deployment` is the text of their file.

    What cannot be read is a gap in what is returned.

    Raises:
        InputError: nobody could sign in, or an argument is wrong.
    """
    done: list[Collected] = []

    async def run() -> None:
        # As the coroutine's own result it would be printed, in memory, when Python takes its handler of Ctrl-C back.
        done.append(await _collect(wanted, declared, deployment, progress))

    asyncio.run(run())
    return done[0]


async def _collect(
    wanted: Wanted, declared: tuple[DeclaredDeployment, ...], deployment: str, progress: Progress
) -> Collected:
    loop = asyncio.get_running_loop()
    begun, taken_at = loop.time(), dt.datetime.now(dt.UTC)
    deadline = begun + wanted.timeout
    async with transport(wanted.ca_bundle, deadline) as shared:
        cloud = await _cloud(wanted, shared, deadline)
        async with (
            SignIn(cloud, wanted.tenant, shared, deadline) as signed_in,
            clients(cloud, signed_in, shared, wanted.subscriptions[0]) as send_of,
        ):
            reader = Reader(cloud.endpoint, send_of, Limiter(), progress, deadline)
            collection = Collection(reader, progress, [f"/subscriptions/{s.lower()}" for s in wanted.subscriptions])
            await collection.read_all()
            header = {
                "taken_at": taken_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
                "cloud": cloud.name,
                "identity": signed_in.identity,
                "deployment": deployment,
            }
            await collection.read_members(Topology(collection.snapshot(**header), declared, taken_at.date()))
            return Collected(collection.snapshot(**header), reader.calls, reader.retries, loop.time() - begun)


async def _cloud(wanted: Wanted, shared: AioHttpTransport, deadline: float) -> Cloud:
    """Return the cloud to read, which an endpoint without a name describes itself."""
    authority = check_url(wanted.authority, "--authority") if wanted.authority else None
    if wanted.endpoint is not None:
        return await ask_cloud(check_url(wanted.endpoint, "--arm-endpoint"), authority, shared, deadline)
    known = CLOUDS[wanted.cloud]
    return msgspec.structs.replace(known, authority=authority) if authority else known


class Collection:
    """What has been read so far; one failure never hides anything else."""

    def __init__(self, reader: Reader, progress: Progress, subscriptions: list[str]) -> None:
        """Begin empty."""
        self._reader = reader
        self._progress = progress
        self._subscriptions = subscriptions
        self._resources: dict[str, Resource] = {}
        self._listed: set[tuple[str, str]] = set()
        self._gaps: list[Gap] = []
        self._skus: dict[str, dict[str, object]] = {}
        self._permissions: dict[str, list[Any] | NotReadError] = {}

    def snapshot(self, *, taken_at: str, cloud: str, identity: str, deployment: str) -> Snapshot:
        """Return what has been read."""
        return Snapshot(
            taken_at=taken_at,
            scopes=tuple(self._subscriptions),
            resources=tuple(self._resources[key] for key in sorted(self._resources)),
            listed=frozenset(self._listed),
            gaps=tuple(sorted(set(self._gaps), key=lambda gap: (gap.scope.lower(), gap.what.lower(), gap.reason))),
            skus=tuple(self._skus[name] for name in sorted(self._skus)),
            cloud=cloud,
            identity=identity,
            deployment=deployment,
        )

    # --- lists --------------------------------------------------------------------------------------------------------

    async def read_all(self) -> None:
        """Read every list of every subscription, and the vaults of all others that the identity can see."""
        others = await self._others()
        async with asyncio.TaskGroup() as tasks:
            for subscription in self._subscriptions:
                tasks.create_task(self._read_subscription(subscription))
            for subscription in others:  # a machine may be protected by a vault that lies elsewhere
                tasks.create_task(self._read_vaults(subscription))

    async def _others(self) -> list[str]:
        """Return the subscriptions that the identity can see besides those that are read."""
        path = f"/subscriptions?api-version={reads.SUBSCRIPTIONS}"
        found = []
        try:
            async for body in self._reader.items(path):
                if isinstance(body, dict) and arm.is_id(body.get("id")):
                    found.append(arm.key(str(body["id"])))  # noqa: PERF401 - what came before a fault counts
        except NotReadError as error:
            if why := untrusted(error.detail):
                message = f"{error.detail}: {why}"
                raise InputError(message) from None
            # Not a gap of what was asked for: a vault that lies elsewhere is never taken for not being there.
            self._progress.missed("the list of subscriptions", str(error))
        return [subscription for subscription in found if subscription not in self._subscriptions]

    async def _read_subscription(self, subscription: str) -> None:
        path = f"{subscription}?api-version={reads.SUBSCRIPTIONS}"
        try:
            self._add(await self._reader.get(path), f"GET {path}")
        except NotReadError as error:
            self._miss(subscription, arm.SUBSCRIPTION, error, reads.SUBSCRIPTION_READ)
            return
        await self._ask_permissions(subscription)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_machines(subscription))
            tasks.create_task(self._read_graph(subscription))
            for listing in reads.LISTINGS:
                if not listing.below and listing.key not in {VM, DISK}:
                    tasks.create_task(self._read_family(listing, subscription))

    async def _read_vaults(self, subscription: str) -> None:
        await self._ask_permissions(subscription)
        await self._read_family(_BY_TYPE[reads.VAULTS], subscription)

    async def _ask_permissions(self, subscription: str) -> None:
        """Ask what the identity may read: an answer that was trimmed looks like a whole one."""
        path = f"{subscription}/providers/Microsoft.Authorization/permissions?api-version={reads.PERMISSIONS}"
        try:
            self._permissions[subscription] = [entry async for entry in self._reader.items(path)]
        except NotReadError as error:
            self._permissions[subscription] = error

    async def _read_family(self, listing: Listing, subscription: str) -> None:
        """Read a list, and the lists of each of its members."""
        owners = await self._read_list(listing, subscription)
        async with asyncio.TaskGroup() as tasks:
            for child in reads.children_of(listing.key):
                tasks.create_task(self._read_children(child, subscription, owners))

    async def _read_list(self, listing: Listing, subscription: str) -> list[Resource]:
        """Read a list of a subscription's and return its members; it is complete only where that is proved."""
        self._progress.begins(f"{listing.type} of {subscription}")
        path = listing.of(subscription)
        found: list[Resource] = []
        try:
            async for body in self._reader.items(path):
                found.append(self._add(body, f"GET {path}"))  # noqa: PERF401 - what came before a fault counts
        except NotReadError as error:
            if error.code.lower() not in NOT_REGISTERED:
                self._miss(subscription, listing.type, error, listing.action)
                return found
        if self._prove(subscription, listing.type, listing.action):
            self._progress.read(f"{listing.type} of {subscription}", len(found))
        return found

    async def _read_children(self, listing: Listing, subscription: str, owners: list[Resource]) -> None:
        """Read what belongs to each of some resources."""
        counts = await asyncio.gather(*(self._read_child(listing, owner) for owner in owners))
        if (subscription, arm.canonical_type(listing.below)) not in self._listed:
            self._inherit(subscription, listing)
        elif None not in counts and self._prove(subscription, listing.type, listing.action):
            self._progress.read(f"{listing.type} of {subscription}", sum(filter(None, counts)))

    async def _read_child(self, listing: Listing, owner: Resource) -> int | None:
        """Read what belongs to a resource; return how much it is, None where not all could be read."""
        path = listing.of(owner.id)
        count = 0
        try:
            if listing.single:
                self._add(await self._reader.get(path), f"GET {path}")
                return 1
            async for body in self._reader.items(path):
                self._add(body, f"GET {path}")
                count += 1
        except NotReadError as error:
            if error.code.lower() not in NO_FILES:
                self._miss(owner.id, listing.type, error, listing.action)
                return None
        return count

    async def _read_graph(self, subscription: str) -> None:
        """Read from Resource Graph what ARM has no list of."""
        names = ", ".join(f"'{type_}'" for type_ in reads.BY_GRAPH)
        question: dict[str, object] = {
            "subscriptions": [subscription.rsplit("/", 1)[-1]],
            "query": f"resources | where type in~ ({names}) | order by id asc",
        }
        path = f"/providers/Microsoft.ResourceGraph/resources?api-version={reads.RESOURCE_GRAPH}"
        found: Counter[str] = Counter()
        for type_ in reads.BY_GRAPH:
            self._progress.begins(f"{type_} of {subscription}")
        try:
            async for body in self._reader.rows(path, question):
                found[self._add(body, f"POST {path}").type] += 1
        except NotReadError as error:
            for type_ in reads.BY_GRAPH:
                self._miss(subscription, type_, error, reads.GRAPH_READ)
            return
        for type_ in reads.BY_GRAPH:
            if self._prove(subscription, type_, f"{type_}/read"):
                self._progress.read(f"{type_} of {subscription}", found[type_.lower()])

    # --- machines -----------------------------------------------------------------------------------------------------

    async def _read_machines(self, subscription: str) -> None:
        """Read machines with their status, disks, and what Azure says of the sizes and disk types in use."""
        machines, statuses, disks = await asyncio.gather(
            self._read_list(_BY_TYPE[VM], subscription),
            self._read_statuses(subscription),
            self._read_list(_BY_TYPE[DISK], subscription),
        )
        for machine in machines:
            if machine.key in statuses:
                self._view(machine.key, statuses[machine.key])
        used: dict[str, set[str]] = defaultdict(set)
        for machine in machines:
            used[machine.location].add(_text(machine.body, "properties", "hardwareProfile", "vmSize"))
        for disk in disks:
            used[disk.location].add(_text(disk.body, "sku", "name"))
        used.pop("", None)
        whole = await asyncio.gather(*(self._read_sizes(subscription, region, used[region]) for region in used))
        if all(whole):
            self._prove(subscription, reads.SIZES.type, reads.SIZES.action)
        whole = await asyncio.gather(*(self._read_usages(subscription, region) for region in used))
        if all(whole):
            self._prove(subscription, reads.USAGES.type, reads.USAGES.action)

    async def _read_statuses(self, subscription: str) -> dict[str, object]:
        """Return the instance views of a subscription's machines that hold their status, by key."""
        path = reads.STATUSES.of(subscription)
        found: dict[str, object] = {}
        try:
            async for body in self._reader.items(path):
                if isinstance(body, dict) and arm.is_id(body.get("id")) and isinstance(body.get("properties"), dict):
                    found[arm.key(str(body["id"]))] = body["properties"].get("instanceView")
        except NotReadError as error:
            self._miss(subscription, reads.STATUS, error, reads.STATUSES.action)
        return found

    def _view(self, key: str, view: object) -> None:
        """Put an instance view into the body of a machine, as `$expand` would."""
        machine = self._resources[key]
        properties = machine.body.get("properties")
        if isinstance(view, dict) and isinstance(properties, dict):
            body = {**machine.body, "properties": {**properties, "instanceView": redact(view)}}
            self._resources[key] = msgspec.structs.replace(machine, body=body)

    async def _read_sizes(self, subscription: str, region: str, used: set[str]) -> bool:
        """Read what a region says of the sizes and disk types that are used there."""
        path = f"{reads.SIZES.of(subscription)}&$filter=location%20eq%20'{region}'"
        wanted = {name.lower() for name in used}
        try:
            async for body in self._reader.items(path):
                if isinstance(body, dict) and str(body.get("name")).lower() in wanted:
                    key = f"{body.get('resourceType')} {body.get('name')} {region}".lower()
                    self._skus[key] = redact(body)
        except NotReadError as error:
            self._miss(subscription, reads.SIZES.type, error, reads.SIZES.action)
            return False
        return True

    async def _read_usages(self, subscription: str, region: str) -> bool:
        """Read how much of each quota a region has left; Azure gives these no id, so that they get one."""
        scope = f"{subscription}/providers/Microsoft.Compute/locations/{region}/usages"
        path = f"{scope}?api-version={reads.USAGES.version}"
        try:
            async for body in self._reader.items(path):
                name = _text(body, "name", "value")
                if name:
                    self._add({**body, "id": f"{scope}/{name}"}, f"GET {path}")
        except NotReadError as error:
            self._miss(subscription, reads.USAGES.type, error, reads.USAGES.action)
            return False
        return True

    # --- members of deployments ---------------------------------------------------------------------------------------

    async def read_members(self, topology: Topology) -> None:
        """Read what only the machines and balancers of deployments are asked for."""
        members = {key for deployment in topology.deployments for key in deployment.roles}
        databases = {
            key
            for deployment in topology.deployments
            for key, roles in deployment.roles.items()
            if not set(roles).isdisjoint(_DATABASES)
        }
        balancers = {
            found.key: found
            for deployment in topology.deployments
            for found in deployment.balancers[BalancerRole.MIRROR].known
            if isinstance(found, Resource)
        }
        protected = [
            item
            for item in self._resources.values()
            if item.type.endswith("/protecteditems")
            and arm.key(_text(item.body, "properties", "sourceResourceId")) in databases
        ]
        self._progress.begins(MEMBERS)
        async with asyncio.TaskGroup() as tasks:
            for arm_id in sorted(_dangling(topology)):
                tasks.create_task(self._read_missing(arm_id))
            for key in sorted(members & self._resources.keys()):
                tasks.create_task(self._read_instance(key))
            for item in protected:
                tasks.create_task(self._read_points(item))
            for balancer in balancers.values():
                tasks.create_task(self._read_child(reads.AVAILABILITY, balancer))
        self._progress.read(MEMBERS, len(members))

    async def _read_instance(self, key: str) -> None:
        """Read where a machine stands and how it does."""
        machine = self._resources[key]
        path = f"{machine.id}?api-version={reads.INSTANCE.version}{reads.INSTANCE.query}"
        try:
            body = await self._reader.get(path)
            view = body["properties"]["instanceView"]
        except NotReadError as error:
            self._miss(machine.id, "properties.instanceView", error, reads.INSTANCE.action)
        except (KeyError, TypeError):
            malformed = NotReadError(GapReason.MALFORMED, detail="the machine's answer has no instance view")
            self._miss(machine.id, "properties.instanceView", malformed, reads.INSTANCE.action)
        else:
            self._view(key, view)

    async def _read_missing(self, arm_id: str) -> None:
        """Ask for what a deployment refers to and a complete list did not have.

        Where it is there after all, something hides it that the identity's roles do not show, such as a deny
        assignment, and may hide more: the list was not complete.
        """
        listing = _BY_TYPE[arm.type_of(arm_id)]
        path = f"{arm_id}?api-version={listing.version}"
        try:
            self._add(await self._reader.get(path), f"GET {path}")
        except NotReadError as error:
            if error.code.lower() in _NOT_THERE:
                return
            self._miss(arm_id, listing.type, error, listing.action)
        subscription = arm.subscription_of(arm_id)
        if (subscription, listing.key) in self._listed:
            self._listed.remove((subscription, listing.key))
            detail = f"the list lacks {arm_id}, and may lack others"
            self._gaps.append(Gap(subscription, listing.type, GapReason.FORBIDDEN, "", listing.action, detail))

    async def _read_points(self, item: Resource) -> None:
        """Read the newest recovery points of a protected machine."""
        path = reads.RECOVERY_POINTS.of(item.id)
        try:
            points = [body async for body in self._reader.items(path)]
            points.sort(key=lambda body: _text(body, "properties", "recoveryPointTime"), reverse=True)
            for body in points[:_POINTS]:
                self._add(body, f"GET {path}")
        except NotReadError as error:
            self._miss(item.id, reads.RECOVERY_POINTS.type, error, reads.RECOVERY_POINTS.action)

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def _add(self, body: object, call: str) -> Resource:
        """Keep a resource without its secrets, once; a member without an id makes the list one that makes no sense."""
        if not isinstance(body, dict) or not arm.is_id(body.get("id")):
            raise NotReadError(GapReason.MALFORMED, detail=f"{shown(call)} has a member without an id")
        clean = redact(body)
        assert isinstance(clean, dict)  # noqa: S101 - what `redact` makes of an object
        made = resource(clean, str(body["id"]), call)
        return self._resources.setdefault(made.key, made)

    def _miss(self, scope: str, what: str, error: NotReadError, permission: str) -> None:
        """Note that something was not read; what may not be seen of further subscriptions was never asked for."""
        forbidden = error.reason is GapReason.FORBIDDEN
        further = arm.type_of(scope) == arm.SUBSCRIPTION and scope not in self._subscriptions
        if forbidden and further:
            return
        gap = Gap(scope, what, error.reason, error.code, permission if forbidden else "", error.detail)
        self._gaps.append(gap)
        self._progress.missed(f"{what} of {scope}", str(error))

    def _prove(self, subscription: str, type_: str, action: str) -> bool:
        """Count a type as listed completely where the identity may read all of it, else note why nobody knows."""
        granted = self._permissions[subscription]
        if isinstance(granted, NotReadError):
            detail = "what the identity may read is not known, so that the list may be cut"
            unknown = NotReadError(granted.reason, granted.code, detail)
            self._miss(subscription, type_, unknown, reads.PERMISSIONS_READ)
            return False
        if not grants(granted, action):
            detail = "the role does not hold for the whole subscription, so that Azure may have left some out"
            self._miss(subscription, type_, NotReadError(GapReason.FORBIDDEN, detail=detail), action)
            return False
        self._listed.add((subscription, arm.canonical_type(type_)))
        return True

    def _inherit(self, subscription: str, listing: Listing) -> None:
        """Note that nobody knows all resources of a type, since not all are known that it stands below."""
        for gap in [gap for gap in self._gaps if (gap.scope, gap.what) == (subscription, listing.below)]:
            detail = f"{listing.below} were not listed completely, below which these are"
            self._gaps.append(msgspec.structs.replace(gap, what=listing.type, detail=detail))


def _dangling(topology: Topology) -> set[str]:
    """Return the ids of resources to which those of deployments refer, and which were not in the lists."""
    graph = topology.graph
    belonging = {
        found.key: found
        for deployment in topology.deployments
        for items in deployment.scope.values()
        for found in items.known
        if isinstance(found, Resource)
    }
    named = (
        arm.owner_of(value)
        for found in belonging.values()
        for reference in REFERENCES.get(found.type, ())
        if reference.reached
        for value in paths.values(found.body, paths.parse(reference.path))
        if isinstance(value, str)
    )
    return {key for key in named if key not in graph.resources and arm.type_of(key) in _BY_TYPE}


def _text(body: object, *path: str) -> str:
    """Return the text at a path in a body, "" where there is none."""
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body if isinstance(body, str) else ""
