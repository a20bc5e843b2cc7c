"""Deployments for the facts of several kinds of element."""

from __future__ import annotations

from typing import Any

from auditor.estate.topology import Topology
from auditor.snapshot.known import Answer
from tests.estate import subscription as s
from tests.estate.subscription import Body
from tests.rules.facts.asking import ask

DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope, dr: northeurope}
  mirrors: [{name: M, failover: [a, b], arbiter: arb, dr: [dr], reporting: none}]
  tiers: [{role: web, members: none}, {role: app, members: [w1, w2, n]}]
"""
THREE = (s.vm("a", zone="1"), s.vm("b", zone="2"), s.vm("arb", zone="3"), s.vm("dr", location="northeurope", zone="1"))
TIER = (s.vm("w1", zone="2"), s.vm("w2"), s.vm("n", location="northeurope", zone="9"))


LEAN = """
- name: prod
  product: iris
  regions: {primary: westeurope, dr: northeurope}
  mirrors: [{name: DB, failover: [vm-a, vm-b], arbiter: vm-c, dr: [vm-d], reporting: none}]
  tiers: [{role: web, members: none}, {role: app, members: none}]
"""
"""The same deployment with other names, and without tiers."""
FOUR = (*(s.vm(f"vm-{letter}") for letter in "abc"), s.vm("vm-d", location="North Europe"))
NICS = tuple(s.nic(f"vm-{letter}-nic") for letter in "abcd")


WEB = """
- name: d
  product: iris
  regions: {primary: westeurope}
  mirrors: none
  tiers: [{role: web, members: [w]}, {role: app, members: [x]}, {role: db, members: none}]
"""
VMS = (s.vm("w"), s.nic("w-nic"), s.vm("x"), s.nic("x-nic"))


ALIGNED = s.resource("Compute/availabilitySets", "set", top={"sku": {"name": "Aligned"}})
CLASSIC = s.resource("Compute/availabilitySets", "set", top={"sku": {"name": "Classic"}})
FLEXIBLE = s.resource("Compute/virtualMachineScaleSets", "vmss", orchestrationMode="Flexible")
SPREAD = s.resource("Compute/virtualMachineScaleSets", "vmss", orchestrationMode="Flexible", platformFaultDomainCount=1)
UNIFORM = s.resource("Compute/virtualMachineScaleSets", "vmss", orchestrationMode="Uniform")
IN_SET = {"availabilitySet": {"id": ALIGNED["id"].upper()}}
IN_SCALE_SET = {"virtualMachineScaleSet": {"id": FLEXIBLE["id"].upper()}}


def estate(*bodies: Body, deployment: str = DEPLOYMENT, **keywords: Any) -> Topology:
    return s.topology(*bodies, deployment=deployment, **keywords)


def mirror_fact(name: str, *bodies: Body, **keywords: Any) -> Answer:
    built = estate(*bodies, **keywords)
    return ask(name, built, s.only(built).mirrors[0])


def pair(a: Body, b: Body) -> tuple[Body, Body]:
    """Return the failover members with these properties; `zone` is their zone."""
    return s.vm("a", **a), s.vm("b", **b)


def lean_mirror_fact(name: str, *bodies: Body, **keywords: Any) -> Answer:
    return mirror_fact(name, *bodies, deployment=LEAN, **keywords)
