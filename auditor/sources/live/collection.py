"""Reading subscriptions: every list at once, then what only members of a deployment are asked for."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from auditor.azure import arm, paths
from auditor.azure.types import REFERENCES
from auditor.azure.types.names import DISK, VM
from auditor.errors import InputError
from auditor.estate.declaration import BalancerRole, DeclaredDeployment, Role
from auditor.estate.topology import Topology
from auditor.snapshot.model import Gap, GapReason, Resource, Snapshot, resource
from auditor.snapshot.redaction import redact
from auditor.snapshot.skus import sku
from auditor.sources.live import reads
from auditor.sources.live.client import Reader
from auditor.sources.live.clouds import CLOUDS, Cloud, check_url
from auditor.sources.live.connection import ask_cloud, clients, transport
from auditor.sources.live.credential import SignIn
from auditor.sources.live.permissions import grants
from auditor.sources.live.progress import Progress
from auditor.sources.live.reads import Listing
from auditor.sources.live.responses import ANOTHER_TENANT, UNTRUSTED, NotReadError, NotSignedInError, shown
from auditor.sources.live.throttling import Limiter

if TYPE_CHECKING:
    from azure.core.pipeline.transport import AioHttpTransport

NOT_REGISTERED: Final = frozenset({"missingsubscriptionregistration", "subscriptionnotregistered"})
"""Error codes by which Azure says that a subscription has never used a provider, so that it has nothing of its."""
NO_FILES: Final = frozenset({"featurenotsupportedforaccount", "operationnotallowedonkind"})
"""Error codes of storage accounts that are of a kind without file shares."""

_NOT_THERE: Final = frozenset(
    {"resourcenotfound", "resourcegroupnotfound", "parentresourcenotfound", "notfound", "subscriptionnotfound"}
)
_BY_TYPE: Final = {listing.key: listing for listing in reads.LISTINGS if not listing.below}
_DATABASES: Final = (Role.MIRROR_FAILOVER, Role.MIRROR_DR, Role.MIRROR_REPORTING, Role.DB)
MEMBERS: Final = "what only the machines of deployments are asked for"
_SETS: Final = "availabilitysets"
"""The kind of SKU records that says how many fault domains sets can have in a region."""
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
        self._permissions: dict[str, list[Any] | NotReadError] = {}

    def snapshot(self, *, taken_at: str, cloud: str, identity: str, deployment: str) -> Snapshot:
        """Return what has been read."""
        return Snapshot(
            taken_at=taken_at,
            scopes=tuple(self._subscriptions),
            resources=tuple(self._resources[key] for key in sorted(self._resources)),
            listed=frozenset(self._listed),
            gaps=tuple(sorted(set(self._gaps), key=lambda gap: (gap.scope.lower(), gap.what.lower(), gap.reason))),
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
        path = reads.SUBSCRIPTION.of("/subscriptions")
        found: dict[str, None] = {}
        try:
            async for body in self._reader.items(path):
                if isinstance(body, dict) and arm.is_id(body.get("id")):
                    found[arm.key(str(body["id"]))] = None
        except NotReadError as error:
            if UNTRUSTED in error.detail:
                raise InputError(error.detail) from None
            # Not a gap of what was asked for: a vault that lies elsewhere is never taken for not being there.
            self._progress.missed("the list of subscriptions", str(error))
        return [subscription for subscription in found if subscription not in self._subscriptions]

    async def _read_subscription(self, subscription: str) -> None:
        path = reads.SUBSCRIPTION.of(subscription)
        try:
            self._add(await self._reader.get(path), f"GET {path}")
        except NotReadError as error:
            gone = error.code.lower() in _NOT_THERE
            why = NotReadError(error.reason, error.code, f"Azure knows none of this id; {ANOTHER_TENANT}")
            hidden = gone or error.reason is GapReason.FORBIDDEN
            what = arm.SUBSCRIPTION if hidden else "properties"
            self._miss(subscription, what, why if gone else error, reads.SUBSCRIPTION.action, f"GET {path}")
            if hidden:
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
        path = reads.PERMISSIONS.of(subscription)
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
        found: dict[str, Resource] = {}
        try:
            await self._read_members_of(listing, subscription, found)
        except NotReadError as error:
            if found or error.code.lower() not in NOT_REGISTERED:
                self._miss(subscription, listing.type, error, listing.action, f"GET {listing.of(subscription)}")
                return list(found.values())
        if self._prove(subscription, listing.type, listing.action):
            self._progress.read(f"{listing.type} of {subscription}", len(found))
        return list(found.values())

    async def _read_members_of(self, listing: Listing, scope: str, found: dict[str, Resource]) -> None:
        """Keep the members of a list, in `found` too, whatever becomes of the rest.

        Raises:
            NotReadError: a page is missing, or a member makes no sense.
        """
        path = listing.of(scope)
        odd: NotReadError | None = None
        async for body in self._reader.items(path):
            try:
                made = self._add(body, f"GET {path}", listing)
            except NotReadError as error:
                odd = error
            else:
                found[made.key] = made
        if odd is not None:
            raise odd

    async def _read_children(self, listing: Listing, subscription: str, owners: list[Resource]) -> None:
        """Read what belongs to each of some resources."""
        counts = await asyncio.gather(*(self._read_child(listing, owner) for owner in owners))
        if self._inherit(subscription, listing.type, listing.below) or None in counts:
            return
        if self._prove(subscription, listing.type, listing.action):
            self._progress.read(f"{listing.type} of {subscription}", sum(filter(None, counts)))

    async def _read_child(self, listing: Listing, owner: Resource) -> int | None:
        """Read what belongs to a resource; return how much it is, None where not all could be read."""
        found: dict[str, Resource] = {}
        path = listing.of(owner.id)
        try:
            if listing.single:
                self._add(await self._reader.get(path), f"GET {path}", listing)
                return 1
            await self._read_members_of(listing, owner.id, found)
        except NotReadError as error:
            if found or error.code.lower() not in NO_FILES:
                self._miss(owner.id, listing.type, error, listing.action, f"GET {path}")
                return None
        return len(found)

    async def _read_graph(self, subscription: str) -> None:
        """Read from Resource Graph what ARM has no list of."""
        names = ", ".join(f"'{type_}'" for type_ in reads.BY_GRAPH)
        question: dict[str, object] = {
            "subscriptions": [subscription.rsplit("/", 1)[-1]],
            "query": f"resources | where type in~ ({names}) | order by id asc",
        }
        path = reads.GRAPH.of("")
        found: Counter[str] = Counter()
        for type_ in reads.BY_GRAPH:
            self._progress.begins(f"{type_} of {subscription}")
        try:
            async for body in self._reader.rows(path, question):
                made = self._add(body, f"POST {path}")
                self._check(made)
                found[made.type] += 1
        except NotReadError as error:
            for type_ in reads.BY_GRAPH:
                self._miss(subscription, type_, error, reads.GRAPH.action, f"POST {path}")
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
        sizes = await asyncio.gather(*(self._read_sizes(subscription, region, used[region]) for region in used))
        usages = await asyncio.gather(*(self._read_usages(subscription, region) for region in used))
        for listing, whole in ((reads.SIZES, sizes), (reads.USAGES, usages)):
            if not self._inherit(subscription, listing.type, VM, DISK) and all(whole):
                self._prove(subscription, listing.type, listing.action)

    async def _read_statuses(self, subscription: str) -> dict[str, dict[str, object]]:
        """Return the instance views of a subscription's machines that hold their status, by key."""
        path = reads.STATUSES.of(subscription)
        found: dict[str, dict[str, object]] = {}
        try:
            async for body in self._reader.items(path):
                view = _object(body, "properties", "instanceView")
                if view is not None:
                    found[arm.key(_named(body, path, "id"))] = _clean(view, path)
        except NotReadError as error:
            if found or error.code.lower() not in NOT_REGISTERED:
                self._miss(subscription, reads.STATUS, error, reads.STATUSES.action, f"GET {path}")
        return found

    def _view(self, key: str, view: dict[str, object]) -> None:
        """Put an instance view into the body of a machine, as `$expand` would."""
        machine = self._resources[key]
        properties = machine.body.get("properties")
        if isinstance(properties, dict):
            body = {**machine.body, "properties": {**properties, "instanceView": view}}
            self._resources[key] = msgspec.structs.replace(machine, body=body)

    async def _read_sizes(self, subscription: str, region: str, used: set[str]) -> bool:
        """Read what a region says of availability sets, and of the sizes and disk types that are used there."""
        path = f"{reads.SIZES.of(subscription)}&$filter=location%20eq%20'{quote(region, safe='')}'"
        wanted = {name.lower() for name in used}
        try:
            async for body in self._reader.items(path):
                name, kind = _named(body, path, "name").lower(), _text(body, "resourceType").lower()
                if name in wanted or kind == _SETS:
                    made = sku(_clean(body, path))
                    self._resources[made.key] = made
        except NotReadError as error:
            self._miss(subscription, reads.SIZES.type, error, reads.SIZES.action, f"GET {path}")
            return False
        return True

    async def _read_usages(self, subscription: str, region: str) -> bool:
        """Read how much of each quota a region has left; Azure gives these no id, so that they get one."""
        scope = f"{subscription}/providers/Microsoft.Compute/locations/{quote(region, safe='')}"
        path = reads.USAGES.of(scope)
        try:
            async for body in self._reader.items(path):
                name = _named(body, path, "name", "value")
                self._add({**body, "id": f"{scope}/usages/{name}"}, f"GET {path}")
        except NotReadError as error:
            self._miss(subscription, reads.USAGES.type, error, reads.USAGES.action, f"GET {path}")
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
        listed = frozenset(self._listed)
        async with asyncio.TaskGroup() as tasks:
            for arm_id in sorted(_dangling(topology)):
                tasks.create_task(self._read_missing(arm_id, listed))
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
        path = reads.INSTANCE.of(machine.id)
        try:
            view = _object(await self._reader.get(path), "properties", "instanceView")
            if view is not None:
                self._view(key, _clean(view, path))
                return
            failure = NotReadError(GapReason.MALFORMED, detail=f"the answer to {shown(path)} has no instance view")
        except NotReadError as error:
            failure = error
        self._miss(machine.id, "properties.instanceView", failure, reads.INSTANCE.action, f"GET {path}")

    async def _read_missing(self, arm_id: str, listed: frozenset[tuple[str, str]]) -> None:
        """Ask for what a deployment refers to and no list had; `listed` says which seemed to be complete.

        Where it is there after all, something hides it that the identity's roles do not show, such as a deny
        assignment, and may hide more: the list was not complete. Where the list has a gap, that says enough.
        """
        listing, subscription = _BY_TYPE[arm.type_of(arm_id)], arm.subscription_of(arm_id)
        path = f"{arm_id}?api-version={listing.version}"
        try:
            self._add(await self._reader.get(path), f"GET {path}", listing)
            doubt = NotReadError(GapReason.FORBIDDEN, detail=f"the list lacks {arm_id}, and may lack others")
        except NotReadError as error:
            if error.code.lower() in _NOT_THERE:
                return
            if (subscription, listing.key) in listed or subscription not in self._subscriptions:
                self._miss(arm_id, listing.type, error, listing.action, f"GET {path}")
            doubt = error
        if (subscription, listing.key) in listed:
            self._listed.discard((subscription, listing.key))
            self._miss(subscription, listing.type, doubt, listing.action, f"GET {path}")

    async def _read_points(self, item: Resource) -> None:
        """Read the newest recovery points of a protected machine."""
        path = reads.RECOVERY_POINTS.of(item.id)
        found: dict[str, Any] = {}
        try:
            async for body in self._reader.items(path):
                found[_named(body, path, "id")] = body
            newest = sorted(found.values(), key=lambda b: _text(b, "properties", "recoveryPointTime"), reverse=True)
            for body in newest[:_POINTS]:
                self._add(body, f"GET {path}", reads.RECOVERY_POINTS)
        except NotReadError as error:
            self._miss(item.id, reads.RECOVERY_POINTS.type, error, reads.RECOVERY_POINTS.action, f"GET {path}")

    # --- what comes of it ---------------------------------------------------------------------------------------------

    def _add(self, body: object, call: str, listing: Listing | None = None) -> Resource:
        """Keep a resource without its secrets, the newer body of one that comes twice.

        Raises:
            NotReadError: it has no id, or not that of what the subscription's list is of.
        """
        if not isinstance(body, dict) or not arm.is_id(body.get("id")):
            raise NotReadError(GapReason.MALFORMED, detail=f"{shown(call)} has a member without an id")
        made = resource(_clean(body, call), str(body["id"]), call)
        if listing is not None:
            if not listing.below and made.type != listing.key:
                raise NotReadError(GapReason.MALFORMED, detail=f"{shown(call)} has {made.id}, which is something else")
            if listing is not reads.AVAILABILITY:  # metrics have none
                self._check(made)
        self._resources[made.key] = made
        return made

    def _check(self, made: Resource) -> None:
        """Note a gap where a resource came without its properties: what they may hold was not read."""
        if not isinstance(made.body.get("properties"), dict):
            detail = "Azure answered without its properties"
            self._gaps.append(Gap(made.id, made.type, GapReason.MALFORMED, detail=detail, call=made.call))

    def _miss(self, scope: str, what: str, error: NotReadError, permission: str, call: str) -> None:
        """Note that something was not read; what may not be seen of further subscriptions was never asked for."""
        forbidden = error.reason is GapReason.FORBIDDEN
        further = arm.type_of(scope) == arm.SUBSCRIPTION and scope not in self._subscriptions
        if forbidden and further:
            return
        gone = error.code.lower() in _NOT_THERE and arm.type_of(scope) != arm.SUBSCRIPTION
        detail = "it was listed, and is not found: it may have gone while it was read" if gone else error.detail
        needed = permission if forbidden and not isinstance(error, NotSignedInError) else ""
        self._gaps.append(Gap(scope, what, error.reason, error.code, needed, detail, call))
        self._progress.missed(f"{what} of {scope}", str(error))

    def _prove(self, subscription: str, type_: str, action: str) -> bool:
        """Count a type as listed completely where the identity may read all of it, else note why nobody knows."""
        granted, call = self._permissions[subscription], f"GET {reads.PERMISSIONS.of(subscription)}"
        if isinstance(granted, NotReadError):
            detail = "what the identity may read is not known, so that the list may be cut"
            unknown = NotReadError(granted.reason, granted.code, detail)
            self._miss(subscription, type_, unknown, reads.PERMISSIONS.action, call)
            return False
        if not grants(granted, action):
            detail = "the role does not hold for the whole subscription, so that Azure may have left some out"
            self._miss(subscription, type_, NotReadError(GapReason.FORBIDDEN, detail=detail), action, call)
            return False
        self._listed.add((subscription, arm.canonical_type(type_)))
        return True

    def _inherit(self, subscription: str, type_: str, *owners: str) -> bool:
        """Tell whether not all are known of the types for each of which a type is read, so that it is not known either.

        It has the gaps of the first of them then.
        """
        unlisted = [owner for owner in map(arm.canonical_type, owners) if (subscription, owner) not in self._listed]
        for gap in [g for g in self._gaps if g.scope == subscription and arm.canonical_type(g.what) in unlisted[:1]]:
            detail = f"{gap.what} were not listed completely, for each of which these are read"
            self._gaps.append(msgspec.structs.replace(gap, what=type_, detail=detail))
        return bool(unlisted)


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


def _clean(body: dict[str, object], call: str) -> dict[str, object]:
    """Return a body without its secrets.

    Raises:
        NotReadError: it cannot be looked through.
    """
    try:
        return redact(body)
    except RecursionError:
        raise NotReadError(GapReason.MALFORMED, detail=f"the answer to {shown(call)} is nested too deeply") from None


def _named(body: object, path: str, *name: str) -> str:
    """Return the text by which a member of a list is told from others.

    Raises:
        NotReadError: it has none.
    """
    found = _text(body, *name)
    if not found:
        raise NotReadError(GapReason.MALFORMED, detail=f"{shown(path)} has a member without a name")
    return found


def _object(body: object, *path: str) -> dict[str, object] | None:
    """Return the object at a path in a body, None where there is none."""
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body if isinstance(body, dict) else None


def _text(body: object, *path: str) -> str:
    """Return the text at a path in a body, "" where there is none."""
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body if isinstance(body, str) else ""
