"""Facts of Web Application Firewalls (WAF): those of application gateways and of Azure Front Doors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from auditor.azure.paths import ABSENT
from auditor.azure.types.names import APPLICATION_GATEWAY
from auditor.rules.context import Context
from auditor.rules.facts import front_doors
from auditor.rules.facts.gateways import LISTENERS
from auditor.rules.facts.logic import every
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, PartialList
from auditor.snapshot.lookup import objects, unusable, value
from auditor.snapshot.model import Part, Resource

_PATH_RULES: Final = "properties.urlPathMaps[*].properties.pathRules[*]"
_CONFIGURATION: Final = "properties.webApplicationFirewallConfiguration"
_STATE, _MODE = "properties.policySettings.state", "properties.policySettings.mode"
_STATE_AT_FRONT_DOOR: Final = "properties.policySettings.enabledState"
_RULE_SETS: Final = "properties.managedRules.managedRuleSets[*]"


@fact("entrance.has_waf", "gateway", *front_doors.KINDS, gives="boolean")
def has_waf(context: Context, owner: Resource) -> Answer:
    """Whether an application gateway or Azure Front Door has a WAF: a policy, or a configuration without one."""
    policies = _policies(context, owner)
    if policies.known:
        return Answer(value=True)
    enabled = value(owner, f"{_CONFIGURATION}.enabled")
    known = enabled.value is ABSENT or isinstance(enabled.value, bool)
    configured = Answer(enabled.value is True if known else unusable(enabled, "true or false"), enabled.reads)
    return configured if configured.value is not False else Answer(policies.missing or False, enabled.reads)


@fact("entrance.waf_blocks", "gateway", *front_doors.KINDS, gives="boolean")
def waf_blocks(context: Context, owner: Resource) -> Answer:
    """Whether each WAF policy is enabled and in prevention mode; without one, whether the configuration is.

    That of an Azure Front Door must have a managed rule set too: without one, it detects no attacks.
    """
    policies = _policies(context, owner)
    if not policies.known:
        mode = _reads(owner, f"{_CONFIGURATION}.firewallMode", "Detection", "prevention")
        return Answer(policies.missing or mode.value, mode.reads)
    at_gateway = owner.type == APPLICATION_GATEWAY
    found = every(answer for policy in policies.known for answer in _of_policy(policy, at_gateway=at_gateway))
    return found if found.value is not True else Answer(policies.missing or True, found.reads)


def _policies(context: Context, owner: Resource) -> PartialList:
    if owner.type != APPLICATION_GATEWAY:
        return front_doors.waf_policies(context, owner)
    listed = [objects(owner, path) for path in (LISTENERS, _PATH_RULES)]
    elements: list[Resource | Part] = [owner, *(part for found in listed for part in found.of_type(Part))]
    policies = [context.topology.graph.follow(element, "firewallPolicy").value for element in elements]
    known = {each.key if isinstance(each, Resource) else str(each): each for each in policies if each is not ABSENT}
    return PartialList(tuple(known.values()), PartialList.joined(*listed).incomplete_because)


def _of_policy(policy: object, *, at_gateway: bool) -> Iterator[Answer]:
    """Yield whether a WAF policy is enabled, blocks, and, at a Front Door, has a managed rule set."""
    if not isinstance(policy, Resource):
        yield Answer(policy)
        return
    state, default = (_STATE, "Disabled") if at_gateway else (_STATE_AT_FRONT_DOOR, "Enabled")
    yield _reads(policy, state, default, "enabled")
    yield _reads(policy, _MODE, "Detection", "prevention")
    if not at_gateway:
        sets = objects(policy, _RULE_SETS)
        has = bool(sets.of_type(Part)) or sets.incomplete_because or False
        yield Answer(has, value(policy, "properties.managedRules").reads)


def _reads(element: Resource, path: str, default: str, wanted: str) -> Answer:
    """Return whether a text, or Azure's default where it is absent, is the wanted one in lower case."""
    found = text_at(element, path)
    text = default if found.value is ABSENT else found.value
    return Answer(text.lower() == wanted if isinstance(text, str) else text, found.reads)
