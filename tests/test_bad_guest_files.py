"""Bad files from inside VMs, in the place of known-good ones: exactly the rules fail that are about what is bad."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Final

import pytest

from auditor import bundled
from auditor.cli.main import main

pytestmark = pytest.mark.slow

KNOWN_GOOD: Final = bundled.FIXTURES / "trakcare-current"

CPF: Final = {
    ",2,1,,10000,0,1,,0,10.10.3.20|2188,0,0,0,2,1": ",2,1,TRAKDBA,2000,0,0,10.10.1.10,0,,0,1,0",
    "VirtualAddressInterface=": "VirtualAddressInterface=eth0",
    "TRAKDBB=10.10.1.12,2188,,10.10.1.12": "TRAKDBB=10.10.1.12,2188,,10.10.1.10",
    "AlternateDirectory=/iris/jrnalt/": "AlternateDirectory=/iris/jrn/",
    "DaysBeforePurge=3": "DaysBeforePurge=0",
    "BackupsBeforePurge=2": "BackupsBeforePurge=0",
    "globals=0,0,98304": "globals=0,0,0",
}
"""No arbiter, a virtual IP, no TLS, a defined primary, the address of the load balancer, one directory of journals."""
OF_CPF: Final = "BKP016 CMP007 DR003 GOV007 MIR010 MIR013 MIR014 MIR015 MIR016 MIR017 MIR020 SEC001 STO009 STO010"
ECP: Final = {",1972,1,1,0": ",1972,-1,0,0"}
"""A data server that is pinned, without TLS."""
CSP: Final = {
    "Ip_Address=10.10.1.11\nMirror_Aware=1": "Ip_Address=10.10.1.10\nMirror_Aware=1",
    "System_Manager=10.10.4.20": "System_Manager=*.*.*.*",
}
"""The address of the load balancer, mirror-aware at once, and management pages that are open to all."""
SCRIPTS: Final = {'"continueBackupOnFailure": false': '"continueBackupOnFailure": true'}
"""A backup goes on where the database was not frozen."""
TEMPLATE: Final = {'"/etc/azure/freeze.sh"': '""', '"/etc/azure/thaw.sh"': '""'}
"""The settings name no script, as in Azure's template; both scripts are supplied all the same."""


@pytest.mark.parametrize(
    ("file", "changes", "failed"),
    [
        ("vm-db-a/iris.cpf", CPF, OF_CPF),
        ("vm-app-a/iris.cpf", ECP, "MIR021"),
        ("vm-web-a/CSP.ini", CSP, "MIR022 SEC018"),
        ("vm-db-a/VMSnapshotScriptPluginConfig.json", SCRIPTS, "BKP004"),
        ("vm-db-a/VMSnapshotScriptPluginConfig.json", TEMPLATE, "BKP004"),
    ],
)
def test_exactly_the_rules_about_what_is_bad_fail(
    tmp_path: Path, file: str, changes: dict[str, str], failed: str
) -> None:
    guest = tmp_path / "guest"
    shutil.copytree(KNOWN_GOOD / bundled.GUEST, guest)
    text = (guest / file).read_text(encoding="utf-8")
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    (guest / file).write_text(text, encoding="utf-8")
    report = tmp_path / "report.json"
    arguments = ["--snapshot", KNOWN_GOOD / bundled.INVENTORY, "--deployment", KNOWN_GOOD / bundled.DEPLOYMENT]
    main(["scan", *map(str, arguments), "--guest", str(guest), "-o", f"json={report}"])
    found = {finding["rule"] for finding in json.loads(report.read_text())["findings"] if finding["outcome"] == "fail"}
    assert sorted(found) == failed.split()
