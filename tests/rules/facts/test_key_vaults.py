"""Which key vaults a deployment uses."""

from __future__ import annotations

from typing import Any

import pytest

from auditor.azure.types.names import KEY_VAULT
from tests.estate import subscription as s
from tests.estate.subscription import Body, arm_id
from tests.rules.facts.asking import ask, shown
from tests.rules.facts.mirrored import VMS, WEB

SET = arm_id("Compute/diskEncryptionSets", "des")
ADDRESS = "https://KV-certs.vault.azure.net/secrets/web"


def vault(name: str) -> Body:
    return s.resource("KeyVault/vaults", name)


def with_certificate(address: object) -> Body:
    """Return the application gateway before `w`, with a certificate from this address."""
    body = s.gateway("gw", {"ipAddress": "10.0.0.4"})
    body["properties"]["sslCertificates"] = [{"name": "web", "properties": {"keyVaultSecretId": address}}]
    return body


def encrypted(key: object) -> list[Body]:
    """Return the disk of `w`, encrypted with the key at this address."""
    disk = s.resource("Compute/disks", "w-data", encryption={"diskEncryptionSetId": SET.upper()})
    return [disk, s.resource("Compute/diskEncryptionSets", "des", activeKey={"keyUrl": key})]


def vaults(*bodies: Body, declared: str = "", **keywords: Any) -> object:
    deployment = WEB + (f"  keyVaults: ['{declared}']\n" if declared else "")
    disks = () if any(body["name"] == "w-data" for body in bodies) else (s.disk("w-data"),)
    own = (s.vm("w", disks=["w-data"]), s.nic("w-nic", address="10.0.0.4"), *VMS[2:], s.network(), *disks)
    built = s.topology(*own, *bodies, deployment=deployment, also_listed=[KEY_VAULT], **keywords)
    return shown(ask("deployment.key_vaults", built, s.only(built)).value)


def test_vaults_of_certificates_disks_and_the_deployment_file() -> None:
    assert vaults() == []
    assert vaults(with_certificate(ADDRESS), vault("kv-certs"), vault("kv-of-others")) == ["kv-certs"]
    assert vaults(*encrypted("https://kv-keys.vault.azure.net/keys/k/1"), vault("KV-KEYS")) == ["KV-KEYS"]
    assert vaults(vault("kv"), declared=arm_id("KeyVault/vaults", "KV")) == ["kv"]
    both = (with_certificate(ADDRESS), *encrypted(ADDRESS), vault("kv-certs"))
    assert vaults(*both, declared=arm_id("KeyVault/vaults", "kv-certs")) == ["kv-certs"]


@pytest.mark.parametrize("address", [None, "https://hsm.managedhsm.azure.net/secrets/web"])
def test_a_certificate_that_is_in_no_vault(address: object) -> None:
    assert vaults(with_certificate(address), vault("kv-certs")) == []


def test_a_key_in_a_managed_hsm_is_in_no_vault() -> None:
    assert vaults(*encrypted("https://hsm.managedhsm.azure.net/keys/k/1"), vault("kv")) == []


@pytest.mark.parametrize(
    "address", ["", "junk", "https://kv-certs.example.org/secrets/web", 7, "https://kv-gone.vault.azure.net/x"]
)
def test_a_certificate_of_which_no_vault_is_known(address: object) -> None:
    assert vaults(with_certificate(address), vault("kv-certs")) == ["?"]


@pytest.mark.parametrize("key", [None, "", "junk", [], "https://kv-gone.vault.azure.net/keys/k/1"])
def test_a_key_of_which_no_vault_is_known(key: object) -> None:
    assert vaults(*encrypted(key), vault("kv")) == ["?"]


def test_vaults_that_were_not_read() -> None:
    assert vaults(with_certificate(ADDRESS), unlisted=[KEY_VAULT]) == ["?"]
    assert vaults(*encrypted(ADDRESS)[:1], vault("kv-certs")) == ["?"], "the disk encryption set does not exist"
    assert vaults(declared=arm_id("KeyVault/vaults", "gone")) == ["?"]
    assert vaults(unlisted=["microsoft.network/applicationgateways"]) == ["..."]
