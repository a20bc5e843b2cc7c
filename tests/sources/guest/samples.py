"""Files from inside VMs, in the shapes that products and tools write."""

from __future__ import annotations

from typing import Any

from auditor import bundled
from auditor.azure.types.names import GUEST_FILE
from auditor.snapshot.known import Unknown
from auditor.snapshot.lookup import value
from auditor.snapshot.model import Gap, GapReason, resource
from auditor.sources.guest import formats
from auditor.sources.guest.content import Content

GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
VM = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm"

IRIS = (bundled.FIXTURES / "trakcare-current/guest/vm-db-a/iris.cpf").read_text(encoding="utf-8")
CACHE = (bundled.FIXTURES / "trakcare-2018/guest/vm-db-a/cache.cpf").read_text(encoding="utf-8")
BAD = (
    IRIS.replace(",2,1,,10000,0,1,,0,10.10.3.20|2188,0,0,0,2,1", ",2,1,TRAKDBA,2000,0,0,10.10.1.10,0,,0,1,0")
    .replace("VirtualAddressInterface=", "VirtualAddressInterface=eth0")
    .replace("globals=0,0,98304", "globals=0,0,0")
)
"""A CPF without an arbiter and without encryption, with a mirror virtual IP and a defined primary."""

CSP_INI = """\
[SYSTEM_INDEX]
LOCAL=Enabled
LAB=Enabled
PORTAL=Disabled

[SYSTEM]
System_Manager=10.10.4.20, 10.10.4.21
Username=CSPSystem
Password=PBKDF2|SHA512|10000|c2VjcmV0
Default_Server=LAB

[APP_PATH_INDEX]
/=Disabled
/lab=Enabled

[APP_PATH:/lab]
Default_Server=LAB
Alternative_Servers=FailOver
Alternative_Server_0=1~~~~~~LAB
Alternative_Server_1=0~~~~~~LOCAL

[LAB]
Ip_Address=10.10.1.11
TCP_Port=1972
Mirror_Aware=1
Connection_Security_Level=10
SSLCC_Protocol_Min=16
SSLCC_Verify_Peer=1
SSLCC_Private_Key_Password=]]]c2VjcmV0
Password={/opt/secret/show}

[PORTAL]
Ip_Address=10.10.1.12
Password=plainsecret

[LOCAL]
Ip_Address=127.0.0.1
TCP_Port=1972
"""
SCRIPTS = {
    "before.sh": "#!/bin/sh\npassword=scriptsecret\n"
    "iris session LAB -U%SYS '##class(Backup.General).ExternalFreeze()'\n"
    "status=$?\nif [ $status -ne 5 ]; then exit 1; fi\n",
    "after.sh": "csession LAB -U%SYS '##class(Backup.General).ExternalThaw()' >/dev/null\nexit 0\n",
}
PLUGIN = """\
{
  "pluginName": "ScriptRunner",
  "preScriptLocation": "/etc/azure/before.sh",
  "postScriptLocation": "/etc/azure/after.sh",
  "preScriptParams": ["--token", "paramsecret"],
  "timeoutInSeconds": 120,
  "continueBackupOnFailure": false
}
"""
LOG = """\
11/01/26-01:30:02:101 (4711) 0 [Utility.Event] Backup.General.ExternalFreeze: Suspending system
11/01/26-01:30:02:102 (4711) 1 [Utility.Event] Login of lab with password=logsecret failed
11/01/26-01:30:02:310 (4711) 0 [Generic.Event] INTERSYSTEMS IRIS JOURNALING SYSTEM MESSAGE
Journaling switched to: /iris/jrn/20261101.002
lab-iris | 11/01/26-01:30:03:512 (4711) 0 [Utility.Event] Backup.General.ExternalFreeze: System suspended
11/01/26-01:30:09:820 (4716) 0 Backup.General.ExternalThaw: Resuming system
11/01/26-01:30:10:021 (4716) 0 [Utility.Event] Backup.General.ExternalThaw: System resumed
11/01/26-01:41:12:398 (801) 0 [Utility.Event] Found LABB as primary, becoming backup
11/01/26-01:41:13:398 (1) 0 [Generic.Event] Allocated 1211MB shared memory using Huge Pages
"""
LIST = """\

Configuration 'LAB'   (default)
    directory:    /iris/sys
    versionid:    2025.1.0.223.0
    conf file:    iris.cpf  (SuperServer port = 1972, WebServer = 52773)
    status:       running, since Sun Nov  1 00:10:11 2026
    mirroring: Member Type = Failover; Status = Primary
    state:        ok
"""
STATUS = """\
Status of Mirror LAB at 02:00:00 on 11/01/2026

Member Name+Type            Status     Journal Transfer   Dejournaling
--------------------------  ---------  ----------------   --------------
LABA
     Failover               Primary    N/A                N/A
LABB
     Failover               Backup     Active             Caught up
LABDR
     Disaster Recovery      Connected  Caught up          Caught up

Arbiter Connection Status:
     Arbiter Address: 10.10.3.20|2188
     Failover Mode: Arbiter Controlled
     Connection Status: Both failover members are connected to the arbiter
"""
STATUS_2020 = """\
Status of Mirror LAB at 10:15:59 on 12/24/2020
Incoming Journal Transfer Rate for This Member (over refresh interval)
 0.00 KB/s (11s interval)

Arbiter Connection Status:
     Arbiter Address:   10.10.3.20|2188
     Failover Mode:     Agent Controlled
     Connection Status: This member is not connected to the arbiter

                                       Journal Transfer
Member Name+Type            Status        Latency       Dejournal Latency
--------------------------  ---------  ---------------  --------------
LABA
     Failover               Down       Disconnected on 12/24/2020 10:15:15.12
LABB
     Failover               Waiting    Disconnected
"""
METRICS = """\
# HELP iris_mirror_status is that of this member
iris_mirror_failover_ready 1
iris_mirror_status 2
iris_jrn_free_space{id="primary",dir="/iris/jrn/"} 188000.5
iris_secret_of_others{password="metricsecret"} 1
"""
DEVICES = """\
{"blockdevices": [
  {"name": "sdb", "hctl": "0:0:0:1", "type": "disk", "children": [{"name": "sdb1", "mountpoints": ["/mnt"]}]},
  {"name": "sdc", "hctl": "1:0:0:7", "type": "disk", "model": "Virtual Disk", "children": [{"name": "vg-db"}]},
  {"name": "sdd", "hctl": "1:0:0:8", "type": "disk", "children": [{"name": "vg-db", "mountpoints": ["/iris/db"]}]},
  {"name": "nvme0n1", "model": "MSFT NVMe Accelerator v1.0", "type": "disk"},
  {"name": "nvme0n4", "model": "MSFT NVMe Accelerator v1.0", "type": "disk"},
  {"name": "nvme1n1", "model": "Microsoft NVMe Direct Disk", "type": "disk"}
]}
"""
MOUNTS = """\
{"filesystems": [{"target": "/", "source": "/dev/sda2", "fstype": "xfs", "options": "rw,noatime", "children": [
  {"target": "/share", "source": "//files/lab", "fstype": "cifs", "options": "rw,username=lab,password=mountsecret"}
]}]}
"""

SAMPLES = {
    "iris.cpf": IRIS,
    "cache.cpf": CACHE,
    "CSP.ini": CSP_INI,
    "VMSnapshotScriptPluginConfig.json": PLUGIN,
    "messages.log": LOG,
    "iris-list.txt": LIST,
    "mirror-status.txt": STATUS,
    "mirror-status-2020.txt": STATUS_2020,
    "metrics.prom": METRICS,
    "lsblk.json": DEVICES,
    "findmnt.json": MOUNTS,
}
"""One text of each format, by file name."""


def parsed(file: str, text: str) -> Content:
    """Return what is kept of a text in a file of that name."""
    found = formats.by_name(file)
    assert found is not None
    return found.parse(text, SCRIPTS)


def look(content: Content, path: str) -> Any:
    """Return what rules see at a path below the properties: a value, `ABSENT` or `Unknown`."""
    file = f"{VM}/guest/file"
    gaps = tuple(
        Gap(file, f"properties.{place}" if place else "properties", GapReason.MALFORMED) for place in content.unread
    )
    found = resource({"id": file, "properties": content.properties}, file, unread=gaps)
    assert found.type == GUEST_FILE
    return value(found, f"properties.{path}").value


def is_unknown(content: Content, path: str) -> bool:
    """Return whether what rules see at a path is unknown."""
    return isinstance(look(content, path), Unknown)
