"""Bad files from inside VMs: the known-good ones of `trakcare-current`, each with something that breaks a few rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from auditor import bundled

NAME: Final = "trakcare-current"
GUEST: Final = bundled.FIXTURES / NAME / bundled.GUEST


class BadFile(msgspec.Struct, frozen=True):
    """A file that differs from a known-good one."""

    file: str
    """Its path in the folder of guest files."""
    changes: Mapping[str, str]
    """Texts of the known-good file, each there once, with what stands in their places."""
    fails: str
    """The ids of the rules that fail."""

    @property
    def text(self) -> str:
        """The text of the file."""
        text = (GUEST / self.file).read_text(encoding="utf-8")
        for old, new in self.changes.items():
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return text


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
OF_CPF: Final = (
    "BKP016 CMP007 DR003 FOR001 FOR002 GOV007 MIR010 MIR013 MIR014 MIR015 MIR016 MIR017 MIR020 SEC001 STO009 STO010"
)
MEMBERS: Final = {",2,10.20.1.11,1972": ",0,10.20.1.11,1972"}
"""A third failover member, in the other region."""
TEMPORARY: Final = {"TRAKDB=/iris/db/trakdb/": "TRAKDB=/mnt/resource/trakdb/"}
"""A database on the temporary disk, which has ext4."""
ECP: Final = {",1972,1,1,0": ",1972,-1,0,0"}
"""A data server that is pinned, without TLS."""
CSP: Final = {
    "Ip_Address=10.10.1.11\nMirror_Aware=1": "Ip_Address=10.10.1.10\nMirror_Aware=1",
    "System_Manager=10.10.4.20": "System_Manager=*.*.*.*",
}
"""The address of the load balancer, mirror-aware at once, and management pages that are open to all."""
PLAIN: Final = {
    "Mirror_Aware=1\nTCP_Port=1972\nUsername=CSPSystem\nPassword=]]]REDACTED\nConnection_Security_Level=4": (
        "Mirror_Aware=1\nTCP_Port=1972\nUsername=CSPSystem\nPassword=]]]REDACTED\nConnection_Security_Level=0"
    )
}
"""A server without TLS."""
PORTAL: Final = {"Ip_Address=10.10.1.11\nTCP_Port=1972\n": "Ip_Address=10.10.1.11\nMirror_Aware=1\nTCP_Port=1972\n"}
"""The Management Portal on a server that is mirror-aware."""
SCRIPTS: Final = {'"continueBackupOnFailure": false': '"continueBackupOnFailure": true'}
"""A backup goes on where the database was not frozen."""
TEMPLATE: Final = {'"/etc/azure/freeze.sh"': '""', '"/etc/azure/thaw.sh"': '""'}
"""The settings name no script, as in Azure's template; both scripts are supplied all the same."""
TOO_LONG: Final = {'"timeoutInSeconds": 120': '"timeoutInSeconds": 3600'}
"""A longer time limit than Azure Backup accepts."""
STILL_FROZEN: Final = {
    "11/01/26-01:03:31:240 (4711) 0 [Utility.Event] Backup.General.ExternalThaw: Resuming system\n": "",
    "11/01/26-01:03:31:505 (4711) 0 [Utility.Event] Backup.General.ExternalThaw: System resumed\n": (
        "11/01/26-01:41:10:007 (684) 1 [Utility.Event] Becoming primary mirror server\n"
    ),
}
"""No thaw after the freeze."""
NOT_READY: Final = {"failover_ready 1": "failover_ready 0"}
ALONE: Final = {
    "Arbiter Controlled": "Agent Controlled",
    "Both failover members are connected to": "This member is not connected to",
}
"""The arbiter is not reachable."""
HIDES_FAILURE: Final = {"  exit 1\n": "  exit 0\n"}
ACCESS_TIMES: Final = {
    '"source": "/dev/mapper/vgdb-lvdb",\n     "fstype": "xfs",\n     "options": "rw,noatime"': (
        '"source": "/dev/mapper/vgdb-lvdb",\n     "fstype": "xfs",\n     "options": "rw,strictatime"'
    )
}

BAD_FILES: Final = {
    "cpf": BadFile("vm-db-a/iris.cpf", CPF, OF_CPF),
    "members": BadFile("vm-db-a/iris.cpf", MEMBERS, "DEP003 DR002 MIR009 MIR016"),
    "temporary": BadFile("vm-db-a/iris.cpf", TEMPORARY, "STO016 STO021"),
    "ecp": BadFile("vm-app-a/iris.cpf", ECP, "MIR021"),
    "csp": BadFile("vm-web-a/CSP.ini", CSP, "MIR022 SEC018"),
    "plain": BadFile("vm-web-a/CSP.ini", PLAIN, "SEC018"),
    "portal": BadFile("vm-web-a/CSP.ini", PORTAL, "MIR022"),
    "scripts": BadFile("vm-db-a/VMSnapshotScriptPluginConfig.json", SCRIPTS, "BKP004"),
    "template": BadFile("vm-db-a/VMSnapshotScriptPluginConfig.json", TEMPLATE, "BKP004"),
    "too-long": BadFile("vm-db-a/VMSnapshotScriptPluginConfig.json", TOO_LONG, "BKP004"),
    "hides-failure": BadFile("vm-db-a/freeze.sh", HIDES_FAILURE, "BKP004"),
    "still-frozen": BadFile("vm-db-a/messages.log", STILL_FROZEN, "BKP004"),
    "not-ready": BadFile("vm-db-a/metrics.prom", NOT_READY, "MIR031"),
    "alone": BadFile("vm-db-a/mirror-status.txt", ALONE, "MIR031"),
    "access-times": BadFile("vm-db-a/findmnt.json", ACCESS_TIMES, "STO021"),
}
"""The files by what is bad about them."""
