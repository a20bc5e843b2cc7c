"""The command `auditor foresee`: what it reads and plays, its errors and exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from auditor.cli import exit_codes
from auditor.cli.command_arguments import LOSSES
from auditor.cli.main import main
from auditor.losses.loss import LossKind
from auditor.losses.objectives import Met
from auditor.losses.site import Objective, Site
from tests.foresight.documents import foresight, with_objectives
from tests.losses.sites import NEVER, WHY, site

BESIDE = {"arbiter": "1"}


def foresee(capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    code = main(["foresee", *options])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


@pytest.mark.slow
def test_the_demo_has_a_zone_that_stops_it_and_breaches_its_objective(capsys: pytest.CaptureFixture[str]) -> None:
    code, text, error = foresee(capsys, "--demo", "-o", "json")
    assert (code, error) == (exit_codes.FINDINGS, "")
    production, test = json.loads(text)["deployments"]
    by_id = {one["loss"][0]: one for one in production["losses"]}
    zone = by_id["zone:westeurope/1"]
    assert (zone["outcome"], zone["oracle"]) == ("stops", ["O9", "O12"])
    assert by_id["machine:vm-db-a"]["outcome"] == "serves"
    reasons = [one["because"][0] for one in production["losses"] if one["because"]]
    assert len(reasons) > 5
    assert all(reason["reads"] for reason in reasons)
    read = {each["resource"].rpartition("/")[2]: each["observed"] for each in zone["because"][0]["reads"]}
    assert (read["vm-db-a"], read["vm-arbiter"]) == ("1", "1")
    objectives = [(one["kind"], one["measure"], one["outcome"], one["byPerson"]) for one in production["objectives"]]
    assert objectives == [
        ("machine", "rto", "met", False),
        ("machine", "rpo", "met", False),
        ("zone", "rto", "breached", False),
        ("region", "rto", "unknown", True),
    ]
    assert production["pairs"] is None
    assert production["objectives"][3]["unknown"]["reason"] == (
        "no enabled endpoint of tm-trakcare leads to northeurope: a person must first add or enable one"
    )
    assert test["name"] == "iris-test"
    assert production["assumed"][0]["reads"], "the QoS timeout is that of the CPFs of the demo"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("objectives", "code"),
    [
        ("", exit_codes.OK),
        ("{machine: {rto: 60s}}", exit_codes.OK),
        ("{zone: {rto: 60s}, region: {rpo: 15m}}", exit_codes.FINDINGS),
        ("{planned: {rto: 60s}}", exit_codes.INCOMPLETE),
    ],
)
def test_the_exit_code_is_that_of_the_objectives(
    objectives: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, text, _ = foresee(capsys, *with_objectives(tmp_path, objectives))
    assert found == code
    assert ("no objective is declared" in text.splitlines()[-1]) is (not objectives)
    assert ("1 breached" in text) is (code == exit_codes.FINDINGS)


@pytest.mark.parametrize(
    ("where", "lose", "met"),
    [
        (site(), (), Met.MET),
        (site(BESIDE), ("zone:westeurope/1",), Met.MET),
        (site({"arbiter": WHY}), (), Met.MET),
        (site({"arbiter": WHY}), ("zone:westeurope/1",), Met.UNKNOWN),
        (site(objectives={"zone": Objective(rto=60)}), (), Met.MET),
        (site(BESIDE, objectives={"zone": Objective(rto=60)}), (), Met.BREACHED),
        (site(BESIDE, objectives={"zone": Objective(rto=60)}), ("zone:westeurope/1",), Met.BREACHED),
        (site(BESIDE, objectives={"zone": Objective(rto=60)}), ("zone:westeurope/2",), Met.MET),
        (site(objectives={"zone": Objective(rto=60)}, takeover=NEVER), (), Met.UNKNOWN),
        (site(BESIDE, objectives={"zone": Objective(rto=60), "planned": Objective(rto=60)}), (), Met.BREACHED),
    ],
)
def test_a_breach_comes_before_what_is_not_known(where: Site, lose: tuple[str, ...], met: Met) -> None:
    assert foresight(where, lose=lose).met is met


def test_without_a_deployment_or_a_loss_nothing_is_known() -> None:
    nothing = foresight(site())
    (deployment,) = nothing.deployments
    empty = msgspec.structs.replace(nothing, deployments=(msgspec.structs.replace(deployment, losses=()),))
    assert foresight().met is empty.met is Met.UNKNOWN


def test_the_shell_completes_every_kind_of_loss() -> None:
    assert tuple(LossKind) == LOSSES


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--lose", "zone:westeurope/7"], "no deployment has 'zone:westeurope/7'; did you mean 'zone:westeurope/"),
        (["--lose", "machine:vm-db-a+disk:vm-db-c"], "no deployment has 'disk:vm-db-c'; did you mean 'disk:vm-db-"),
        (["--lose", "vm-db-a"], "no deployment has 'vm-db-a'"),
        (["--lose", "machine:vm-db-a", "--lose", "machine:vm-iris-test"], "no deployment has all of machine:vm-db-a, "),
        (["--first", "vm-db"], "--first names 'vm-db', which is no failover member; did you mean 'vm-db-"),
        (["--lose", ""], "no deployment has ''"),
        (["-o", "sarif"], "there is no output format 'sarif'; there is json, markdown, terminal"),
    ],
)
def test_what_no_deployment_has_is_one_line(options: list[str], error: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, text, said = foresee(capsys, "--demo", *options)
    assert (code, text) == (exit_codes.USAGE, "")
    assert said.startswith(f"auditor: error: {error}")
    assert said.count("\n") == 1


@pytest.mark.slow
def test_the_member_that_is_primary_first_decides(capsys: pytest.CaptureFixture[str]) -> None:
    lost = ["--demo", "-o", "json", "--lose", "machine:VM-DB-A+machine:vm-arbiter"]
    for first, statement in (("vm-db-a", "O9"), ("VM-DB-B", "O12")):
        answer: Any = json.loads(foresee(capsys, *lost, "--first", first)[1])
        (deployment,) = answer["deployments"]
        (loss,) = deployment["losses"]
        assert (answer["first"], loss["oracle"]) == (first, [statement])


@pytest.mark.slow
def test_the_order_decides(capsys: pytest.CaptureFixture[str]) -> None:
    """Backup, then arbiter: it goes on. Both at once: it stops."""
    members = ("machine:vm-db-b", "machine:vm-arbiter")
    options = ["--demo", "-o", "json", "--first", "vm-db-a"]
    in_order = foresee(capsys, *options, *(word for name in members for word in ("--lose", name)))
    terminal = foresee(capsys, "--demo", "--first", "vm-db-a", "--lose", members[0], "--lose", members[1])[1]
    assert "Primary    vm-db-a before the loss\n" in terminal
    assert "Order" not in terminal
    assert terminal.splitlines()[-1] == "auditor: losses: 1 serves", "objectives are of single losses"
    at_once = foresee(capsys, *options, "--lose", "+".join(members))
    answers: list[Any] = [json.loads(found[1])["deployments"][0]["losses"][0] for found in (in_order, at_once)]
    assert [answer["outcome"] for answer in answers] == ["serves", "stops"]
