"""Facts about other resources of the same network or subscription."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from auditor.estate.topology import Topology
from auditor.rules.facts import FACTS
from auditor.snapshot.known import Cause, PartialList, Unknown
from auditor.snapshot.model import Resource
from auditor.sources import arm_json
from tests.estate.subscription import (
    OTHER,
    SUB,
    TYPES,
    VNET,
    Body,
    arm_id,
    by_nic,
    context,
    declare,
    gap,
    load_balancer,
    nic,
    only,
    resource,
    topology,
    vm,
)

DEPLOYMENT = """
- name: prod
  product: iris
  environment: production
  regions: {primary: westeurope, dr: none}
  mirrors:
    - {name: M, address: {kind: none}, failover: [a, b], arbiter: none, dr: none, reporting: none}
  tiers:
    - {role: web, members: [w]}
    - {role: app, members: none}
"""
SET = arm_id("Compute/availabilitySets", "set")
IN_SET: Body = {"availabilitySet": {"id": SET}}


def members(**extra: Body) -> list[Body]:
    bodies: list[Body] = []
    for name in ("a", "b", "w"):
        subnet = VNET if name != "w" else f"{VNET}-web"
        bodies += [vm(name, **extra.get(name, {})), nic(f"{name}-nic", vm=name, vnet=subnet)]
    return bodies


def built(*bodies: Body, deployment: str = DEPLOYMENT, extra: dict[str, Body] | None = None, **kw: Any) -> Topology:
    return topology(*members(**(extra or {})), *bodies, deployment=deployment, **kw)


def neighbours(found: Topology) -> Any:
    return FACTS["deployment.neighbours"].find(context(found), only(found)).value


def names(found: Topology) -> list[str]:
    listed = neighbours(found)
    assert listed.missing is None, listed.missing
    return [vm.name for vm in listed.known]


def other_nic(vnet: str = VNET, **changes: Any) -> Body:
    return nic("x-nic", vm="x", vnet=vnet, **changes)


@pytest.mark.parametrize(
    ("bodies", "extra", "found"),
    [
        ([], {}, False),
        ([vm("x"), other_nic(f"{VNET}-web")], {}, False),
        ([vm("x"), other_nic()], {}, True),
        ([vm("x"), nic("x-nic")], {}, True),
        ([nic("x-nic")], {}, False),
        ([vm("x"), other_nic(f"{VNET}-web"), load_balancer("lb", {"p": by_nic("w-nic", "x-nic")})], {}, True),
        ([vm("x"), other_nic(f"{VNET}-web"), load_balancer("lb", {"p": by_nic("x-nic")})], {}, False),
        ([vm("x", **IN_SET), resource("Compute/availabilitySets", "set")], {"w": IN_SET}, True),
        ([vm("x"), resource("Compute/availabilitySets", "set")], {"w": IN_SET}, False),
    ],
)
def test_vms_in_the_subnet_of_the_members(bodies: list[Body], extra: dict[str, Body], *, found: bool) -> None:
    assert names(built(*bodies, extra=extra)) == ["a", "b", "w", *(["x"] if found else [])]


@pytest.mark.parametrize(
    "keywords",
    [
        {"unlisted": ["microsoft.network/networkinterfaces"]},
        {"unlisted": ["microsoft.network/loadbalancers"]},
        {"unlisted": ["microsoft.network/applicationgateways"]},
        {"gaps": [gap(arm_id("Network/networkInterfaces", "x-nic"))]},
        {"extra": {"w": IN_SET}, "gaps": [gap(arm_id("Compute/virtualMachines", "other"))]},
    ],
)
def test_what_was_not_read_may_hide_others(keywords: Any) -> None:
    listed = neighbours(built(**keywords))
    assert {vm.name for vm in listed.known} == {"a", "b", "w"}
    assert listed.missing.cause is Cause.GAP


def test_undeclared_members_have_unknown_neighbours() -> None:
    listed = neighbours(built(deployment=DEPLOYMENT.replace("- {role: web, members: [w]}", "")))
    assert listed.missing.cause is Cause.DECLARATION


@pytest.mark.parametrize("keywords", [{"unlisted": ["microsoft.compute/availabilitysets"]}, {"gaps": [gap(SET)]}])
def test_which_vms_are_in_an_availability_set_that_was_not_read(keywords: Any) -> None:
    assert names(built(vm("x", **IN_SET), extra={"w": IN_SET}, **keywords)) == ["a", "b", "w", "x"]


def test_references_to_what_does_not_exist_are_unknown() -> None:
    assert neighbours(built(other_nic())).missing.cause is Cause.VALUE, "the VM of the interface"
    lost = vm("x", availabilitySet={"id": f"{SET}-gone"})
    own = resource("Compute/availabilitySets", "set")
    assert neighbours(built(own, lost, extra={"w": IN_SET})).missing.cause is Cause.VALUE, "the set of the VM"


def roles(found: Topology, name: str) -> PartialList:
    element = found.graph.get_or_placeholder(arm_id("Compute/virtualMachines", name))
    listed = FACTS["vm.roles"].find(context(found), element).value
    assert isinstance(listed, PartialList)
    return listed


def test_roles() -> None:
    found = built(vm("x"))
    assert roles(found, "a") == PartialList(("mirror-failover",))
    assert roles(found, "x") == PartialList()
    more = DEPLOYMENT.replace("[w]", "[w, x-or-y]")
    hidden = roles(built(deployment=more, unlisted=["microsoft.compute/virtualmachines"]), "x")
    assert isinstance(hidden.missing, Unknown)


def test_of_two_vms_of_one_name_the_one_with_the_role_is_unknown() -> None:
    found = built(vm("w", group="copy"), vm("x"))
    assert roles(found, "w").missing is not None
    assert roles(found, "x") == PartialList()


# --- classic ----------------------------------------------------------------------------------------------------------

CLASSIC = [
    "Microsoft.ClassicCompute/virtualMachines",
    "Microsoft.ClassicNetwork/virtualNetworks",
    "Microsoft.ClassicStorage/storageAccounts",
]


def classic(*bodies: Body, listed: list[str], deployment: str = DEPLOYMENT) -> Any:
    body = {"value": [*members(), *bodies], "listed": {SUB: [*TYPES, *listed]}}
    found = Topology(arm_json.decode(json.dumps(body).encode(), "test"), declare(deployment) if deployment else ())
    (subscription,) = found.subscriptions
    return FACTS["subscription.classic_resources"].find(context(found), subscription).value


def test_classic_resources() -> None:
    body = {"id": f"{SUB}/resourceGroups/rg/providers/{CLASSIC[0]}/old", "name": "old", "properties": {}}
    assert classic(listed=CLASSIC) == PartialList()
    assert [found.name for found in classic(body, listed=CLASSIC).known] == ["old"]
    assert set(TYPES).isdisjoint(type_.lower() for type_ in CLASSIC)
    for hidden in CLASSIC:
        seen = classic(body, listed=[type_ for type_ in CLASSIC if type_ != hidden])
        assert (len(seen.known), seen.missing.cause) == (1, Cause.GAP)


def test_where_no_deployment_is_recognised_nothing_is_evaluated() -> None:
    assert classic(listed=CLASSIC, deployment="").cause is Cause.DECLARATION


@pytest.mark.parametrize("name", ["subscription.classic_resources", "subscription.sightings"])
def test_in_a_subscription_without_vms_there_is_nothing_to_recognise(name: str) -> None:
    def asked(*bodies: Body, classic: Iterable[str] = CLASSIC, unlisted: Iterable[str] = ()) -> Any:
        found = topology(*bodies, also_listed=classic, unlisted=unlisted)
        return FACTS[name].find(context(found), found.subscriptions[0]).value

    old = {"id": f"{SUB}/resourceGroups/rg/providers/Microsoft.ClassicCompute/virtualMachines/old", "properties": {}}
    assert asked(nic("n")) == PartialList()
    assert asked(vm("v")).cause is Cause.DECLARATION
    assert asked(old).cause is Cause.DECLARATION
    assert asked(unlisted=["microsoft.compute/virtualmachines"]).cause is Cause.DECLARATION
    assert asked(classic=[type_ for type_ in CLASSIC if "Compute" not in type_]).cause is Cause.DECLARATION


def of_deployments(*bodies: Body, deployment: str = DEPLOYMENT, scopes: tuple[str, ...] = (SUB,)) -> list[list[str]]:
    """Return, for each subscription, the names of the VMs with a role, and `...` where there may be others."""
    found = topology(*bodies, deployment=deployment, scopes=scopes)
    find = FACTS["subscription.machines"].find
    asked = [PartialList.of(find(context(found), subscription).value) for subscription in found.subscriptions]
    return [[*(vm.name for vm in items.of_type(Resource)), *(["..."] if items.missing else [])] for items in asked]


def test_vms_of_a_subscription() -> None:
    assert of_deployments(*members(), vm("stranger")) == [["a", "b", "w"]]
    assert of_deployments(*members()[2:]) == [["b", "w", "..."]]
    assert of_deployments(vm("stranger")) == [[]]
    assert of_deployments(*members(), deployment="") == [[]]
    both = DEPLOYMENT.replace(
        "members: [w]", f"members: [w, {arm_id('Compute/virtualMachines', 'x', subscription=OTHER)}]"
    )
    vms = (*members(), vm("x", subscription=OTHER))
    assert of_deployments(*vms, deployment=both, scopes=(SUB, OTHER)) == [["a", "b", "w"], ["x"]]
