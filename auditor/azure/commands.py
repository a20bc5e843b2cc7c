"""Commands of the Azure CLI that read what is missing, by the api-versions that the auditor itself uses."""

from __future__ import annotations

from auditor.azure import arm
from auditor.azure.types import TYPES, Via, display_type
from auditor.azure.types.names import VM


def get(arm_id: str) -> str:
    """Return the command that reads a resource; a region is only in the list of all."""
    if arm.type_of(arm_id) == arm.LOCATION:
        return list_all(arm.LOCATION, arm.subscription_of(arm_id))
    declared = TYPES.get(arm.type_of(arm_id))
    if declared is None or declared.version is None:
        return f"az resource show --ids '{arm_id}'"
    return _rest(f"{arm_id}?api-version={declared.version}")


def get_instance_view(vm_id: str) -> str:
    """Return the command that reads a VM with its instance view."""
    return _rest(f"{vm_id}?api-version={TYPES[VM].version}&$expand=instanceView")


def list_all(type_: str, subscription: str) -> str:
    """Return the command that lists the resources of a type in a subscription, and how it is repeated."""
    declared = TYPES.get(type_)
    if declared is None or declared.version is None or declared.via is Via.NONE:
        query = f"resources | where type =~ '{display_type(type_)}'"
        command = f'az graph query --subscriptions {arm.name_of(subscription)} --first 1000 -q "{query}"'
        return f"{command} (again with --skip-token for each further page)"
    pages = "again for each nextLink"
    if declared.parent:
        return f"{_rest(declared.request('ID'))} (for the ID of each {declared.parent}, and {pages})"
    return f"{_rest(declared.request(subscription))} ({pages})"


def _rest(url: str) -> str:
    # No shell replaces anything within single quotes, such as $expand.
    quoted = url.replace("'", "%27")
    return f"az rest --method get --url '{quoted}'"
