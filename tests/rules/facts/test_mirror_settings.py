"""The CPFs of the failover members: which one is that of a mirror, its age, and what it says of the mirror."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.snapshot.known import Cause
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import ask, shown

DEPLOYMENT = """
- name: d
  product: iris
  subscriptions: ["00000000-0000-0000-0000-000000000001"]
  regions: {primary: westeurope, dr: none}
  mirrors: [{name: LAB, failover: [a, b], arbiter: none, dr: none, reporting: none}]
  tiers: none
"""
GUEST, VALUE = Cause.GUEST, Cause.VALUE
TAKEN = "2026-11-01T06:00:00Z"


def cpf(vm: str, *mirrors: str, file: str = "iris.cpf", at: Any = "2026-11-01T02:00:00Z", kind: str = "cpf") -> Body:
    properties = {"kind": kind, "takenAt": at, "mirrors": [{"name": name} for name in mirrors]}
    return {
        "id": f"{arm_id('Compute/virtualMachines', vm)}/guest/{file}",
        "name": file,
        "properties": {key: value for key, value in properties.items() if value is not None},
    }


def settings(*files: Body, taken: str = TAKEN, limit: float = 0, gaps: tuple[Body, ...] = ()) -> object:
    """Return the mirrors that the CPFs of the failover members have for mirror LAB, or the causes of unknowns."""
    deployment = DEPLOYMENT + (f"  settings: {{max_guest_age_days: {limit}}}\n" if limit else "")
    bodies = (s.vm("a"), s.vm("b"), s.nic("a-nic", vm="a"), s.nic("b-nic", vm="b"), *files)
    built = s.topology(*bodies, deployment=deployment, taken_at=taken, gaps=gaps)
    (mirror,) = s.only(built).mirrors
    found = ask("mirror.settings", built, mirror).value
    return [item.body["name"] if hasattr(item, "body") else shown(item) for item in found.known]  # type: ignore[attr-defined]


def test_each_failover_member_has_its_own() -> None:
    assert settings(cpf("a", "LAB"), cpf("b", "LAB")) == ["LAB", "LAB"]
    assert settings(cpf("a", "LAB")) == ["LAB", GUEST]
    assert settings() == [GUEST, GUEST]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([cpf("a", "lab", "OTHER")], "lab"),
        ([cpf("a", "OTHER")], "OTHER"),
        ([cpf("a")], VALUE),
        ([cpf("a", "X", "Y")], VALUE),
        ([cpf("a", "LAB", "LAB")], VALUE),
        ([cpf("a", "LAB"), cpf("a", "OTHER", file="other.cpf")], "LAB"),
        ([cpf("a", "X"), cpf("a", "Y", file="other.cpf")], GUEST),
        ([cpf("a", "LAB"), cpf("a", "LAB", file="other.cpf")], GUEST),
        ([cpf("a", "LAB", kind="merge-cpf")], GUEST),
        ([cpf("a", "LAB"), cpf("a", "X", file="merge.cpf", kind="merge-cpf")], "LAB"),
    ],
)
def test_the_mirror_is_that_of_the_declared_name_or_the_only_one(files: list[Body], expected: object) -> None:
    assert settings(*files, cpf("b", "LAB")) == [expected, "LAB"]


@pytest.mark.parametrize(
    ("at", "taken", "limit", "expected"),
    [
        ("2026-10-25T06:00:00Z", TAKEN, 0, "LAB"),
        ("2026-10-25T05:59:59Z", TAKEN, 0, GUEST),
        ("2026-10-25T05:59:59Z", TAKEN, 8, "LAB"),
        ("2026-11-09T00:00:00Z", TAKEN, 0, GUEST),
        ("2026-11-08T00:00:00+02:00", TAKEN, 0, "LAB"),
        ("2026-11-01T02:00:00Z", "", 0, GUEST),
        ("yesterday", TAKEN, 0, GUEST),
        (7, TAKEN, 0, GUEST),
        (None, TAKEN, 0, GUEST),
    ],
)
def test_an_old_file_is_unknown(at: object, taken: str, limit: float, expected: object) -> None:
    assert settings(cpf("a", "LAB", at=at), cpf("b", "LAB"), taken=taken, limit=limit)[0] == expected  # type: ignore[index]


def test_what_could_not_be_read_is_unknown() -> None:
    files = cpf("a", "OTHER"), cpf("b", "LAB")
    (first, *_) = files
    assert settings(*files, gaps=(s.gap(first["id"], "properties.mirrors[*]", "malformed"),)) == [GUEST, "LAB"]
    assert settings(files[1], gaps=(s.gap(first["id"], "microsoft.compute/virtualmachines/guest"),)) == [GUEST, "LAB"]
