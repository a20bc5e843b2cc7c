"""The proposals of `auditor discover --guest DIR`: mirrors by their CPFs, tiers by ECP servers and CSP.ini."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from auditor import bundled, discover, scan, yaml_documents
from auditor.azure import arm
from auditor.azure.types.names import VM
from auditor.estate import deployment_file
from auditor.estate.declaration import DeclaredDeployment, DeclaredMirror, Roster
from auditor.evaluation.model import Outcome
from auditor.snapshot.model import Snapshot
from auditor.sources import arm_json
from auditor.sources.file_source import FileSource
from auditor.sources.guest import cpf, csp_ini
from auditor.sources.guest.attaching import attach
from auditor.sources.guest.folder import SuppliedFile, SuppliedVm

MIRRORS = {"trakcare-2018": "cache.cpf", "trakcare-current": "iris.cpf", "healthshare-current": "iris.cpf"}
AT = "2026-11-01T02:00:00Z"


@functools.cache
def inventory(name: str) -> str:
    return (bundled.FIXTURES / name / bundled.INVENTORY).read_text()


@functools.cache
def declared_in(name: str) -> DeclaredDeployment:
    path = bundled.FIXTURES / name / bundled.DEPLOYMENT
    return deployment_file.load(yaml_documents.read(path))[0]


def own(name: str, vm: str, file: str = "iris.cpf") -> str:
    """Return a guest file of a known-good deployment."""
    return (bundled.FIXTURES / name / bundled.GUEST / vm / file).read_text()


def supplied(vm: str, text: str, at: str = AT) -> SuppliedVm:
    parse, file = (csp_ini.parse, "CSP.ini") if "[SYSTEM" in text else (cpf.parse, "iris.cpf")
    return SuppliedVm(vm, at, (SuppliedFile(file, file, parse(text)),), "manifest.yaml", 1)


def proposed(files: Mapping[str, str], taken: Snapshot | None = None, at: str = AT) -> str:
    """Return the proposal for a snapshot, by default `trakcare-current`, with files of VMs; it is always valid."""
    taken = taken or arm_json.decode(inventory("trakcare-current").encode(), "test")
    found = discover.propose(attach(taken, tuple(supplied(*file, at) for file in files.items())).snapshot)
    load(found.text)
    return found.text


def load(text: str) -> DeclaredDeployment:
    return deployment_file.load(yaml_documents.parse(text.encode(), "proposed"))[0]


def names(roster: Roster) -> set[str]:
    return {selector.value for selector in roster.selectors}


def shape(mirror: DeclaredMirror, called: Mapping[str, str]) -> object:
    """Return what a declaration says about a mirror; `called` has the known-good names of renamed VMs."""
    rosters = (mirror.failover, mirror.arbiter, mirror.dr, mirror.reporting)
    members = [(roster.declared, sorted(called.get(vm, vm) for vm in names(roster))) for roster in rosters]
    return mirror.name, members, mirror.address_kind, mirror.product


A = own("trakcare-current", "vm-db-a")
B = own("trakcare-current", "vm-db-b")


@pytest.mark.slow
@pytest.mark.parametrize("renamed", [False, True], ids=["as it is", "with names that say nothing"])
@pytest.mark.parametrize("name", MIRRORS)
def test_one_cpf_of_each_mirror_shows_all_mirrors(name: str, renamed: bool) -> None:
    wanted = declared_in(name)
    text = inventory(name)
    called: dict[str, str] = {}
    if renamed:
        vms = [body["name"] for body in json.loads(text)["value"] if arm.type_of(body.get("id", "")) == VM]
        called = {vm: f"srv{number:03}" for number, vm in enumerate(vms)}
        text = re.sub("|".join(f'(?<=[/"]){vm}(?=["/])' for vm in vms), lambda found: called[found[0]], text)
    files = {}
    for mirror in wanted.mirrors or ():
        vm = mirror.failover.selectors[0].value
        files[called.get(vm, vm)] = own(name, vm, MIRRORS[name])
    found = load(proposed(files, arm_json.decode(text.encode(), "test")))
    original = {new: vm for vm, new in called.items()}
    assert {mirror.superserver for mirror in found.mirrors or ()} == {1972}
    shapes = {mirror.name: shape(mirror, original) for mirror in found.mirrors or ()}
    assert shapes == {mirror.name: shape(mirror, {}) for mirror in wanted.mirrors or ()}
    assert (found.primary_region, found.dr_region) == (wanted.primary_region, wanted.dr_region)


@pytest.mark.slow
@pytest.mark.parametrize("name", MIRRORS)
def test_a_scan_with_the_proposal_has_the_outcomes_of_the_known_good_deployment(name: str, tmp_path: Path) -> None:
    folder = bundled.FIXTURES / name
    one = {
        mirror.failover.selectors[0].value: own(name, mirror.failover.selectors[0].value, MIRRORS[name])
        for mirror in declared_in(name).mirrors or ()
    }
    path = tmp_path / "proposed.yaml"
    path.write_text(proposed(one, arm_json.decode(inventory(name).encode(), "test")))

    def outcomes(deployment: Path) -> set[tuple[str, str, Outcome]]:
        index: Any = yaml_documents.read(bundled.FIXTURES / "index.yaml").value
        source = FileSource(folder / bundled.INVENTORY)
        found = scan.scan(
            scan.Request(source, deployment, profile=index[name]["profile"], guest=folder / bundled.GUEST)
        )
        return {(f.rule.id, f.subject.id, f.outcome) for f in found.findings if f.rule.id.startswith("MIR")}

    assert outcomes(path) == outcomes(folder / bundled.DEPLOYMENT)


def test_each_line_says_which_cpf_states_it() -> None:
    text = proposed({"vm-db-a": A})
    for line in (
        "- name: TRAKDB  # certain: the CPF of vm-db-a",
        "- vm-db-a  # certain: member TRAKDBA at 10.10.1.11 in the CPF of vm-db-a; lb-mirror probes",
        "- vm-arbiter  # certain: the arbiter of the CPF of vm-db-a, at 10.10.3.20; its name",
        "- vm-db-dr  # likely: async member TRAKDBDR at 10.20.1.11 in the CPF of vm-db-a; lb-mirror-dr probes",
        "reporting: none  # likely: no further async member is in the CPF of vm-db-a",
        "superserver: 1972  # certain: that of TRAKDBA and TRAKDBB",
    ):
        assert line in text


def test_the_cpf_of_an_async_member_tells_its_type() -> None:
    text = own("trakcare-current", "vm-db-dr").replace("AsyncMemberType=0", "AsyncMemberType=1")
    (mirror,) = load(proposed({"vm-db-dr": text})).mirrors or ()
    assert (mirror.dr.none, names(mirror.reporting)) == (True, {"vm-db-dr"})


# --- what CPFs leave open ---------------------------------------------------------------------------------------------


def test_addresses_that_nothing_has_are_questions() -> None:
    text = proposed({"vm-db-a": A.replace("10.10.1.12", "10.10.1.99").replace("10.10.3.20|", "10.10.3.99|")})
    assert "# - NAME  # member TRAKDBB in the CPF of vm-db-a: nothing that was read has this address" in text
    arbiter = (
        "# arbiter:\n        #   - NAME  # the arbiter of the CPF of vm-db-a is 10.10.3.99: nothing that was read has"
    )
    assert arbiter in text
    assert (
        "Left open in trakcare-prod: failover of mirror TRAKDB, arbiter of mirror TRAKDB, in Azure or outside" in text
    )
    (mirror,) = load(text).mirrors or ()
    assert (names(mirror.failover), mirror.arbiter.declared) == ({"vm-db-a", "vm-db-b"}, False)
    assert "- vm-db-b  # likely: lb-mirror probes the mirror status page of its pool" in text


def test_an_arbiter_at_an_address_of_no_virtual_network_is_outside_of_azure() -> None:
    text = proposed({"vm-db-a": A.replace("10.10.3.20|", "192.0.2.9|")})
    (mirror,) = load(text).mirrors or ()
    assert (mirror.arbiter_address, mirror.arbiter.declared) == ("192.0.2.9", True)
    assert 'arbiter: {address: "192.0.2.9"}  # likely: the arbiter of the CPF of vm-db-a' in text
    assert "vm-arbiter in rg-trakcare-prod-weu: perhaps mirror-arbiter (its name)" in text


def test_an_arbiter_by_a_name_that_no_vm_has_is_a_question() -> None:
    assert "the arbiter of the CPF of vm-db-a is quorum.example: quorum.example is the computer name of no VM" in (
        proposed({"vm-db-a": A.replace("10.10.3.20|", "quorum.example|")})
    )


def test_a_mirror_without_an_arbiter_is_proposed_as_such() -> None:
    text = proposed({"vm-db-a": A.replace("10.10.3.20|2188", "")})
    assert "arbiter: none  # certain: the CPF of vm-db-a names none" in text


def test_a_mirror_of_unknown_addresses_is_a_comment() -> None:
    text = re.sub(r"10\.\d+\.\d+\.\d+", "192.0.2.1", A).replace("SystemName=TRAKDBA", "SystemName=OTHER")
    text = proposed({"vm-db-a": text})
    assert "# the CPF of vm-db-a has the mirror TRAKDB, but no failover member of it was found:" in text
    assert "#   member TRAKDBA in the CPF of vm-db-a: the address 192.0.2.1 is in no virtual network" in text
    (mirror,) = load(text).mirrors or ()
    assert mirror.name == "trakcare", "by its pool"


def test_cpfs_that_disagree_are_questions() -> None:
    other = B.replace("10.10.3.20|2188", "10.10.3.21|2188").replace(",10.10.1.11,1972,", ",10.10.1.11,1973,")
    other = re.sub(r"TRAKDBDR=,.*\n", "", other)
    text = proposed({"vm-db-a": A, "vm-db-b": other})
    assert "the CPFs disagree: the CPF of vm-db-a has 10.10.3.20, the CPF of vm-db-b has 10.10.3.21" in text
    assert "- NAME  # vm-db-dr is member TRAKDBDR at 10.20.1.11 in the CPF of vm-db-a; the CPF of vm-db-b lacks" in text
    assert "# superserver: PORT  # the CPFs have several: 1972 of TRAKDBA and TRAKDBB, 1973 of TRAKDBA" in text
    (mirror,) = load(text).mirrors or ()
    assert (names(mirror.failover), mirror.arbiter.declared) == ({"vm-db-a", "vm-db-b"}, False)


def test_a_member_that_two_vms_can_be_is_a_question() -> None:
    text = proposed({"vm-db-b": A})
    assert "member TRAKDBA in the CPF of vm-db-b is vm-db-a at 10.10.1.11 and vm-db-b by SystemName in its CPF" in text


def test_a_line_that_is_cut_is_no_member() -> None:
    cut = re.sub(r"(TRAKDBB=10\.10\.1\.12),.*\n", r"\1\n", A)
    text = proposed({"vm-db-a": cut})
    assert "# - NAME  # member TRAKDBB in the CPF of vm-db-a: its line could not be read" in text


def test_an_old_file_is_not_used() -> None:
    text = proposed({"vm-db-a": A}, at="2026-01-01T00:00:00Z")
    assert re.search(
        r"# Not used: \S+/vm-db-a/guest/iris.cpf was taken \d+ days before the snapshot; at most 7 are", text
    )
    assert "certain: " not in text


def test_the_mirror_virtual_ip_shows_the_kind_of_address() -> None:
    def line(address: str) -> str:
        text = proposed({"vm-db-a": A.replace(",0,1,,0,", f",0,1,{address}/24,0,")})
        return next(line.strip() for line in text.splitlines() if "address: {kind" in line)

    why = "the mirror virtual IP {} of the CPF of vm-db-a"
    assert line("10.10.1.11") == (
        f"address: {{kind: secondary-ip}}  # certain: {why.format('10.10.1.11')} is an address of vm-db-a"
    )
    assert line("10.10.1.10") == (
        f"address: {{kind: load-balancer}}  # certain: {why.format('10.10.1.10')} is a frontend of lb-mirror"
    )
    assert line("10.10.1.99") == (
        f"# address: {{kind: secondary-ip}}  # {why.format('10.10.1.99')}: nothing that was read has this address"
    )


def test_a_tag_that_contradicts_a_cpf_is_named() -> None:
    body = json.loads(inventory("trakcare-current"))
    (vm,) = [each for each in body["value"] if each.get("name") == "vm-db-a"]
    vm["tags"] = {"iris-role": "web"}
    text = proposed({"vm-db-a": A}, arm_json.decode(json.dumps(body).encode(), "test"))
    assert re.search(r"- vm-db-a  # certain: member TRAKDBA .*; but the tag iris-role says web", text)


def test_the_cpf_of_a_restored_copy_is_not_used() -> None:
    text = (
        inventory("trakcare-current")
        .replace("/vm-print-a", "/vm-db-a-restored")
        .replace('"vm-print-a"', '"vm-db-a-restored"')
    )
    text = proposed({"vm-db-a-restored": A}, arm_json.decode(text.encode(), "test"))
    assert "certain: " not in text
    assert "vm-db-a-restored in rg-trakcare-prod-weu: a restored or cloned copy of vm-db-a by its name" in text


# --- tiers ------------------------------------------------------------------------------------------------------------


def test_servers_are_told_by_what_they_connect_to() -> None:
    text = inventory("trakcare-current")
    for old, new in (("vm-web-a", "srv-1"), ("vm-app-a", "srv-2"), ("vm-print-a", "srv-3")):
        text = re.sub(f'(?<=[/"]){old}(?=["/])', new, text)
    files = {
        "vm-db-a": A,
        "srv-1": own("trakcare-current", "vm-web-a", "CSP.ini"),
        "srv-2": own("trakcare-current", "vm-app-a"),
    }
    text = proposed(files, arm_json.decode(text.encode(), "test"))
    assert "- srv-1  # likely: its CSP.ini has the server TRAKDB at 10.10.1.11, which is vm-db-a" in text
    assert "- srv-2  # likely: its CPF has the ECP server TRAKDB at 10.10.1.11, which is vm-db-a" in text
    assert "srv-3 in rg-trakcare-prod-weu" in text.partition("# Left out")[2]


def test_a_server_that_names_itself_only_is_told_nothing_by_that() -> None:
    local = "[SYSTEM_INDEX]\nLOCAL=Enabled\n[SYSTEM]\n[LOCAL]\nIp_Address=127.0.0.1\nTCP_Port=1972\n"
    assert "CSP.ini" not in proposed({"vm-print-a": local})
