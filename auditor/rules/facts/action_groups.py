"""Whether an action group informs someone."""

from __future__ import annotations

from typing import Final

from auditor.azure.paths import ABSENT
from auditor.rules.context import Context
from auditor.rules.facts.logic import every, some
from auditor.rules.registry import once
from auditor.snapshot.known import Answer, PartialList
from auditor.snapshot.lookup import objects, unusable, value
from auditor.snapshot.model import Part, Resource

_RECEIVERS: Final = (
    "armRoleReceivers",
    "automationRunbookReceivers",
    "azureAppPushReceivers",
    "azureFunctionReceivers",
    "emailReceivers",
    "eventHubReceivers",
    "incidentReceivers",
    "itsmReceivers",
    "logicAppReceivers",
    "smsReceivers",
    "voiceReceivers",
    "webhookReceivers",
)

_ACTIVE: Final = frozenset({"enabled", "notspecified"})


@once
def notifies(context: Context, element: Resource | Part) -> Answer:
    """Return whether an action group of an alert rule, or of an action of an alert processing rule, informs someone."""
    groups = context.topology.graph.follow_all(
        element, "actionGroupIds" if isinstance(element, Part) else "actionGroupId"
    )
    listed = PartialList.of(groups.value)
    found = some(_informs(context, group) if isinstance(group, Resource) else Answer(group) for group in listed.known)
    return found if found.value is True else Answer(listed.missing or found.value, (*groups.reads, *found.reads))


@once
def _informs(_: Context, group: Resource) -> Answer:
    """Return whether an action group is enabled and has a receiver."""
    enabled = value(group, "properties.enabled")
    known = enabled.value is ABSENT or isinstance(enabled.value, bool)
    is_on = Answer(enabled.value is not False if known else unusable(enabled, "true or false"), enabled.reads)
    return every((is_on, some(_has_receiver(group, name) for name in _RECEIVERS)))


def _has_receiver(group: Resource, name: str) -> Answer:
    """Return whether an action group has a receiver of a kind; one that has unsubscribed is disabled."""
    path = f"properties.{name}"
    receivers = objects(group, f"{path}[*]")
    states = [value(each, "status") for each in receivers.of_type(Part)]
    active = any(state.value is ABSENT or str(state.value).lower() in _ACTIVE for state in states)
    reads = tuple(read for state in states for read in state.reads) or value(group, path).reads
    return Answer(active or receivers.incomplete_because or False, reads)
