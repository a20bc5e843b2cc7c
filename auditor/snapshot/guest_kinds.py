"""The kinds of files from inside VMs, which are resources of a snapshot: `properties.kind` of their bodies."""

from __future__ import annotations

import enum


class GuestKind(enum.StrEnum):
    """Kind of a file from inside a VM."""

    CPF = "cpf"
    """The configuration of an InterSystems instance."""
    MERGE_CPF = "merge-cpf"
    """Changes that an instance is asked to make; never evidence of what it is."""
    CSP_INI = "csp-ini"
    BACKUP_SCRIPTS = "backup-scripts"
    MESSAGES_LOG = "messages-log"
    INSTANCES = "instances"
    MIRROR_STATUS = "mirror-status"
    METRICS = "metrics"
    BLOCK_DEVICES = "block-devices"
    MOUNTS = "mounts"

    @property
    def file(self) -> str:
        """The usual name of the file."""
        return _FILES.get(self, "iris.cpf")


_FILES = {
    GuestKind.CSP_INI: "CSP.ini",
    GuestKind.BACKUP_SCRIPTS: "VMSnapshotScriptPluginConfig.json",
    GuestKind.MESSAGES_LOG: "messages.log",
    GuestKind.INSTANCES: "iris-list.txt",
    GuestKind.MIRROR_STATUS: "mirror-status.txt",
    GuestKind.METRICS: "metrics.prom",
    GuestKind.BLOCK_DEVICES: "lsblk.json",
    GuestKind.MOUNTS: "findmnt.json",
}
