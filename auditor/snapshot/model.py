"""What was read from Azure: resources, parts of resources, gaps, and the snapshot that holds them.

Each of them is `Redacted`: no source can bring a secret into a snapshot.
"""

from __future__ import annotations

import enum
from functools import lru_cache
from typing import Final

import msgspec

from auditor.azure import arm
from auditor.azure.types.names import GUEST_FILE, SKU, VM
from auditor.snapshot.redaction import Redacted


class GapReason(enum.StrEnum):
    """Why something could not be read."""

    FORBIDDEN = "forbidden"
    THROTTLED = "throttled"
    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"
    MALFORMED = "malformed"
    UNSUPPORTED = "unsupported"
    NOT_REQUESTED = "not-requested"


class Gap(Redacted, frozen=True, omit_defaults=True):
    """Something that was not read, so that nothing may be concluded from its absence."""

    scope: str
    """The ARM id of the subscription, resource group or resource that was asked."""
    what: str
    """The resource type, or within a resource the property path, that is missing."""
    reason: GapReason
    code: str = ""
    """Azure's error code, for example `AuthorizationFailed`."""
    permission: str = ""
    """The action that the caller would need."""
    detail: str = ""
    """What went wrong in particular, or what to do about it, for a human."""
    call: str = ""
    """The request that was not answered as it should be, for example `GET /subscriptions/...`; "" where none was."""

    @property
    def makes_listing_incomplete(self) -> bool:
        """Whether it is of a list, of a subscription or of what a resource has below it, and not of one resource."""
        scope = arm.type_of(self.scope)
        return scope in {arm.SUBSCRIPTION, arm.RESOURCE_GROUP} or arm.canonical_type(self.what).startswith(f"{scope}/")

    @property
    def hides_vms(self) -> bool:
        """Whether there may be VMs that were not read."""
        return self.makes_listing_incomplete and arm.canonical_type(self.what) in {VM, arm.SUBSCRIPTION}

    @property
    def is_of_guest_file(self) -> bool:
        """Whether it is of a file from inside a VM, which the user supplies."""
        return arm.type_of(self.scope) == GUEST_FILE

    def __str__(self) -> str:
        """Return the gap as one sentence without a full stop."""
        text = f"{self.what} in {self.scope} was not read ({self.reason}{': ' + self.code if self.code else ''})"
        if self.permission:
            text += f", which needs {self.permission}"
        return f"{text}; {self.detail}" if self.detail else text


class Resource(Redacted, frozen=True):
    """One Azure resource as the API returned it."""

    id: str
    body: dict[str, object]
    call: str = ""
    """The request that returned it, for example `GET /subscriptions/.../virtualMachines`."""
    key: str = ""
    """The id in the form in which it is compared."""
    type: str = ""
    """The lower-case resource type."""
    unread: tuple[Gap, ...] = ()
    """What is missing of the body; a `what` that is the resource's type stands for all that the body lacks."""
    version: str = ""
    """The api-version by which it was read; "" where nothing says so."""

    path: Final = ""

    @property
    def resource(self) -> Resource:
        """Return itself: a resource is an element with the empty path."""
        return self

    @property
    def name(self) -> str:
        """Return the name as Azure spelled it in the id."""
        return arm.name_of(self.id)

    @property
    def location(self) -> str:
        """Return the normalised region, "" where the body has none."""
        found = self.body.get("location")
        return arm.location(found) if isinstance(found, str) else ""


def resource(
    body: dict[str, object], arm_id: str, call: str = "", unread: tuple[Gap, ...] = (), version: str = ""
) -> Resource:
    """Return the resource of a body whose id is known; its api-version is that of the call if none is given."""
    key, version = arm.key(arm_id), version or _version_of(call)
    return Resource(id=arm_id, body=body, call=call, key=key, type=arm.type_of(key), unread=unread, version=version)


@lru_cache(maxsize=256)
def _version_of(call: str) -> str:
    """Return the api-version of a GET request."""
    return call.partition("api-version=")[2].partition("&")[0] if call.startswith("GET ") else ""


def placeholder(arm_id: str, *gaps: Gap) -> Resource:
    """Return a resource of which only the id is known."""
    key = arm.key(arm_id)
    return Resource(id=arm_id, body={"id": arm_id}, key=key, type=arm.type_of(key), unread=gaps)


class Part(msgspec.Struct, frozen=True):
    """A piece of a resource that rules evaluate by itself: a load-balancing rule, an attached disk, an endpoint."""

    resource: Resource
    path: str
    body: object

    @property
    def id(self) -> str:
        """Return the ARM id of the part where Azure gives it one, else the resource's id with the path behind `#`."""
        found = self.body.get("id") if isinstance(self.body, dict) else None
        return found if isinstance(found, str) else f"{self.resource.id}#{self.path}"

    @property
    def key(self) -> str:
        """Return the id in the form in which it is compared."""
        return arm.key(self.id)


class Approval(Redacted, frozen=True):
    """Who made a snapshot the one that later ones are compared with."""

    by: str
    at: str
    """RFC 3339 time."""
    reason: str


class Snapshot(Redacted, frozen=True):
    """All that is known of the subscriptions at one time; nothing else is evaluated."""

    taken_at: str
    """RFC 3339 time at which reading began; "" where the file does not say."""
    scopes: tuple[str, ...]
    """The subscriptions (`/subscriptions/<guid>`) that were asked for."""
    resources: tuple[Resource, ...]
    """Sorted by key."""
    listed: frozenset[tuple[str, str]]
    """(subscription key, type) pairs of which every resource is here."""
    gaps: tuple[Gap, ...]
    cloud: str = "AzureCloud"
    identity: str = ""
    """Who read it, as Azure names the principal."""
    deployment: str = ""
    """The text of the deployment file in force when it was taken."""
    approved: Approval | None = None

    @property
    def resource_count(self) -> int:
        """Return the number of resources in Azure, without SKU records and regions, which are what Azure offers."""
        return sum(found.type not in {SKU, arm.LOCATION, GUEST_FILE} for found in self.resources)
