"""The proposals of `auditor discover`: the declarations of the known-good deployments, always a valid file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor import bundled, discover, yaml_documents
from auditor.authoring import fixtures
from auditor.azure import arm
from auditor.azure.types.names import VM
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.discover.candidates import Candidate, Confidence
from auditor.discover.names import words_of
from auditor.discover.proposals import Likeness, Member, MirrorProposal
from auditor.errors import InputError
from auditor.estate import deployment_file
from auditor.estate.declaration import DeclaredDeployment, Role, Roster
from auditor.estate.tags import tag
from auditor.evaluation.model import Finding, Outcome
from auditor.snapshot.model import resource
from auditor.sources import arm_json
from tests import estates
from tests.estate import subscription as s
from tests.estates import everywhere

KNOWN_GOOD = sorted(yaml_documents.read(bundled.FIXTURES / "index.yaml").value)  # type: ignore[call-overload]


def proposal(*bodies: Any, **envelope: Any) -> discover.Proposal:
    taken = arm_json.decode(json.dumps({"value": bodies, **envelope}).encode(), "test")
    return discover.propose(taken)


def load(text: str) -> tuple[DeclaredDeployment, ...]:
    return deployment_file.load(yaml_documents.parse(text.encode(), "proposed"))


def only(*bodies: Any) -> DeclaredDeployment:
    (found,) = load(proposal(*bodies).text)
    return found


def names(roster: Roster) -> set[str]:
    return {selector.value for selector in roster.selectors}


def shape(declared: DeclaredDeployment) -> Any:
    """Return what a declaration says about VMs, without the names of mirrors."""
    mirrors = {
        (
            frozenset(names(mirror.failover)),
            frozenset(names(mirror.arbiter)),
            frozenset(names(mirror.dr)),
            frozenset(names(mirror.reporting)),
            mirror.product,
            mirror.address_kind,
        )
        for mirror in declared.mirrors or ()
    }
    tiers = {(t.role, t.product, frozenset(names(t.members))) for t in declared.tiers or () if not t.members.none}
    regions = declared.primary_region, declared.dr_region
    return declared.product, declared.environment, regions, declared.subscriptions, mirrors, tiers


def test_every_known_good_deployment_is_here() -> None:
    assert {"trakcare-2018", "trakcare-current"} <= set(KNOWN_GOOD)


@pytest.mark.slow
@pytest.mark.parametrize("stripped", [False, True], ids=["as it is", "without tags"])
@pytest.mark.parametrize("name", KNOWN_GOOD)
def test_what_a_known_good_deployment_declares_is_proposed(name: str, stripped: bool) -> None:
    fixture = fixtures.known_good(name)
    bodies = everywhere(fixture.inventory["value"], _without_tags) if stripped else fixture.inventory["value"]
    found = proposal(*bodies, listed=fixture.inventory["listed"])
    assert found.found
    (wanted,) = deployment_file.load(yaml_documents.Document(fixture.declared, name, {}))
    assert shape(*load(found.text)) == shape(wanted)


@pytest.mark.slow
@pytest.mark.parametrize("name", KNOWN_GOOD)
def test_a_proposal_agrees_with_the_shipped_file_and_has_the_same_outcomes_once_its_open_keys_are_declared(
    name: str,
) -> None:
    fixture = fixtures.known_good(name)
    found = proposal(*fixture.inventory["value"], listed=fixture.inventory["listed"])
    value: Any = yaml_documents.parse(found.text.encode(), "proposed").value
    (proposed,), (shipped,) = value["deployments"], fixture.declared["deployments"]
    for key in shipped.keys() - {"mirrors", "tiers", "guest", "settings"}:
        assert spelled(proposed[key]) >= spelled(shipped[key]), key
    for mirror in proposed["mirrors"]:
        (same,) = [other for other in shipped["mirrors"] if other["failover"] == mirror["failover"]]
        assert {key for key in same if key not in mirror} == {"reporting", "disks"} | {
            "product"
        } & same.keys() - mirror.keys()
        for key in ("reporting", "disks"):
            assert f"{'the ' * (key == 'disks')}{key} of mirror {mirror['name']}" in found.last_lines[0]
        mirror |= {key: same[key] for key in ("name", "reporting", "disks")}
    after = estates.evaluate(name, estates.body_of(name), value)
    assert outcomes(after) == outcomes(estates.baseline(name))


def outcomes(findings: Mapping[estates.Key, Finding]) -> dict[estates.Key, Outcome]:
    return {key: finding.outcome for key, finding in findings.items()}


def spelled(value: Any) -> set[str]:
    """Return what a key declares as comparable texts."""
    if isinstance(value, dict):
        return {f"{name}: {text}" for name, text in value.items()}
    return {str(text).lower() for text in (value if isinstance(value, list) else [value])}


def _without_tags(value: Any) -> Any:
    return {k: v for k, v in value.items() if k != "tags"} if isinstance(value, dict) else value


@pytest.mark.slow
@pytest.mark.parametrize("stripped", [False, True], ids=["as it is", "without tags"])
def test_the_demo_is_proposed_without_what_drifted_into_its_pool(stripped: bool) -> None:
    body = json.loads((bundled.DEMO / bundled.INVENTORY).read_bytes())
    found = proposal(*(everywhere(body["value"], _without_tags) if stripped else body["value"]))
    declared = {d.name: d for d in deployment_file.load(yaml_documents.read(bundled.DEMO / bundled.DEPLOYMENT))}
    proposed = {d.name: d for d in load(found.text)}
    assert shape(proposed["trakcare-prod"]) == shape(declared["trakcare-prod"])
    assert "#   vm-migrate in" in found.text
    test = proposed["iris-test"]
    assert (test.product, test.environment) == ("iris", "non-production")
    assert [(tier.role, names(tier.members)) for tier in test.tiers or ()] == [(Role.DB, {"vm-iris-test"})]
    assert ("certain: " in found.text) is not stripped, "only a tag is certain"


def test_each_member_has_a_line_that_says_how_sure_and_why() -> None:
    fixture = fixtures.known_good("trakcare-current")
    text = proposal(*fixture.inventory["value"]).text
    lines = [line.strip() for line in text.splitlines() if "- vm-" in line]
    assert len(lines) == 16
    assert all(
        line.count("vm-") == 1 and line.partition("  # ")[2].startswith(("likely: ", "guess: ")) for line in lines
    )
    assert "- vm-db-a  # likely: lb-mirror probes the mirror status page of its pool, with 2 VMs; its name" in text


def mirror_pool(*vms: str, name: str = "lb", page: str = "/csp/bin/mirror_status.cxw", port: int = 1972) -> s.Body:
    return s.load_balancer(
        name,
        {"pool": s.by_nic(*(f"{vm}-nic" for vm in vms))},
        {"rule": {**s.to(name, "pool", probe="probe"), "backendPort": port}},
        {"probe": {"protocol": "Http", "requestPath": page}},
    )


def test_a_mirror_is_found_by_its_pool_whatever_its_members_are_called() -> None:
    found = only(s.vm("alpha"), s.vm("beta"), mirror_pool("alpha", "beta"))
    assert [names(mirror.failover) for mirror in found.mirrors or ()] == [{"alpha", "beta"}]
    assert (found.product, found.primary_region, found.dr_region) == ("iris", "westeurope", "")
    (mirror,) = found.mirrors or ()
    assert not mirror.arbiter.declared, "what was not found is left out, not declared as none"


@pytest.mark.parametrize("page", ["/csp/bin/mirror_status.cxw", "/csp/bin/MirrorStatus.CMX"])
def test_both_spellings_of_the_status_page_count(page: str) -> None:
    assert "likely: lb probes" in proposal(s.vm("a"), s.vm("b"), mirror_pool("a", "b", page=page)).text


def test_superserver_traffic_is_a_weaker_hint() -> None:
    assert "- alpha  # guess: lb sends traffic to the superserver port 1972" in (
        proposal(s.vm("alpha"), s.vm("beta"), mirror_pool("alpha", "beta", page="/")).text
    )
    assert not proposal(s.vm("alpha"), s.vm("beta"), mirror_pool("alpha", "beta", page="/", port=443)).found


def test_the_only_vm_of_a_pool_in_another_region_is_the_dr_async() -> None:
    vms = s.vm("a"), s.vm("b"), s.vm("c", location="northeurope")
    found = only(*vms, mirror_pool("a", "b"), mirror_pool("c", name="lb-2"))
    (mirror,) = found.mirrors or ()
    assert (names(mirror.dr), found.dr_region) == ({"c"}, "northeurope")


def test_a_pair_in_another_region_is_the_dr_pair() -> None:
    vms = [s.vm("a"), s.vm("b"), s.vm("c", location="northeurope"), s.vm("d", location="northeurope")]
    vms.append(s.vm("arbiter"))
    found = only(*vms, mirror_pool("c", "d", name="lb-2"), mirror_pool("a", "b"))
    (mirror,) = found.mirrors or ()
    assert (found.primary_region, names(mirror.failover), names(mirror.dr)) == ("westeurope", {"a", "b"}, {"c", "d"})
    assert names(mirror.arbiter) == {"arbiter"}


def test_a_single_vm_with_a_status_page_is_a_mirror_with_one_member() -> None:
    (mirror,) = only(s.vm("vm-db"), mirror_pool("vm-db")).mirrors or ()
    assert names(mirror.failover) == {"vm-db"}


def test_the_third_vm_of_the_members_availability_set_is_the_arbiter() -> None:
    own = {"id": s.arm_id("Compute/availabilitySets", "AVSET")}
    vms = [s.vm(name, availabilitySet=own) for name in "abc"]
    (mirror,) = only(*vms, mirror_pool("a", "b")).mirrors or ()
    assert names(mirror.arbiter) == {"c"}


def test_a_vm_in_the_pool_with_an_unrelated_name_is_no_member() -> None:
    found = only(s.vm("a"), s.vm("b"), s.vm("vm-web"), mirror_pool("a", "b", "vm-web"))
    (mirror,) = found.mirrors or ()
    assert names(mirror.failover) == {"a", "b"}
    assert [(tier.role, names(tier.members)) for tier in found.tiers or ()] == [(Role.WEB, {"vm-web"})]


def test_without_a_pool_names_that_pair_make_a_mirror() -> None:
    found = only(s.vm("trakdb1"), s.vm("trakdb2"), s.vm("trakdb-dr", location="northeurope"))
    (mirror,) = found.mirrors or ()
    assert (names(mirror.failover), names(mirror.dr), found.product) == (
        {"trakdb1", "trakdb2"},
        {"trakdb-dr"},
        "trakcare",
    )


def test_names_in_capitals_that_run_words_together_are_understood() -> None:
    primary = [s.vm(name) for name in ("PRDTRAKDB01", "PRDTRAKDB02", "PRDTRAKARB01", "PRDTRAKPRN01")]
    found = only(*primary, s.vm("DRTRAKDB01", location="northeurope"))
    (mirror,) = found.mirrors or ()
    assert (names(mirror.failover), names(mirror.dr)) == ({"PRDTRAKDB01", "PRDTRAKDB02"}, {"DRTRAKDB01"})
    assert names(mirror.arbiter) == {"PRDTRAKARB01"}
    assert [(tier.role, names(tier.members)) for tier in found.tiers or ()] == [(Role.PRINT, {"PRDTRAKPRN01"})]


def test_vms_behind_a_web_port_are_web_servers_beside_a_mirror() -> None:
    front = s.load_balancer(
        "front", {"pool": s.by_nic("x-nic", "y-nic")}, {"r": {**s.to("front", "pool"), "frontendPort": 443}}
    )
    found = only(*map(s.vm, "abxy"), mirror_pool("a", "b"), front)
    assert [(tier.role, names(tier.members)) for tier in found.tiers or ()] == [(Role.WEB, {"x", "y"})]


def test_no_web_servers_of_others_are_proposed() -> None:
    assert not proposal(s.vm("vm-web-1"), s.vm("vm-db-1"), s.vm("vm-app-1")).found


def test_tags_are_certain_and_name_the_deployment_and_its_mirrors() -> None:
    def tags(role: str, mirror: str = "") -> s.Body:
        return {"iris-deployment": "Lab", "iris-role": role, "IRIS-Mirror": mirror, "iris-product": "iris"}

    found = proposal(
        s.vm("a", tags=tags("mirror-failover", "M1")),
        s.vm("b", tags=tags("Mirror-Failover", "m1")),
        s.vm("c", tags=tags("mirror-failover", "M2")),
        s.vm("d", tags=tags("mirror-arbiter", "M2")),
        s.vm("e", tags=tags("mirror-reporting", "M1")),
        s.vm("f", tags=tags("app")),
    )
    (declared,) = load(found.text)
    assert declared.name == "Lab"
    mirrors = {mirror.name: mirror for mirror in declared.mirrors or ()}
    assert names(mirrors["M1"].failover) == {"a", "b"}
    assert (names(mirrors["M2"].failover), names(mirrors["M2"].arbiter)) == ({"c"}, {"d"})
    assert names(mirrors["M1"].reporting) == {"e"}
    assert "- a  # certain: the tag iris-role" in found.text


def test_two_deployments_with_different_tags_stay_apart() -> None:
    vms = [
        s.vm(f"{name}-{number}", tags={"iris-deployment": name, "iris-role": "mirror-failover"})
        for name in ("one", "two")
        for number in (1, 2)
    ]
    assert [d.name for d in load(proposal(*vms).text)] == ["one", "two"]


def test_test_and_production_stay_apart() -> None:
    found = load(proposal(s.vm("iris-db-1"), s.vm("iris-db-2"), s.vm("iris-test-db")).text)
    assert {d.name: d.environment for d in found} == {"iris-prod": "production", "iris-test": "non-production"}


def test_two_vms_of_one_name_are_named_by_their_ids() -> None:
    found = load(proposal(s.vm("iris-db"), s.vm("iris-db", group="other")).text)
    assert [(d.name, names(tier.members)) for d in found for tier in d.tiers or ()] == [
        ("iris-prod", {s.arm_id("Compute/virtualMachines", "iris-db", "other")}),
        ("iris-prod-2", {s.arm_id("Compute/virtualMachines", "iris-db")}),
    ]


def test_more_vms_may_exist_where_they_were_not_listed() -> None:
    assert "# There may be more virtual machines: " in proposal(s.vm("iris-db")).text
    assert "# There may be more" not in proposal(s.vm("iris-db"), listed={s.SUB: [VM]}).text


@pytest.mark.parametrize("bodies", [(), (s.vm("vm-jump"),)], ids=["nothing", "strangers"])
def test_where_nothing_is_recognised_a_skeleton_in_comments_shows_how(bodies: tuple[s.Body, ...]) -> None:
    found = proposal(*bodies)
    assert not found.found
    assert all(line.startswith("#") for line in found.text.splitlines())
    (declared,) = load(
        "\n".join(
            line[2:]
            for line in found.text.partition("# Next, ")[0].splitlines()[1:]
            if "Left out" not in line and "vm-jump" not in line and "more virtual machines" not in line
        )
    )
    assert declared.name == "iris-prod"


def test_too_many_vms_for_one_file_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_documents, "MAX_BYTES", 100)
    with pytest.raises(InputError, match="one subscription at a time"):
        proposal(s.vm("iris-db"))


HOSTILE = [
    "true",
    "none",
    "007",
    "*",
    "a: b",
    "- x",
    "'\"\\",
    "a\nb",
    "\x1b[2J",
    "\u202e#",
    "é",
    "🙂",
    "\x00",
    "\u2028",
    "[x]",
    "a #b",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_data(name: str) -> None:
    text = proposal(
        *(
            s.vm(
                f"iris-{name}-db{n}",
                group="rg",
                location=name,
                tags={
                    "iris-deployment": name,
                    "iris-mirror": name,
                    "iris-product": name,
                    "iris-role": "mirror-failover",
                },
            )
            for n in (1, 2)
        ),
    ).text
    (found,) = load(text)
    (mirror,) = found.mirrors or ()
    for selector in mirror.failover.selectors:
        vm = selector.value if selector.kind == "name" else arm.name_of(selector.value)
        assert vm in {f"iris-{name}-db1", f"iris-{name}-db2"}
    assert all(character.isprintable() for line in text.split("\n") for character in line)


TEXT = st.one_of(
    st.sampled_from([*HOSTILE, "vm-db-a", "vm-db-b", "iris-web", "vm-arbiter", "hs-hi-db-dr", "x"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=12),
)
ROLE = st.one_of(st.sampled_from([*map(str, Role), "nonsense"]), TEXT)
TAGS = st.fixed_dictionaries(
    {},
    optional={
        "iris-deployment": TEXT,
        "iris-role": ROLE,
        "iris-mirror": TEXT,
        "iris-product": TEXT,
        "environment": TEXT,
    },
)
ANY_VM = st.builds(
    s.vm,
    TEXT.filter(str.strip),
    tags=TAGS,
    location=st.one_of(st.sampled_from(["westeurope", "North Europe", "none"]), TEXT),
    group=st.sampled_from(["rg", "rg-iris-test", "hs"]),
    subscription=st.sampled_from([s.SUB, "/subscriptions/not-a-guid"]),
    zone=st.sampled_from(["", "1", "2"]),
    availabilitySet=st.sampled_from([None, 7, {"id": s.arm_id("Compute/availabilitySets", "set")}]),
)
POOL = st.builds(
    mirror_pool,
    *[TEXT] * 2,
    name=st.sampled_from(["lb", "front", "lb\n#"]),
    page=st.sampled_from(["/mirror_status.cxw", "/"]),
    port=st.sampled_from([1972, 443]),
)


@pytest.mark.slow
@settings(max_examples=150)
@given(st.lists(st.one_of(ANY_VM, ANY_VM, POOL), max_size=10, unique_by=lambda body: arm.key(body["id"])))
def test_whatever_the_inventory_the_proposal_loads(bodies: list[s.Body]) -> None:
    found = proposal(*bodies)
    assert proposal(*reversed(bodies)).text == found.text, "the order of resources does not matter"
    if found.found:
        load(found.text)
    else:
        assert all(line.startswith("#") for line in found.text.splitlines())


@pytest.mark.slow
def test_on_the_command_line_it_is_a_file_that_scan_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deployment.yaml"
    assert main(["discover", "--demo"]) == exit_codes.OK
    printed = capsys.readouterr().out
    assert main(["discover", "--demo", "-o", str(path)]) == exit_codes.OK
    captured = capsys.readouterr()
    assert path.read_text() == printed.replace("--deployment deployment.yaml", f"--deployment {path}")
    assert captured.out == ""
    first, *_, last = captured.err.splitlines()
    assert first == f"auditor: {path} is written; 6 things are open"
    assert last == f"auditor:   auditor scan --demo --deployment {path}"
    assert path.read_text().splitlines()[-1] == f"#   auditor scan --demo --deployment {path}"
    assert main(["scan", "--demo", "--deployment", str(path), "-o", "json"]) == exit_codes.FINDINGS


def test_it_overwrites_no_file_that_may_have_been_edited(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "deployment.yaml"
    path.write_text("mended")
    assert main(["discover", "--demo", "-o", str(path)]) == exit_codes.USAGE
    assert capsys.readouterr().err == (
        f"auditor: error: {path}: exists already, and a proposal replaces no file; name a new file\n"
    )
    assert path.read_text() == "mended"
    assert main(["discover", "--demo", "-o", "/dev/null"]) == exit_codes.OK


def test_on_the_command_line_nothing_found_is_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "inventory.json"
    path.write_text('{"value": []}')
    assert main(["discover", "--snapshot", str(path)]) == exit_codes.INCOMPLETE
    assert "No InterSystems deployment was recognised" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("other", "compared"), [({}, True), ({"location": "northeurope"}, False), ({"subscription": s.OTHER}, False)]
)
def test_zones_of_a_pair_count_only_within_one_region_and_subscription(other: dict[str, str], compared: bool) -> None:
    tags = {"iris-deployment": "d", "iris-role": "mirror-failover", "iris-mirror": "M"}
    found = proposal(s.vm("db-a", zone="1", tags=tags), s.vm("db-b", zone="2", tags=tags, **other))
    assert ("the two are in zones 1 and 2" in found.text) is compared


# --- mirrors without a load balancer ----------------------------------------------------------------------------------


def second(vm: str, *more: s.Body) -> s.Body:
    """Return the network interface of a VM with further IP configurations."""
    found = s.nic(f"{vm}-nic", address="10.0.0.4")
    found["properties"]["ipConfigurations"] += more
    return found


VIP = {"name": "vip", "properties": {"privateIPAddress": "10.0.0.254"}}


@pytest.mark.parametrize(
    "vms",
    [
        ("mirrora290", "mirrorb280", "arbiter"),
        ("MIRROR-A", "MIRROR-B", "ARB-1"),
        ("iris-primary", "iris-backup", "iris-arbiter"),
        ("node1", "node2", "arbiter01"),
        ("hostp-a", "hostp-b", "vm-arbiter"),
    ],
)
def test_a_mirror_without_a_load_balancer_is_found_beside_its_arbiter(vms: tuple[str, ...]) -> None:
    first, other, arbiter = vms
    bodies = [s.vm(name, zone=str(zone), group="rg-x") for zone, name in enumerate(vms, start=1)]
    found = only(*bodies)
    (mirror,) = found.mirrors or ()
    assert (names(mirror.failover), names(mirror.arbiter)) == ({first, other}, {arbiter})
    assert not mirror.dr.declared


def test_no_mirror_is_found_where_it_is_not_clear_which_vms_are_its_members() -> None:
    for others in (("node1",), ("node1", "node2", "node3"), ("node1", "node2", "host1", "host2"), ("jump", "build")):
        assert not proposal(s.vm("arbiter"), *map(s.vm, others)).found, others
    assert not proposal(s.vm("apt-mirror-1"), s.vm("apt-mirror-2")).found, "nothing of InterSystems is there"
    found = proposal(s.vm("arbiter"), s.vm("node1", group="a"), s.vm("node2", group="a"))
    assert not found.found, "in another resource group"


def test_a_second_address_of_a_member_is_that_of_the_mirror() -> None:
    vms = s.vm("mirrora"), s.vm("mirrorb"), s.vm("arbiter")
    found = proposal(*vms, second("mirrora", VIP), second("mirrorb"))
    assert "address: {kind: secondary-ip}  # guess: 10.0.0.254 (vip) is a second address of mirrora-nic" in found.text
    (mirror,) = load(found.text)[0].mirrors or ()
    assert mirror.address_kind == "secondary-ip"
    ipv6 = {"name": "v6", "properties": {"privateIPAddress": "fd00::4", "privateIPAddressVersion": "IPv6"}}
    for nics in ((second("mirrora"), second("mirrorb")), (second("mirrora", ipv6), second("mirrorb", ipv6))):
        text = proposal(*vms, *nics).text
        assert "# address: {kind: none}  # no load balancer sends traffic to its members" in text
        assert "the address of mirror iris" in text.splitlines()[-3]


def test_a_load_balancer_outweighs_a_second_address() -> None:
    found = only(s.vm("a"), s.vm("b"), second("a", VIP), mirror_pool("a", "b"))
    assert [mirror.address_kind for mirror in found.mirrors or ()] == ["load-balancer"]


# --- databases of other products --------------------------------------------------------------------------------------


def image(publisher: str, offer: str, **more: str) -> s.Body:
    return {"storageProfile": {"imageReference": {"publisher": publisher, "offer": offer, **more}}}


def with_profile(name: str, profile: s.Body, **keywords: Any) -> s.Body:
    found = s.vm(name, **keywords)
    found["properties"]["storageProfile"] |= profile["storageProfile"]
    return found


IRIS = s.vm("iris-db-a"), s.vm("iris-db-b"), s.vm("iris-arbiter")
EXTENSION = {
    **s.resource("Compute/virtualMachines", "db-x/extensions/SqlIaasExtension", type="SqlIaaSAgent"),
    "type": "Microsoft.Compute/virtualMachines/extensions",
}
REGISTERED = s.resource(
    "SqlVirtualMachine/sqlVirtualMachines", "db-x", virtualMachineResourceId=s.arm_id("Compute/virtualMachines", "DB-x")
)


@pytest.mark.parametrize(
    ("bodies", "why"),
    [
        ((s.vm("oracle-db"),), "Oracle Database by its name"),
        ((s.vm("vm-sqlprd01-db"),), "SQL Server by its name"),
        ((s.vm("iris-sql-db"),), "SQL Server by its name"),
        ((s.vm("pg-db-1"),), "PostgreSQL by its name"),
        ((s.vm("MONGODB01"),), "MongoDB by its name"),
        ((with_profile("db-x", image("MicrosoftSQLServer", "sql2022-ws2022")),), "SQL Server by its image"),
        ((with_profile("iris-db-x", image("MicrosoftSQLServer", "sql2022-ws2022")),), "SQL Server by its image"),
        ((with_profile("db-x", image("Oracle", "oracle-database-19-3")),), "Oracle Database by its image"),
        ((with_profile("db-x", image("ondemand", "postgresql-16-rocky")),), "PostgreSQL by its image"),
        ((with_profile("db-x", image("bitnami", "mongodb")),), "MongoDB by its image"),
        ((s.vm("db-x", tags={"workload": "Oracle"}),), "Oracle Database by its tag workload"),
        ((s.vm("db-x", tags={"app": "sql server 2022"}),), "SQL Server by its tag app"),
        ((s.vm("db-x"), EXTENSION), "SQL Server by its registration with Azure"),
        ((s.vm("db-x"), REGISTERED), "SQL Server by its registration with Azure"),
        (
            (s.vm("db-x"), mirror_pool("db-x", name="lb-x", page="/", port=5432)),
            "PostgreSQL by port 5432, to which lb-x sends traffic",
        ),
    ],
)
def test_a_database_of_another_product_is_left_out_with_the_reason(bodies: tuple[s.Body, ...], why: str) -> None:
    found = proposal(*IRIS, *bodies)
    (declared,) = load(found.text)
    (mirror,) = declared.mirrors or ()
    assert (names(mirror.failover), names(mirror.arbiter)) == ({"iris-db-a", "iris-db-b"}, {"iris-arbiter"})
    assert not declared.tiers
    assert f"#   {bodies[0]['name']} in rg: a server with {why}" in found.text


@pytest.mark.parametrize(
    "body",
    [
        with_profile("iris-db-c", image("Oracle", "Oracle-Linux", sku="ol92-lvm-gen2")),
        s.vm("iris-db-c", tags={"os": "Oracle Linux 9"}),
        s.vm("iris-db-c", tags={"monitored-by": "sql"}),
        s.vm("sql-db-c", tags={"iris-role": "db", "iris-deployment": ""}),
    ],
)
def test_a_server_of_intersystems_is_proposed_whatever_else_is_written_on_it(body: s.Body) -> None:
    text = proposal(*IRIS, body).text
    assert f"- {body['name']}  # " in text
    assert "a server with" not in text


def test_the_mirror_status_page_outweighs_a_name() -> None:
    (mirror,) = only(s.vm("sql-a"), s.vm("sql-b"), mirror_pool("sql-a", "sql-b")).mirrors or ()
    assert names(mirror.failover) == {"sql-a", "sql-b"}


# --- restored copies --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "original"),
    [
        ("iris-db-a-restored", "iris-db-a"),
        ("IRIS-DB-A-Restored-20261101-0930", "IRIS-DB-A"),
        ("iris-db-a-copy", "iris-db-a"),
        ("iris-db-b_clone1", "iris-db-b"),
        ("iris-db-a-test-failover", "iris-db-a"),
        ("iris-db-a-test", "iris-db-a"),
        ("restored-iris-db-a", "iris-db-a"),
        ("copy-of-iris-db-a", "iris-db-a"),
        ("iris-db-z-restore", ""),
    ],
)
def test_a_copy_is_left_out_by_its_name(name: str, original: str) -> None:
    tags = {"iris-role": "mirror-failover", "iris-deployment": "x"}
    for body in (s.vm(name), s.vm(name, tags=tags), s.vm(name, group="rg-restore")):
        found = proposal(*IRIS, body)
        assert [names(mirror.failover) for d in load(found.text) for mirror in d.mirrors or ()] == [
            {"iris-db-a", "iris-db-b"}
        ]
        of = f" of {original}" if original else ""
        assert f": a restored or cloned copy{of} by its name" in found.text


@pytest.mark.parametrize("name", ["iris-db-test", "iris-test-db", "iris-photocopy-db", "iris-restoredb"])
def test_a_name_like_that_of_a_copy_may_be_that_of_a_server(name: str) -> None:
    assert name not in proposal(*IRIS, s.vm(name)).text.partition("# Left out")[2]


def disk(name: str, source: str = "") -> s.Body:
    data = {"createOption": "Copy", "sourceResourceId": source} if source else {"createOption": "Empty"}
    return s.resource("Compute/disks", name, creationData=data)


def snapshot(name: str, source: str) -> s.Body:
    return s.resource("Compute/snapshots", name, creationData={"sourceResourceId": s.arm_id("Compute/disks", source)})


SNAPSHOT = s.arm_id("Compute/snapshots", "snap")
POINT = f"{s.arm_id('Compute/restorePointCollections', 'c')}/restorePoints/p/diskRestorePoints/iris-db-a-1_5f0c"
OWN = "iris-db-a-1"


@pytest.mark.parametrize(
    ("sources", "others", "copied"),
    [
        ([s.arm_id("Compute/disks", OWN.upper())], [], True),
        ([SNAPSHOT], [snapshot("snap", OWN)], True),
        ([POINT], [], True),
        ([SNAPSHOT], [], False),
        ([SNAPSHOT], [snapshot("snap", "of-nobody")], False),
        ([s.arm_id("Compute/disks", OWN), ""], [], False),
        ([POINT.replace("iris-db-a-1", "of-nobody")], [], False),
    ],
)
def test_a_copy_is_left_out_by_the_source_of_its_disks(sources: list[str], others: list[s.Body], copied: bool) -> None:
    pair = s.vm("iris-db-a", disks=[OWN]), s.vm("iris-db-b", disks=["iris-db-b-1"])
    disks = [disk(f"new-{number}", source) for number, source in enumerate(sources)]
    third = s.vm("iris-third", disks=[body["name"] for body in disks])
    text = proposal(*pair, third, disk(OWN), disk("iris-db-b-1"), *disks, *others).text
    assert ("iris-third in rg: a restored or cloned copy of iris-db-a by the source of its disks" in text) is copied


def test_a_vm_that_got_its_disks_from_its_own_former_disks_is_no_copy() -> None:
    bodies = [
        s.vm("iris-db-a", disks=["iris-db-a-2"]),
        s.vm("iris-db-b"),
        disk("iris-db-a-2", SNAPSHOT),
        snapshot("snap", "iris-db-a-1"),
        disk("iris-db-a-1"),
    ]
    (mirror,) = only(*bodies).mirrors or ()
    assert names(mirror.failover) == {"iris-db-a", "iris-db-b"}


# --- the end ----------------------------------------------------------------------------------------------------------


def test_a_proposal_ends_with_what_it_leaves_open_and_the_next_command() -> None:
    last = proposal(*IRIS, s.vm("iris-web-1")).text.splitlines()[-3:]
    undecided = "the DR region, the address of mirror iris, dr of mirror iris, reporting of mirror iris, the app tier"
    undecided += ", the entrance, the connectivity, the backup"
    assert last == [
        f"# Left open in iris-prod: {undecided}",
        "# Next, once each line is correct:",
        "#   auditor scan --snapshot FILE --deployment deployment.yaml",
    ]
    assert "      # - {role: app, members: none}  # none was found" in proposal(*IRIS, s.vm("iris-web-1")).text


@pytest.mark.parametrize("found", [True, False])
def test_the_next_command_names_the_source(found: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "my inventory.json"
    path.write_text(json.dumps({"value": IRIS if found else []}))
    main(["discover", "--snapshot", str(path)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == f"#   auditor scan --snapshot '{path}' --deployment deployment.yaml"
    assert lines[-2] == f"# Next, once {'each line is correct' if found else 'the virtual machines are declared'}:"


def candidate(words: frozenset[str], mirror: str, product: str, availability_set: str) -> Candidate:
    name = "-".join(sorted(words))
    arm_id = f"{s.SUB}/resourceGroups/rg/providers/Microsoft.Compute/virtualMachines/{name}"
    body: s.Body = {
        "id": arm_id,
        "name": name,
        "type": VM,
        "tags": {"iris-mirror": mirror, "iris-product": product},
        "properties": {"availabilitySet": {"id": availability_set}} if availability_set else {},
    }
    return Candidate(resource(body, arm_id), words_of(name), frozenset())


CANDIDATES = st.builds(
    candidate,
    st.frozensets(st.sampled_from(["iris", "east", "west", "gold", "db"])),
    st.sampled_from(["", "M1", "m2"]),
    st.sampled_from(["", "patient-index", "health-insight"]),
    st.sampled_from(["", "/set/a", "/set/b"]),
)
MEMBERS = st.builds(Member, CANDIDATES, st.just(Confidence.GUESS), st.just(""))
MIRRORS = st.lists(
    st.builds(MirrorProposal, st.lists(MEMBERS, max_size=2), st.sampled_from(["", "m1", "M2"])), max_size=6
)


@given(CANDIDATES, MIRRORS)
@settings(max_examples=500)
def test_the_mirrors_that_match_best_are_those_of_all_mirrors_compared(
    vm: Candidate, mirrors: list[MirrorProposal]
) -> None:
    tagged = tag(vm.resource, "iris-mirror").casefold()

    def likeness(mirror: MirrorProposal) -> tuple[bool, bool, bool, int]:
        return (
            bool(tagged) and tagged == mirror.name.casefold(),
            bool(vm.product) and vm.product == mirror.product,
            vm.availability_set in {member.vm.availability_set for member in mirror.failover} - {""},
            len({word for member in mirror.failover for word in member.vm.words} & vm.words),
        )

    best = max(map(likeness, mirrors), default=None)
    assert Likeness(mirrors).best(vm) == [mirror for mirror in mirrors if likeness(mirror) == best]
