"""What a snapshot does not list turns no effect of a loss, and no objective, into another one, only into unknown."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest

from auditor.azure import arm
from auditor.losses.objectives import KINDS, compare
from auditor.losses.play import single
from auditor.losses.site import Objective
from auditor.rules.context import Context
from auditor.rules.facts.site import site_of
from tests import estates

OBJECTIVES: Final = dict.fromkeys(KINDS, Objective(rto=60, rpo=0)) | {"region": Objective(rto=3600, rpo=900)}
SOFTER: Final = {("lost", "stops")}
"""That nothing is left with which a person could continue may be hidden too."""


def foreseen(name: str, body: estates.Body) -> dict[str, str]:
    """Return the effect of each loss, and the outcome of each objective, of the deployment of an estate."""
    built = estates.topology(name, body)
    (deployment,) = built.deployments
    site = msgspec.structs.replace(site_of(Context(built, deployment), deployment), objectives=OBJECTIVES)
    losses = single(site)
    compared = {f"{one.kind} {one.measure}": str(one.met) for one in compare(site, losses)}
    return {one.id: str(one.effect) for one in losses} | compared


@pytest.mark.slow
@pytest.mark.parametrize("name", ["trakcare-current", "trakcare-2018"])
def test_a_type_that_was_not_listed(name: str) -> None:
    before = foreseen(name, estates.body_of(name))
    types = {arm.type_of(item["id"]) for item in before_items(name)}
    assert len(types) > 20
    changed = set()
    for hidden in sorted(types):
        body = estates.body_of(name)
        body["value"] = [item for item in body["value"] if arm.type_of(item.get("id", "")) != hidden]
        for scope, listed in body["listed"].items():
            body["listed"][scope] = [type_ for type_ in listed if type_.lower() != hidden]
        for key, after in foreseen(name, body).items():
            allowed = {before.get(key, "serves"), "unknown"}
            assert after in allowed or (before[key], after) in SOFTER, (hidden, key)
            changed |= {hidden} if after != before.get(key) else set()
    assert len(changed) >= 4, changed


def before_items(name: str) -> list[estates.Body]:
    return [item for item in estates.shared_body(name)["value"] if "id" in item]
