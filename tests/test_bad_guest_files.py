"""Bad files from inside VMs, in the place of known-good ones: exactly the rules fail that are about what is bad."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from auditor import bundled
from auditor.cli.main import main
from auditor.evaluation.model import Outcome
from tests.bad_guest_files import BAD_FILES, GUEST, NAME, OF_CPF, BadFile
from tests.guest_files import guest as guest_of

pytestmark = pytest.mark.slow

SHARED = Path(__file__).resolve().parents[2] / "shared" / "guest"


@pytest.mark.parametrize("bad", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_exactly_the_rules_about_what_is_bad_fail(tmp_path: Path, bad: BadFile) -> None:
    guest = tmp_path / "guest"
    shutil.copytree(GUEST, guest)
    (guest / bad.file).write_text(bad.text, encoding="utf-8")
    report = tmp_path / "report.json"
    arguments = ["--snapshot", GUEST.parent / bundled.INVENTORY, "--deployment", GUEST.parent / bundled.DEPLOYMENT]
    main(["scan", *map(str, arguments), "--guest", str(guest), "-o", f"json={report}"])
    found = {finding["rule"] for finding in json.loads(report.read_text())["findings"] if finding["outcome"] == "fail"}
    assert sorted(found) == bad.fails.split()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the folder of shared examples is not there")
@pytest.mark.parametrize(
    ("bad", "file", "failed"),
    [
        # A database on the temporary disk, which has ext4: STO016 and STO021.
        ("iris-failover-bad.cpf", "vm-db-a/iris.cpf", f"{OF_CPF} STO016 STO021"),
        ("iris-app-ecp-bad.cpf", "vm-app-a/iris.cpf", "MIR021"),
        ("CSP-bad.ini", "vm-web-a/CSP.ini", "MIR022 SEC018"),
        ("VMSnapshotScriptPluginConfig-bad.json", "vm-db-a/VMSnapshotScriptPluginConfig.json", "BKP004"),
        ("messages-bad.log", "vm-db-a/messages.log", "BKP004"),
    ],
)
def test_exactly_these_rules_fail_for_the_shared_bad_files(bad: str, file: str, failed: str) -> None:
    own = guest_of(NAME)
    findings = own.evaluate(own.content(file, (SHARED / bad).read_text(encoding="utf-8")))
    found = {key[0] for key, finding in findings.items() if finding.outcome is Outcome.FAIL}
    assert sorted(found) == failed.split()
