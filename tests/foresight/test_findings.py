"""The rules about losses give findings like any other: in SARIF, waived, compared with a baseline, and in a history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from auditor import bundled
from auditor.cli import exit_codes
from auditor.cli.main import main

WAIVERS = """\
format: auditor.waivers/1
waivers:
  - {rule: FOR002, scope: TrakCare-Prod, category: Waiver, reason: "The arbiter moves next month.",
     approvedBy: the head of operations, grantedOn: 2026-10-20, expiresOn: 2026-12-31}
"""
OBJECTIVES = "    objectives: {zone: {rto: 60s}}\n    settings:\n      takeover_seconds: 10\n"


@pytest.mark.slow
def test_since_yesterday_a_zone_is_a_single_point(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = bundled.FIXTURES / "trakcare-current"
    declared = (known / bundled.DEPLOYMENT).read_text(encoding="utf-8").replace("    settings:\n", OBJECTIVES, 1)
    (tmp_path / "deployment.yaml").write_text(declared, encoding="utf-8")
    inventory = json.loads((known / bundled.INVENTORY).read_bytes())
    waivers, sarif, history = tmp_path / "waivers.yaml", tmp_path / "r.sarif", tmp_path / "history"
    waivers.write_text(WAIVERS)
    history.mkdir()
    for day, zone in (("2026-11-01", "3"), ("2026-11-02", "2")):
        (arbiter,) = [
            one
            for one in inventory["value"]
            if one.get("name") == "vm-arbiter" and one["type"].lower().endswith("virtualmachines")
        ]
        arbiter["zones"] = [zone]
        inventory["takenAt"] = f"{day}T06:00:00Z"
        (tmp_path / "inventory.json").write_text(json.dumps(inventory))
        options = ["--snapshot", str(tmp_path / "inventory.json"), "--deployment", str(tmp_path / "deployment.yaml")]
        outputs = ["-o", f"snapshot={tmp_path / day}.json", "-o", f"json={history / day}.json"]
        outputs += ["-o", f"sarif={sarif}", "--waivers", str(waivers)]
        code = main(["scan", *options, *outputs])
        assert code == (exit_codes.OK if zone == "3" else exit_codes.FINDINGS)
    findings: Any = json.loads((history / "2026-11-02.json").read_text())["findings"]
    waived = {one["rule"]: bool(one["waiver"]) for one in findings if one["rule"].startswith("FOR")}
    assert waived == {"FOR002": True, "FOR003": False}
    results: Any = json.loads(sarif.read_text())["runs"][0]["results"]
    texts = {one["ruleId"]: one["message"]["text"] for one in results if one["kind"] == "fail"}
    assert texts["FOR002"].endswith("'loss.effect' of 'zone:westeurope/2' is 'stops', expected 'equals serves'.")
    assert texts["FOR003"].endswith("'objective.met' of 'zone/rto' is 'breached', expected 'equals met'.")

    assert main(["approve", f"{tmp_path}/2026-11-01.json", "--by", "operations", "--reason", "first"]) == exit_codes.OK
    two = [f"{tmp_path}/{day}.json" for day in ("2026-11-01", "2026-11-02")]
    capsys.readouterr()
    assert main(["drift", *two]) == exit_codes.FINDINGS
    shown = capsys.readouterr().out
    assert "REGRESSED   FOR002  A zone or fault domain stops the deployment" in shown
    assert "REGRESSED   FOR003  A declared objective is not met" in shown
    assert main(["trend", str(history)]) in {exit_codes.OK, exit_codes.FINDINGS}
    assert "FOR002 A zone or fault domain stops the deployment: trakcare-prod" in capsys.readouterr().out
