"""Findings that are lost from sight and not gone: deployments declared by tags, and subscriptions left out."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from auditor.azure import arm
from auditor.azure.types.names import VM
from auditor.evaluation.model import BaselineState, Outcome
from tests import estates
from tests.estates import Body
from tests.evaluation.drift.comparing import Compared, compare
from tests.test_gaps import hide_resource

NAME = "mirror-template"
FIRST = "00000000-0000-0000-0000-000000000005"
OTHER = "00000000-0000-0000-0000-000000000009"

Change = Callable[[Body], object]


def vms(body: Body, subscription: str) -> list[Body]:
    return [i for i in body["value"] if arm.type_of(i.get("id", "")) == VM and subscription in i["id"]]


def two(deployment: str, mirror: str) -> Body:
    """Return two subscriptions with roles by tags; the deployment and mirror of the other one have these names."""
    body, _ = estates.by_tags(NAME)
    other: Body = json.loads(json.dumps(body).replace(FIRST, OTHER))
    for vm in vms(other, OTHER):
        vm["tags"] |= {"iris-deployment": deployment, "iris-mirror": mirror}
    return body | {"value": body["value"] + other["value"], "listed": body["listed"] | other["listed"]}


def since(
    *changes: Change, deployment: str = "other", mirror: str = "other", first: Change = lambda _: None
) -> Compared:
    """Compare the two subscriptions, with the change `first` if any, with those after further changes."""
    before, after = two(deployment, mirror), two(deployment, mirror)
    first(before)
    for change in (first, *changes):
        change(after)
    return compare(NAME, before, after, declared={})


def left_out(body: Body) -> None:
    body["value"] = [item for item in body["value"] if OTHER not in item.get("id", "")]
    body["listed"] = {scope: types for scope, types in body["listed"].items() if OTHER not in scope}


def untagged(body: Body) -> None:
    for vm in vms(body, OTHER):
        vm["tags"] = {}


def without_vms(body: Body, subscription: str = OTHER) -> None:
    gone = vms(body, subscription)
    body["value"] = [item for item in body["value"] if item not in gone]


def unlisted_in(subscription: str) -> Change:
    def change(body: Body) -> None:
        without_vms(body, subscription)
        types = body["listed"][f"/subscriptions/{subscription}"]
        types[:] = [type_ for type_ in types if arm.canonical_type(type_) != VM]

    return change


def hidden(subscription: str, what: str = VM) -> Change:
    """Return a change that hides all, or a property, of one VM."""

    def change(body: Body) -> None:
        arm_id = vms(body, subscription)[0]["id"]
        if what == VM:
            hide_resource(body, arm_id, stub=False)
        else:
            body["gaps"] = [{"scope": arm_id, "what": what, "reason": "forbidden"}]

    return change


def missing(found: Compared, kind: str) -> set[tuple[BaselineState, str]]:
    """Return the states and reasons of the findings about a kind of subject that do not exist any more."""
    return {(c.state, c.reason) for c in found.drift.findings if c.after is None and c.finding.subject.kind == kind}


def turned(found: Compared, then: Outcome, now: Outcome) -> set[tuple[BaselineState, str]]:
    """Return the states and reasons of the findings with one outcome in the baseline and another one now."""
    both = [(c, c.before.outcome, c.after.outcome) for c in found.drift.findings if c.before and c.after]
    return {(change.state, change.reason) for change, before, after in both if (before, after) == (then, now)}


VM_TYPE = "Microsoft.Compute/virtualMachines"
NOT_SCANNED = (BaselineState.LOST_SIGHT, f"/subscriptions/{OTHER} was not scanned")


@pytest.mark.slow
def test_all_findings_in_a_subscription_that_is_left_out_are_lost_from_sight() -> None:
    found = since(left_out)
    for kind in (VM_TYPE, "mirror", "subscription"):
        assert missing(found, kind) == {NOT_SCANNED}
    assert {change.state for change in found.drift.findings} == {BaselineState.LOST_SIGHT}


def test_a_subscription_of_which_nothing_was_read_but_its_resources_is_lost_from_sight() -> None:
    """An ARM JSON file need not have the body of the subscription itself."""

    def unread(body: Body) -> None:
        body["value"] = [item for item in body["value"] if arm.type_of(item.get("id", "")) != arm.SUBSCRIPTION]

    assert missing(since(left_out, unlisted_in(FIRST), first=unread), "subscription") == {NOT_SCANNED}


@pytest.mark.slow
def test_a_mirror_whose_tags_were_removed_may_exist_unless_none_is_declared() -> None:
    def to_app(body: Body) -> None:
        for vm in vms(body, OTHER):
            vm["tags"] = {"iris-deployment": "other", "iris-role": "app"}

    reasons = {(state, reason.partition(":")[0]) for state, reason in missing(since(to_app), "mirror")}
    assert reasons == {(BaselineState.LOST_SIGHT, "the mirrors of other are not declared")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("hide", "expected"),
    [
        ([], BaselineState.GONE),
        ([unlisted_in(OTHER)], BaselineState.LOST_SIGHT),
        ([unlisted_in(FIRST)], BaselineState.LOST_SIGHT),
        ([hidden(FIRST)], BaselineState.LOST_SIGHT),
        ([hidden(FIRST, "tags")], BaselineState.GONE),
        ([hidden(FIRST, "properties.instanceView")], BaselineState.GONE),
    ],
    ids=["nothing", "its VMs", "other VMs", "a VM", "tags that were read", "a status"],
)
def test_a_deployment_that_no_tag_names_any_more_is_gone_where_all_tags_were_read(
    hide: list[Change], expected: BaselineState
) -> None:
    ((state, reason),) = missing(since(untagged, *hide), "mirror")
    assert (state, bool(reason)) == (expected, expected is BaselineState.LOST_SIGHT)


def test_vms_that_certainly_do_not_exist_are_gone_though_others_are_hidden() -> None:
    found = since(without_vms, unlisted_in(FIRST))
    assert (BaselineState.GONE, "") in missing(found, VM_TYPE)
    assert {state for state, _ in missing(found, "mirror")} == {BaselineState.LOST_SIGHT}


def test_the_part_of_a_deployment_in_a_subscription_that_is_left_out_is_lost_from_sight() -> None:
    """The rest of the deployment is recognised, and nothing shows that it had more members."""
    assert missing(since(left_out, deployment=NAME), "mirror") == {NOT_SCANNED}


def test_a_pass_without_a_subscription_that_is_left_out_is_not_a_fix() -> None:
    """A mirror had four failover members in two subscriptions, and has two in the one that is scanned."""
    found = since(left_out, deployment=NAME, mirror="MIRROR")
    assert turned(found, Outcome.FAIL, Outcome.PASS) == {NOT_SCANNED}
    assert turned(found, Outcome.NOT_APPLICABLE, Outcome.PASS) == {(BaselineState.DRIFTED, "")}
