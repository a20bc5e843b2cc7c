"""Bad files from inside VMs, in the place of known-good ones: exactly the rules fail that are about what is bad."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from auditor import bundled
from auditor.cli.main import main
from tests.bad_guest_files import BAD_FILES, GUEST, BadFile

pytestmark = pytest.mark.slow


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
