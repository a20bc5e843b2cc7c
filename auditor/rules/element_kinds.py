"""The kinds of element that have no body in Azure: rules evaluate them by facts alone.

The kinds with a body are those of `auditor.azure.types`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

SUBJECTS: Final = frozenset({"mirror", "tier", "deployment", "subscription"})
"""Those that are subjects of rules too; they are the same objects for all rules."""

WITHOUT_BODY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "connectivity": "a declared way by which users' networks reach a deployment",
        "deployment": "a deployment; available for every subject",
        "exposure": "a use of something that Azure retires",
        "growth": "the vCPUs of one quota that the DR region lacks to be as large as the primary region",
        "loss": "something that a deployment can lose at once, such as a VM or a zone",
        "member": "a declared member: one entry of a list in the deployment file",
        "member-address": "an address of a mirror member in a CPF",
        "mirror": "a mirror",
        "name": "a name in the deployment file other than that of a member: a region, resource group, LUN or vault",
        "need": "a role that a deployment needs",
        "objective": "a declared objective: how long the deployment may stop, or how much data it may lose",
        "opening": "a sensitive port that security groups open to addresses on the Internet",
        "path": "a public path: a way from the Internet to a VM",
        "pool-vm": "a VM that is in a backend pool of a mirror, or should be",
        "regional-property": "a property of what serves a mirror or tier, in both regions",
        "sighting": "a VM that a tag, a load balancer or a CPF shows in a role",
        "subscription": "a scanned subscription",
        "text": "a text",
        "tier": "a tier: the VMs of one role, and product, in one region",
        "traffic": "traffic that a deployment needs: between its VMs, or from health probes to one of them",
        "users-name": "a domain name by which users reach a deployment",
        "watched": "something of a deployment whose failure an alert must report",
    }
)
"""Each kind with what it is."""
