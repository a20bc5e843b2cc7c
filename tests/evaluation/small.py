"""A small deployment, and short rules about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from auditor.estate.topology import Topology
from auditor.rules.conditions import CompiledRule
from auditor.rules.facts import FACTS
from auditor.rules.registry import Fact
from auditor.snapshot.known import Answer, Cause, Unknown
from auditor.snapshot.model import Gap, GapReason
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id

Load = Callable[..., tuple[CompiledRule, ...]]

PACK = """
format: auditor.pack/1
name: p
title: P
profiles: {current: now}
statements: {}
"""

HEAD = """
id: {id}
title: A rule
severity: high
sources: [{{title: A, url: "https://example.org", date: "2026"}}]
profiles: {{current: {{}}}}
why: because
fix: do it
"""


NOT_READ = Gap(arm_id("Compute/disks", "disk"), "Microsoft.Compute/disks", GapReason.FORBIDDEN)


def _unsure(cause: Cause) -> Fact:
    """Return a fact that is always unknown for a cause."""
    gaps = (NOT_READ,) if cause is Cause.GAP else ()
    return Fact(
        f"unsure.{cause}", ("vm",), "text", lambda _, vm: Answer(Unknown(cause, f"{cause} of {vm.name}", gaps)), ""
    )


def _undeclared(_context: object, vm: Any) -> Answer:
    return Answer("x" if vm.name == "vm-a" else Unknown(Cause.DECLARATION, "`dns` is not declared", optional=True))


def _broken(_context: object, element: Any) -> Answer:
    message = f"a bug with {element.name}"
    raise LookupError(message)


FACTS_AND_OURS = {
    **FACTS,
    "broken": Fact("broken", ("vm",), "text", _broken, ""),
    **{f.name: f for f in map(_unsure, Cause)},
    "unsure.dns": Fact("unsure.dns", ("vm",), "text", _undeclared, ""),
}


DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope}
  mirrors: none
  tiers: [{role: app, members: [vm-a, vm-b]}, {role: web, members: none}, {role: db, members: none}]
"""
VMS = (s.vm("vm-a", zone="1"), s.vm("vm-b"), s.nic("vm-a-nic"), s.nic("vm-b-nic"))
VNET = s.resource("Network/virtualNetworks", "vnet")
ON_VMS = "for: [{type: Microsoft.Compute/virtualMachines, role: [app]}]\n"
IN_ZONE = "assert: {fact: vm.zone, default: none, equals: '1'}\n"


def estate(*bodies: Body, deployment: str = DEPLOYMENT, **keywords: Any) -> Topology:
    return s.topology(*VMS, VNET, *bodies, deployment=deployment, **keywords)
