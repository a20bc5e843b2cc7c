"""Which storage accounts a deployment uses, and what their settings allow."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import STORAGE_ACCOUNT
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import VALUE, ask, shown
from tests.rules.facts.mirrored import VMS, WEB

URI = "https://DIAG.blob.core.windows.net/"


def account(name: str, group: str = "rg", **properties: Any) -> Body:
    return s.resource("Storage/storageAccounts", name, group=group, **properties)


def accounts(*bodies: Body, uri: object = None, declared: str = "", **keywords: Any) -> object:
    """Return the accounts of a deployment with a VM whose boot diagnostics go to this address."""
    diagnostics = {"bootDiagnostics": {"enabled": True, "storageUri": uri}}
    vm = s.vm("w", diagnosticsProfile=diagnostics)
    built = s.topology(vm, *VMS[1:], *bodies, deployment=WEB + declared, also_listed=[STORAGE_ACCOUNT], **keywords)
    return shown(ask("deployment.storage_accounts", built, s.only(built)).value)


def test_accounts_of_boot_diagnostics_backups_and_resource_groups() -> None:
    assert accounts(account("diag")) == [], "a managed account is none of the deployment's"
    assert accounts(account("diag"), account("other"), uri=URI) == ["diag"]
    backup = f"  backup: {{strategy: online, account: '{arm_id('Storage/storageAccounts', 'BACKUP')}'}}\n"
    assert accounts(account("backup"), account("diag"), uri=URI, declared=backup) == ["backup", "diag"]
    groups = "  scope: {resourceGroups: [Mine]}\n"
    assert accounts(account("a", "MINE"), account("b"), declared=groups) == ["a"]


def test_accounts_that_are_not_known() -> None:
    assert accounts(uri=URI) == ["?"], "it is in no subscription that was scanned"
    assert accounts(uri=URI, unlisted=[STORAGE_ACCOUNT]) == ["?"]
    assert accounts(uri=7) == ["?"]
    gone = f"  backup: {{strategy: online, account: '{arm_id('Storage/storageAccounts', 'gone')}'}}\n"
    assert accounts(declared=gone) == ["?"]


@pytest.mark.parametrize(
    ("fact", "name"),
    [
        ("account.requires_https", "supportsHttpsTrafficOnly"),
        ("account.allows_public_blobs", "allowBlobPublicAccess"),
    ],
)
@pytest.mark.parametrize(("has", "expected"), [(True, True), (False, False), (None, VALUE), ("yes", VALUE)])
def test_settings_of_an_account(fact: str, name: str, has: object, expected: object) -> None:
    built = s.topology(s.resource("Storage/storageAccounts", "a") | {"properties": {name: has}})
    assert shown(ask(fact, built, s.item(built, "Storage/storageAccounts", "a")).value) == expected
