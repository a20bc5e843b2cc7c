"""The data disks of failover members are compared without their numbers, unless the numbers are declared."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.azure.types.names import DISK
from auditor.snapshot.known import PartialList, Unknown
from auditor.snapshot.model import Part
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import GAP, VALUE, ask

DEPLOYMENT = """
- name: d
  product: iris
  regions: {primary: westeurope}
  mirrors: [{name: M, failover: [a, b], arbiter: none, dr: none, reporting: none}]
  tiers: [{role: web, members: none}, {role: app, members: none}]
"""
DECLARED = DEPLOYMENT.replace("arbiter: none", "arbiter: none, disks: {journal: [1]}")

LARGE, SMALL, FAST = (
    ("Premium_LRS", 1024, 5000, 200),
    ("Premium_LRS", 512, 2300, 150),
    ("PremiumV2_LRS", 512, 9000, 400),
)
Kind = tuple[Any, Any, Any, Any]


def member(name: str, disks: dict[Any, Kind], caching: str | None = None) -> list[Body]:
    """Return a VM with the disks at these LUNs, and the disks."""
    vm = s.vm(name)
    vm["properties"]["storageProfile"]["dataDisks"] = [
        {"lun": lun, "managedDisk": {"id": arm_id("Compute/disks", f"{name}-{n}")}}
        | ({} if caching is None else {"caching": caching})
        for n, lun in enumerate(disks)
    ]
    return [vm, *(disk(f"{name}-{n}", *kind) for n, kind in enumerate(disks.values()))]


def disk(name: str, sku: Any, gib: Any, iops: Any, mbps: Any) -> Body:
    properties = {"diskSizeGB": gib, "diskIOPSReadWrite": iops, "diskMBpsReadWrite": mbps}
    return s.resource("Compute/disks", name, top={"sku": {"name": sku}}, **properties)


def unlike(*bodies: Body, deployment: str = DEPLOYMENT, **keywords: Any) -> tuple[list[str], object]:
    """Return the VM and number of each disk without a counterpart, and the cause why there may be more."""
    built = s.topology(*bodies, deployment=deployment, **keywords)
    found = ask("mirror.unlike_disks", built, s.only(built).mirrors[0]).value
    assert isinstance(found, PartialList)
    disks = [f"{part.resource.name}-{part.body['lun']}" for part in found.of_type(Part) if isinstance(part.body, dict)]
    return sorted(disks), found.missing.cause if isinstance(found.missing, Unknown) else None


@pytest.mark.parametrize(
    ("a", "b", "alike", "declared"),
    [
        ({0: LARGE, 1: SMALL}, {0: LARGE, 1: SMALL}, [], []),
        ({0: LARGE, 1: SMALL}, {2: SMALL, 3: LARGE}, [], ["a-1", "b-2"]),
        ({0: LARGE, 1: SMALL}, {1: SMALL, 9: LARGE}, [], []),
        ({0: LARGE, 1: SMALL}, {0: SMALL, 1: LARGE}, [], ["a-0", "a-1", "b-0", "b-1"]),
        ({0: LARGE, 1: SMALL}, {0: LARGE}, ["a-1"], ["a-1"]),
        ({0: LARGE}, {0: FAST}, ["a-0", "b-0"], ["a-0", "b-0"]),
        ({0: LARGE, 2: LARGE}, {0: LARGE, 2: SMALL}, ["a-2", "b-2"], ["a-2", "b-2"]),
        ({}, {}, [], []),
    ],
)
def test_disks_without_a_counterpart(
    a: dict[int, Kind], b: dict[int, Kind], alike: list[str], declared: list[str]
) -> None:
    bodies = [*member("a", a), *member("b", b)]
    assert unlike(*bodies) == (alike, None)
    assert unlike(*bodies, deployment=DECLARED) == (declared, None)


@pytest.mark.parametrize(("a", "b", "same"), [("None", None, True), ("none", "NONE", True), ("ReadOnly", None, False)])
def test_host_caching_is_compared(a: str, b: str | None, same: bool) -> None:
    found, unknown = unlike(*member("a", {0: LARGE}, a), *member("b", {0: LARGE}, b))
    assert (not found, unknown) == (same, None)


def test_spelling_does_not_matter() -> None:
    assert unlike(*member("a", {0: LARGE}), *member("b", {0: ("PREMIUM_lrs", 1024.0, 5000, 200)})) == ([], None)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ({0: LARGE}, {0: ("Premium_LRS", 1024, None, 200)}, ([], VALUE)),
        ({0: LARGE}, {0: ("Premium_LRS", 512, None, 200)}, (["a-0", "b-0"], None)),
        ({0: LARGE, 1: SMALL}, {0: ("Premium_LRS", None, None, None)}, (["a-1"], VALUE)),
        ({0: LARGE, 1: LARGE}, {0: LARGE, 1: ("Premium_LRS", "x", 5000, 200)}, ([], VALUE)),
    ],
)
def test_a_property_that_is_not_known_may_be_like_any(a: dict[int, Kind], b: dict[int, Kind], expected: object) -> None:
    assert unlike(*member("a", a), *member("b", b)) == expected


@pytest.mark.parametrize("lun", [None, "1"])
def test_a_number_that_is_not_known_matters_only_where_numbers_are_declared(lun: object) -> None:
    bodies = [*member("a", {1: LARGE}), *member("b", {lun: LARGE})]
    assert unlike(*bodies) == ([], None)
    assert unlike(*bodies, deployment=DECLARED) == ([], VALUE)


def test_disks_that_were_not_read() -> None:
    a, b = member("a", {0: LARGE}), member("b", {0: LARGE})
    assert unlike(*a, b[0], unlisted=[DISK]) == ([], GAP)
    assert unlike(*a, gaps=[s.gap(b[0]["id"])]) == ([], GAP)
    b[0]["properties"]["storageProfile"]["dataDisks"] = "junk"
    assert unlike(*a, *b) == ([], VALUE)


KINDS = st.lists(st.sampled_from([LARGE, SMALL, FAST]), max_size=5)


@given(KINDS, KINDS, st.randoms(use_true_random=False))
def test_members_are_alike_if_their_disks_are_the_same_in_any_order(a: list[Kind], b: list[Kind], order: Any) -> None:
    shuffled = [*a]
    order.shuffle(shuffled)
    one = member("a", dict(enumerate(a)))
    assert unlike(*one, *member("b", dict(enumerate(shuffled, start=3)))) == ([], None)
    found, unknown = unlike(*one, *member("b", dict(enumerate(b))))
    assert (not found) is (sorted(a) == sorted(b))
    assert unknown is None


@given(KINDS, KINDS, st.data())
def test_what_is_not_read_makes_nothing_certain_that_the_whole_does_not(
    a: list[Kind], b: list[Kind], data: Any
) -> None:
    hidden = [(None, None, None, None) if data.draw(st.booleans()) else kind for kind in b]
    certain, _ = unlike(*member("a", dict(enumerate(a))), *member("b", dict(enumerate(hidden))))
    whole, _ = unlike(*member("a", dict(enumerate(a))), *member("b", dict(enumerate(b))))
    assert not certain or whole
