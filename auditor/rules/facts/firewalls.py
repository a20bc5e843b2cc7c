"""Facts of Azure Firewalls and WAF policies: what they detect."""

from __future__ import annotations

from typing import Final

from auditor.azure.paths import ABSENT
from auditor.rules.context import Context
from auditor.rules.facts.gateways import LISTENERS
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, PartialList, Unknown
from auditor.snapshot.lookup import objects, required
from auditor.snapshot.model import Part, Resource

_WITHOUT_INTRUSION_DETECTION: Final = frozenset({"standard", "basic"})
_PATH_RULES: Final = "properties.urlPathMaps[*].properties.pathRules[*]"


@fact("gateway.waf_policies", "gateway", gives="waf-policy*")
def waf_policies(context: Context, gateway: Resource) -> Answer:
    """The WAF policies of an application gateway: its own, and those of its listeners and path rules."""
    listed = [objects(gateway, path) for path in (LISTENERS, _PATH_RULES)]
    elements: list[Resource | Part] = [gateway, *(part for found in listed for part in found.of_type(Part))]
    policies = [context.topology.graph.follow(element, "firewallPolicy") for element in elements]
    known = {
        policy.value.key if isinstance(policy.value, Resource) else str(policy.value): policy.value
        for policy in policies
        if policy.value is not ABSENT
    }
    unknown = next((found.incomplete_because for found in listed if found.incomplete_because), None)
    reads = tuple(read for policy in policies if policy.value is not ABSENT for read in policy.reads)
    return Answer(PartialList(tuple(known.values()), unknown), reads)


@fact("firewall.threat_intelligence", "firewall", gives="text")
def threat_intelligence(context: Context, firewall: Resource) -> Answer:
    """What an Azure Firewall does with traffic of known malicious addresses: `Alert`, the default, `Deny` or `Off`."""
    return _mode(_policy(context, firewall), "properties.threatIntelMode", "Alert")


@fact("firewall.intrusion_detection", "firewall", gives="text")
def intrusion_detection(context: Context, firewall: Resource) -> Answer:
    """What an Azure Firewall does with intrusions: `Alert`, `Deny` or `Off`; `unavailable` without the Premium tier."""
    tier = required(text_at(firewall, "properties.sku.tier"))
    if str(tier.value).lower() == "premium":
        return _mode(_policy(context, firewall), "properties.intrusionDetection.mode", "Off")
    if str(tier.value).lower() in _WITHOUT_INTRUSION_DETECTION:
        return Answer("unavailable", tier.reads)
    reason = f"{firewall.id} has the tier {tier.value}, of which it is unknown whether it detects intrusions"
    unknown = tier.value if isinstance(tier.value, Unknown) else Unknown(Cause.VALUE, reason, about=(firewall.id,))
    return Answer(unknown, tier.reads)


def _policy(context: Context, firewall: Resource) -> Resource | Unknown:
    """Return the policy of an Azure Firewall; without one, the firewall itself, which then has its settings."""
    policy = context.topology.graph.follow(firewall, "firewallPolicy").value
    return policy if isinstance(policy, Resource | Unknown) else firewall


def _mode(holder: Resource | Unknown, path: str, default: str) -> Answer:
    if isinstance(holder, Unknown):
        return Answer(holder)
    found = text_at(holder, path)
    return Answer(default, found.reads) if found.value is ABSENT else found
