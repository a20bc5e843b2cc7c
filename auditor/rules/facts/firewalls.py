"""Facts of Azure Firewalls: what they detect."""

from __future__ import annotations

from typing import Final

from auditor.azure.paths import ABSENT
from auditor.rules.context import Context
from auditor.rules.facts.reading import text_at
from auditor.rules.registry import fact
from auditor.snapshot.known import Answer, Cause, Unknown
from auditor.snapshot.lookup import required
from auditor.snapshot.model import Resource

_WITHOUT_INTRUSION_DETECTION: Final = frozenset({"standard", "basic"})


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
