"""The table of losses in a report, on the first screen and on the page."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from auditor.evaluation.losses import losses_of
from auditor.losses.loss import LossKind
from auditor.report import losses
from auditor.report.document import Deployment, LossesOfKind, StoppingLoss
from auditor.report.view import View
from tests import estates
from tests.report import reports


def of_kind(kind: LossKind, survived: int, *stopping: str, **changes: Any) -> LossesOfKind:
    found = LossesOfKind(
        kind=kind,
        survived=survived,
        stopping=tuple(StoppingLoss(name, None, ("there is no primary",), "unless it is slow") for name in stopping),
        unknown=(),
        least_seconds=None,
        most_seconds=None,
    )
    return msgspec.structs.replace(found, **changes)


def deployment(*table: LossesOfKind) -> Deployment:
    return Deployment("prod", losses=table)


def test_the_brief_names_what_the_reference_architecture_could_survive() -> None:
    assert losses.brief(deployment()) == ""
    vms, region = of_kind(LossKind.VM, 7), of_kind(LossKind.REGION, 1, "westeurope")
    assert losses.brief(deployment(vms, region)) == "stopped by no single VM, zone or network"
    zone = of_kind(LossKind.ZONE, 2, "westeurope/1", unknown=("westeurope/2",))
    assert losses.brief(deployment(region, zone)) == "stopped by zone westeurope/1; 1 loss unknown"
    assert losses.is_stopped(deployment(region, zone))
    assert not losses.is_stopped(deployment(region))


def test_a_row_counts_what_is_unknown_apart() -> None:
    zone = of_kind(LossKind.ZONE, 4, "westeurope/1", unknown=("westeurope/2",), least_seconds=3.2, most_seconds=29)
    (row,) = losses.rows(deployment(zone))
    assert row == losses.Row(
        title="Zones",
        number=6,
        survived=4,
        stopping=(("westeurope/1", "there is no primary; unless it is slow"),),
        unknown=("westeurope/2",),
        waits="4 to 29 s",
    )


@pytest.mark.parametrize(
    ("least", "most", "expected"),
    [(None, None, ""), (0, 0, "not at all"), (4, None, "at least 4 s"), (0, 1200.5, "0 to 1,201 s")],
)
def test_waits(least: float | None, most: float | None, expected: str) -> None:
    assert losses.waits(least, most) == expected


def test_every_kind_has_a_title() -> None:
    assert losses.TITLES.keys() == set(LossKind)


def test_a_report_keeps_the_losses_of_each_deployment() -> None:
    body = estates.body_of("trakcare-current")
    built = estates.topology("trakcare-current", body)
    (found,) = losses_of(built, built.deployments).values()
    kinds = {each.kind: each for each in found}
    assert [each.losses[0].name for each in kinds[LossKind.REGION].stopping] == ["westeurope"]
    assert kinds[LossKind.ZONE].stopping == kinds[LossKind.VM].stopping == ()
    assert len(kinds[LossKind.ZONE].survived) == 6


@pytest.mark.parametrize("format_", ["terminal", "html"])
def test_both_screens_show_it(format_: str) -> None:
    built = estates.topology("trakcare-current", estates.body_of("trakcare-current"))
    found = losses_of(built, built.deployments)
    whole = msgspec.structs.replace(reports.full(), losses={"prod": found["trakcare-prod"]})
    shown = " ".join(
        reports.render(format_, whole, View(command="auditor scan --demo", source="--demo", width=140)).split()
    )
    assert "stopped by no single VM, zone or network" in shown
    assert ("auditor foresee --demo" in shown) is (format_ == "terminal")
    assert ("TRAKDB has no failover member left" in shown) is (format_ == "html")


def test_what_is_not_known_is_never_said_to_be_survived() -> None:
    """Also where no VM was read, so that there is no loss of one; no region and no load balancer is left out."""
    vms, region = of_kind(LossKind.VM, 7), of_kind(LossKind.REGION, 1, unknown=("westeurope",))
    assert losses.brief(deployment(vms, region)) == "not known to survive each single loss: 1 loss unknown"
    arbiter = of_kind(LossKind.ARBITER_NETWORK, 0, unknown=("TRAKDB",))
    assert losses.brief(deployment(arbiter)) == "not known to survive each single loss: 1 loss unknown"
    assert (
        losses.brief(deployment(of_kind(LossKind.REGION, 2)))
        == "not known to survive each single loss: 0 losses unknown"
    )
