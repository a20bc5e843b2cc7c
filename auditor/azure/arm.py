"""Azure Resource Manager ids and names, compared as Azure compares them: without regard to case.

An id is ``/subscriptions/S[/resourceGroups/G]/providers/NAMESPACE/TYPE/NAME[/TYPE/NAME]...``; an extension resource
repeats ``/providers/...`` behind the id of what it extends. That of a region is ``/subscriptions/S/locations/REGION``.
"""

from __future__ import annotations

from functools import lru_cache

SUBSCRIPTION = "microsoft.resources/subscriptions"
RESOURCE_GROUP = "microsoft.resources/subscriptions/resourcegroups"
LOCATION = "microsoft.resources/subscriptions/locations"

_IN_SUBSCRIPTIONS = {"resourcegroups": RESOURCE_GROUP, "locations": LOCATION}
"""The types whose ids have no provider, by the collection in the id."""


def key(arm_id: str) -> str:
    """Return the form under which an id is compared and joined."""
    return arm_id.strip().rstrip("/").lower()


def is_id(text: object) -> bool:
    """Return whether a value looks like the id of a subscription or of something in it."""
    return isinstance(text, str) and text[:15].lower() == "/subscriptions/" and len(text) > len("/subscriptions/")


@lru_cache(maxsize=4096)
def canonical_type(text: str) -> str:
    """Return the lower-case type; `Microsoft.Resources/resourceGroups` is short for the type of resource groups."""
    lowered = text.lower()
    return RESOURCE_GROUP if lowered == "microsoft.resources/resourcegroups" else lowered


def type_of(arm_id: str) -> str:
    """Return the lower-case resource type that an id names, or "" where it names none.

    The id is the authority, since the `type` of a body differs in case from answer to answer.
    """
    parts = key(arm_id).split("/")
    # Words and names alternate: at an even place `providers` is the name of a resource.
    providers = [place for place in range(1, len(parts), 2) if parts[place] == "providers"]
    if not providers:
        if len(parts) == 3 and parts[1] == "subscriptions":
            return SUBSCRIPTION
        return _IN_SUBSCRIPTIONS.get(parts[3], "") if len(parts) == 5 else ""
    segments = parts[providers[-1] + 1 :]
    return "/".join([segments[0], *segments[1::2]]) if len(segments) >= 3 and len(segments) % 2 else ""


def subscription_of(arm_id: str) -> str:
    """Return the key of the subscription (`/subscriptions/<guid>`) that an id lies in, or "" where it lies in none."""
    if not is_id(arm_id):
        return ""
    return "/subscriptions/" + arm_id.split("/", 3)[2].lower()


def group_of(arm_id: str) -> str:
    """Return the lower-case name of the resource group of an id, or "" where it is in none."""
    parts = arm_id.split("/", 5)
    return parts[4].lower() if len(parts) > 4 and parts[3].lower() == "resourcegroups" else ""


def name_of(arm_id: str) -> str:
    """Return the last segment of an id, as Azure spelled it."""
    return arm_id.rstrip("/").rsplit("/", 1)[-1]


def parent_of(arm_key: str) -> str:
    """Return the key of what a child (`.../loadBalancers/lb/probes/p`) belongs to, or "" for a top-level resource."""
    parts = arm_key.rsplit("/", 2)
    if len(parts) < 3 or "/providers/" not in parts[0] or parts[0].rsplit("/", 2)[-2] == "providers":
        return ""
    return parts[0]


def owner_of(arm_id: str) -> str:
    """Return the key of the top-level resource that an id is of, or that it is a part of."""
    found = key(arm_id)
    while parent := parent_of(found):
        found = parent
    return found


def location_id(subscription: str, region: str) -> str:
    """Return the key of a region, as `location` returns it, in a subscription."""
    return f"{subscription}/locations/{region}"


def location(text: str) -> str:
    """Return a region as Azure compares it: "West Europe" and "westeurope" are the same."""
    return text.replace(" ", "").lower()
