"""The deployment file: valid declarations, and the lines of invalid ones."""

from __future__ import annotations

import textwrap
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import bundled, yaml_documents
from auditor.errors import InputError
from auditor.estate import deployment_file
from auditor.estate.declaration import DeclaredDeployment, DeclaredObjective, Role, Roster, Selector
from tests.faults import Change, Sound, changes

_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg"
_VM = f"{_GROUP}/providers/Microsoft.Compute/virtualMachines/vm-x"

_DESIGN = """\
format: auditor.deployment/1
deployments:
  - name: trakcare-prod
    product: trakcare              # trakcare | healthshare | iris
    environment: production        # production | non-production
    subscriptions: [00000000-0000-0000-0000-000000000001]   # one that was not scanned is a gap
    regions: {primary: westeurope, dr: northeurope}
    mirrors:
      - name: TRAKDB
        product: trakcare          # HealthShare has a mirror a product: information-exchange, patient-index, ...
        address: {kind: load-balancer}     # load-balancer | secondary-ip | none (every client is mirror-aware)
        failover:
          - vm-db-a
          - vm-db-b
        arbiter: vm-arbiter
        dr: [vm-db-dr]
        reporting: none
        disks: {journal: [2, 3], wij: [1]}     # LUNs, where known
    tiers:
      - {role: web, members: [{name: "vm-web-*"}]}
      - {role: app, members: [{tag: {iris-role: app}}]}
      - {role: print, members: none}           # this deployment has none
    backup: {strategy: azure-backup}           # azure-backup | third-party | online; vault: ARM id
    guest: optional                            # optional | required
    settings: {session_idle_minutes: 15, rto_dns_seconds: 300, dr_capacity_ratio: 1.0, max_backup_age_hours: 26}
"""
"""The example of the design, unchanged."""


def load(text: str) -> tuple[DeclaredDeployment, ...]:
    return deployment_file.load(yaml_documents.parse(text.encode(), "deployment.yaml"))


def one(body: str) -> DeclaredDeployment:
    """Return a deployment with only the relevant declarations."""
    head = _DESIGN[: _DESIGN.index("  - name")] + "  - name: d\n    product: iris\n    regions: {primary: westeurope}\n"
    return load(head + textwrap.indent(textwrap.dedent(body), "    "))[0]


def changed(old: str, new: str) -> DeclaredDeployment:
    """Return the design's deployment with a change."""
    assert old in _DESIGN
    return load(_DESIGN.replace(old, new, 1))[0]


DESIGN = Sound(_DESIGN, "deployment.yaml", load)


def test_the_example_of_the_design_is_read_as_the_design_describes() -> None:
    (found,) = load(_DESIGN)
    mirrors, tiers = found.mirrors or (), found.tiers or ()
    assert (found.name, found.product, found.environment, found.guest, found.line, found.file) == (
        *("trakcare-prod", "trakcare", "production", "optional"),
        *(3, "deployment.yaml"),
    )
    assert found.subscriptions == ("/subscriptions/00000000-0000-0000-0000-000000000001",)
    assert (found.primary_region, found.dr_region) == ("westeurope", "northeurope")
    (mirror,) = mirrors
    assert (mirror.name, mirror.product, mirror.address_kind, mirror.line) == ("TRAKDB", "trakcare", "load-balancer", 9)
    assert mirror.failover == Roster(
        declared=True, selectors=(Selector("name", "vm-db-a", line=13), Selector("name", "vm-db-b", line=14)), line=12
    )
    assert mirror.arbiter == Roster(declared=True, selectors=(Selector("name", "vm-arbiter", line=15),), line=15)
    assert mirror.dr == Roster(declared=True, selectors=(Selector("name", "vm-db-dr", line=16),), line=16)
    assert mirror.reporting == Roster(declared=True, line=17)
    assert dict(mirror.disks) == {"journal": (2, 3), "wij": (1,)}
    assert [(tier.role, tier.product, tier.members.selectors, tier.line) for tier in tiers] == [
        (Role.WEB, "", (Selector("glob", "vm-web-*", line=20),), 20),
        (Role.APP, "", (Selector("tag", tags=(("iris-role", "app"),), line=21),), 21),
        (Role.PRINT, "", (), 22),
    ]
    assert [tier.members.none for tier in tiers] == [False, False, True]
    assert found.settings == {
        "session_idle_minutes": 15,
        "rto_dns_seconds": 300,
        "dr_capacity_ratio": 1.0,
        "max_backup_age_hours": 26,
    }
    assert set(found.setting_lines.values()) == {25}


@pytest.mark.parametrize("folder", [path.parent.name for path in sorted(bundled.FIXTURES.glob("*/deployment.yaml"))])
def test_the_fixtures_deployments_load(folder: str) -> None:
    assert deployment_file.load(yaml_documents.read(bundled.FIXTURES / folder / "deployment.yaml"))


def test_a_short_declaration_is_valid_and_what_it_leaves_out_is_not_none() -> None:
    found = one("")
    assert (found.environment, found.guest, found.dr_region, found.subscriptions) == ("production", "optional", "", ())
    assert (found.mirrors, found.tiers) == (None, None)
    found = one("mirrors: [{name: M, failover: [a]}]\ntiers: [{role: web, members: w}]")
    (mirror,), (tier,) = found.mirrors or (), found.tiers or ()
    for roster in (mirror.arbiter, mirror.dr, mirror.reporting):
        assert roster == Roster()
        assert not roster.none
    assert (mirror.product, mirror.address_kind) == ("iris", "load-balancer")
    assert tier.members.selectors == (Selector("name", "w", line=7),)


@pytest.mark.parametrize("none", ["none", "None", "NONE", "'none'"])
def test_declaring_none_differs_from_declaring_nothing(none: str) -> None:
    found = one(f"mirrors: [{{name: M, failover: [a], arbiter: {none}, dr: {none}, reporting: {none}}}]")
    (mirror,) = found.mirrors or ()
    assert all(roster.none and roster.declared for roster in (mirror.arbiter, mirror.dr, mirror.reporting))
    assert (one("mirrors: none").mirrors, one("tiers: none").tiers) == ((), ())
    assert changed("dr: northeurope", f"dr: {none}").dr_region == "none"


@pytest.mark.parametrize(
    ("member", "selector"),
    [
        ("vm-x", Selector("name", "vm-x")),
        ("VM-X", Selector("name", "VM-X")),
        ("'12'", Selector("name", "12")),
        (_VM, Selector("id", _VM)),
        (f"{_VM.upper()}/", Selector("id", f"{_VM.upper()}/")),
        ("{name: vm-x}", Selector("name", "vm-x")),
        ("{name: 'vm-?'}", Selector("glob", "vm-?")),
        ("{name: 'vm-[ab]'}", Selector("glob", "vm-[ab]")),
        (f"{{name: {_VM}}}", Selector("id", _VM)),
        ("{tag: {role: ''}}", Selector("tag", tags=(("role", ""),))),
        ("{tag: {a: x, b: y}}", Selector("tag", tags=(("a", "x"), ("b", "y")))),
        ("tag", Selector("name", "tag")),
        ("vm-tag-1", Selector("name", "vm-tag-1")),
        (r'"\e[31mred\e[0m"', Selector("name", "\x1b[31mred\x1b[0m")),
        ("'[bold]<b>&amp;'", Selector("name", "[bold]<b>&amp;")),
        ("機械", Selector("name", "機械")),
    ],
)
def test_a_member_is_a_name_an_id_a_glob_or_a_tag(member: str, selector: Selector) -> None:
    for form in (f"[{member}]", f"\n      - {member}", member):
        (tier,) = one(f"tiers:\n  - role: app\n    members: {form}").tiers or ()
        (found,) = tier.members.selectors
        assert (found.kind, found.value, found.tags) == (selector.kind, selector.value, selector.tags)
        assert found.line == (9 if "\n" in form else 8)


@pytest.mark.parametrize(
    ("body", "check"),
    [
        ("environment: non-production", lambda d: d.environment == "non-production"),
        ("entrance: front-door", lambda d: d.entrance == "front-door"),
        ("environment: production", lambda d: d.entrance == ""),
        ("guest: required", lambda d: d.guest == "required"),
        ("mirrors: [{name: M, failover: [a], superserver: 56772}]", lambda d: d.mirrors[0].superserver == 56772),
        ("mirrors: [{name: M, failover: [a]}]", lambda d: d.mirrors[0].superserver == 0),
        (
            "mirrors: [{name: M, failover: [a], arbiter: {address: arbiter.x.example}}]",
            lambda d: (d.mirrors[0].arbiter.none, d.mirrors[0].arbiter_address) == (True, "arbiter.x.example"),
        ),
        (
            "mirrors: [{name: M, failover: [a], disks: {installation: [0], alternate: [2], database: [1]}}]",
            lambda d: set(d.mirrors[0].disks) == {"installation", "alternate", "database"},
        ),
        ("mirrors: [{name: M, failover: [a], ports: [2575, 6661]}]", lambda d: d.mirrors[0].ports == (2575, 6661)),
        ("scope: {resourceGroups: [RG-A]}", lambda d: d.resource_groups == ("rg-a",)),
        ("backup: {strategy: azure-backup, vault: /subscriptions/x}", lambda d: d.backup.vault == "/subscriptions/x"),
        ("backup: {strategy: third-party, product: Vault}", lambda d: d.backup.product == "Vault"),
        ("backup: {strategy: online, account: /subscriptions/x}", lambda d: d.backup.account == "/subscriptions/x"),
        ("settings: {own_setting: -1.5}", lambda d: d.settings == {"own_setting": -1.5}),
        ("settings: {}", lambda d: d.settings == {}),
        (
            "mirrors: [{name: M, failover: [a], address: {kind: secondary-ip}}]",
            lambda d: d.mirrors[0].address_kind == "secondary-ip",
        ),
        ("mirrors: [{name: M, failover: [a], address: {kind: none}}]", lambda d: d.mirrors[0].address_kind == "none"),
        (
            "mirrors: [{name: M, failover: [a], product: patient-index}]",
            lambda d: d.mirrors[0].product == "patient-index",
        ),
        ("tiers: [{role: web, members: a}, {role: web, product: x, members: b}]", lambda d: len(d.tiers) == 2),
        ("tiers: [{role: db, members: [a, {tag: {a: b}}, {tag: {a: c}}]}]", lambda d: d.tiers[0].role is Role.DB),
        (
            f"subscriptions: [{_GROUP[15:51].upper()}, /subscriptions/ABCDEF00-0000-0000-0000-000000000002]",
            lambda d: d.subscriptions == (_GROUP[:51], "/subscriptions/abcdef00-0000-0000-0000-000000000002"),
        ),
    ],
)
def test_every_construct_loads(body: str, check: Any) -> None:
    assert check(one(body))


def test_regions_are_compared_as_azure_does() -> None:
    assert changed("westeurope", "West Europe").primary_region == "westeurope"


_FIRST = "          - vm-db-a"
_BOTH = "failover:\n          - vm-db-a\n          - vm-db-b\n"
_A_TIER = '{role: web, members: [{name: "vm-web-*"}]}'


@changes(
    # members of roles
    ("dr: [vm-db-dr]", "dr: []", "deployments[0].mirrors[0].dr must not be empty (`none` if the deployment has none"),
    ("dr: [vm-db-dr]", "dr:", "dr must be text or a list or a map, not null"),
    ("dr: [vm-db-dr]", "dr: ''", "dr must not be empty"),
    ("dr: [vm-db-dr]", "dr: [none]", "dr lists a virtual machine named 'none': write `dr: none` if there is none"),
    ("dr: [vm-db-dr]", "dr:\n          - a\n          - None", "dr lists a virtual machine named 'none'", 2),
    (_FIRST, "          - none", "failover lists a virtual machine named 'none'"),
    (_BOTH, "failover: []\n", "failover must not be empty"),
    (_BOTH, "failover: none\n", "failover must be a list, not 'none'"),
    (_FIRST, "          - vm-DB-b", "failover lists 'vm-db-b' twice", 1),
    (_FIRST, "          - {name: vm-db-b}", "failover lists 'vm-db-b' twice", 1),
    (_FIRST, "          - {tag: {a: b}}\n          - {tag: {A: B}}", "failover lists 'tag A=B' twice", 1),
    (_FIRST, "          - 7", "failover[0] must be text or a map, not 7; put it in quotes"),
    (_FIRST, "          - [a]", "failover[0] must be text or a map, not a list"),
    (_FIRST, "          -", "failover[0] must be text or a map, not null"),
    (_FIRST, "          - ''", "failover[0] must not be empty"),
    (_FIRST, "          - {nam: a}", "failover[0] has the unknown key 'nam'; did you mean 'name'?"),
    (_FIRST, "          - {name: a, tag: {b: c}}", "failover[0] has both 'name' and 'tag'"),
    (_FIRST, "          - {}", "failover[0] needs one of name, tag"),
    (_FIRST, "          - {tag: {}}", "failover[0].tag is wrong"),
    (_FIRST, "          - {tag: {a: 1}}", "failover[0].tag.a must be text, not 1; put it in quotes"),
    (_FIRST, "          - {name: ''}", "failover[0].name must not be empty"),
    (_FIRST, "          - /subscriptions/a/resourceGroups/b", "is neither a name nor the ARM id of a virtual machine"),
    (_FIRST, f"          - {_VM.replace('virtualMachines', 'disks')}", "is neither a name nor the ARM id of a virtual"),
    (_FIRST, f"          - {_VM}/extensions/e", "is neither a name nor the ARM id of a virtual machine"),
    (_FIRST, f"          - {_VM[1:]}", "is neither a name nor the ARM id of a virtual machine"),
    (_FIRST, "          - {name: rg/vm-a}", "'rg/vm-a' is neither a name nor the ARM id of a virtual machine"),
    (_FIRST, "          - vm-db-*", "'vm-db-*' is not a name; write a glob as {name:"),
    ("dr: northeurope", "dr: West Europe", "the DR region is the primary region"),
    # twins
    ("    tiers:", "      - {name: trakdb, failover: [x]}\n    tiers:", "the mirror 'trakdb' is declared twice"),
    ("role: app", "role: web", "the tier 'web' is declared twice"),
    (
        _A_TIER,
        "{role: web, product: x, members: a}\n      - {role: web, product: x, members: b}",
        "the tier 'web x' is declared twice",
        1,
    ),
    (
        "    settings:",
        "  - {name: Trakcare-PROD, product: iris, regions: {primary: westeurope}}\n#",
        "the deployment 'Trakcare-PROD' is declared twice",
    ),
    # types and words
    ("auditor.deployment/1", "auditor.deployment/2", "format must be auditor.deployment/1, not 'auditor.deployment/2'"),
    ("format:", "formt:", "the file has the unknown key 'formt'; did you mean 'format'?"),
    ("format: auditor.deployment/1\n", "", "the file lacks the key 'format'"),
    ("deployments:\n", "deployments: []\nx:\n", "the file has the unknown key 'x'", 1),
    (
        "product: trakcare  ",
        "product: trakcar  ",
        "product must be one of trakcare, healthshare, iris, not 'trakcar'; did you mean 'trakcare'?",
    ),
    ("environment: production ", "environment: test ", "environment must be production or non-production, not 'test'"),
    ("environment", "enviroment", "deployments[0] has the unknown key 'enviroment'; did you mean 'environment'?"),
    ("00000000-0000-0000-0000-000000000001", "00000000-0000", "subscriptions[0] must match"),
    ("[00000000-0000-0000-0000-000000000001]", "00000000-0000-0000-0000-000000000001", "subscriptions must be a list"),
    ("[00000000-0000-0000-0000-000000000001]", "[]", "subscriptions must not be empty"),
    ("{primary: westeurope, dr: northeurope}", "westeurope", "regions must be a map, not 'westeurope'"),
    ("{primary: westeurope, dr: northeurope}", "[westeurope]", "regions must be a map, not a list"),
    ("primary: westeurope, ", "", "regions lacks the key 'primary'"),
    ("primary: westeurope", "primary: none", "regions.primary must not be 'none'"),
    ("primary: westeurope", "primary: west/europe", "regions.primary must match"),
    ("dr: northeurope", "ddr: northeurope", "regions has the unknown key 'ddr'; did you mean 'dr'?"),
    ("name: TRAKDB", "name: a/b", "name must match"),
    ("name: TRAKDB", "name: ' a'", "name must match"),
    ("name: TRAKDB", "name: 12", "name must be text, not 12; put it in quotes"),
    ("name: TRAKDB", f"name: {'n' * 201}", "name is wrong"),
    ("kind: load-balancer", "kind: vip", "address.kind must be one of load-balancer, secondary-ip, none, not 'vip'"),
    ("address: {kind: load-balancer}", "address: load-balancer", "address must be a map, not 'load-balancer'"),
    ("arbiter: vm-arbiter", "abiter: vm-arbiter", "mirrors[0] has the unknown key 'abiter'; did you mean 'arbiter'?"),
    ("journal: [2, 3]", "journal: [2, 64]", "disks.journal[1] is wrong: 64 is greater than the maximum of 63"),
    ("reporting: none", "superserver: 0", "superserver is wrong: 0 is less than the minimum of 1"),
    ("reporting: none", "superserver: any", "superserver must be a whole number, not 'any'"),
    ("journal: [2, 3]", "journal: [2.5]", "disks.journal[0] must be a whole number, not 2.5"),
    ("journal: [2, 3]", "journal: [2, 2]", "disks.journal has an entry twice"),
    ("journal: [2, 3]", "journl: [2]", "disks has the unknown key 'journl'; did you mean 'journal'?"),
    ("role: web", "role: mirror-dr", "tiers[0].role must be one of web, app, print, db, not 'mirror-dr'"),
    (_A_TIER, "{role: web}", "tiers[0] lacks the key 'members'"),
    ("strategy: azure-backup", "strategy: tape", "backup.strategy must be one of azure-backup, third-party, online"),
    ("guest: optional", "guest: maybe", "guest must be optional or required, not 'maybe'"),
    (
        "session_idle_minutes: 15",
        "session_idle_minutes: '15'",
        "settings.session_idle_minutes must be a number, not '15'",
    ),
    (
        "session_idle_minutes: 15",
        "session_idle_minutes: yes",
        "settings.session_idle_minutes must be a number, not 'yes'",
    ),
    (
        "session_idle_minutes: 15",
        "session_idle_minutes: true",
        "settings.session_idle_minutes must be a number, not true",
    ),
    ("session_idle_minutes: 15", "own: [1]", "settings.own must be a number, not a list"),
    ("dr_capacity_ratio: 1.0", "dr_capacity_ratio: 0", "settings.dr_capacity_ratio is wrong"),
)
def test_a_misuse_is_refused_on_its_line(change: Change) -> None:
    DESIGN.refuses(change)


def test_objectives_are_times_in_seconds() -> None:
    found = one("objectives:\n  machine: {rto: 60s, rpo: 0s}\n  region: {rto: 4h, rpo: 1.5m}").objectives
    assert found == {"machine": DeclaredObjective(60, 0, 7), "region": DeclaredObjective(14400, 90, 8)}
    assert one("guest: optional").objectives == {}


@changes(
    ("guest: optional", "objectives: {}", "objectives is wrong: {} should be non-empty"),
    ("guest: optional", "objectives: {rack: {rto: 60s}}", "objectives has the unknown key 'rack'"),
    ("guest: optional", "objectives: {zone: {}}", "objectives.zone is wrong: {} should be non-empty"),
    ("guest: optional", "objectives: {zone: {rto: 60}}", "objectives.zone.rto must be text, not 60"),
    ("guest: optional", "objectives: {zone: {rto: 1d}}", "which '1d' does not (A time in seconds"),
    ("guest: optional", "objectives: {zone: {rto: -1s}}", "which '-1s' does not (A time in seconds"),
)
def test_a_wrong_objective_is_refused_on_its_line(change: Change) -> None:
    DESIGN.refuses(change)


def test_mirrors_and_tiers_are_a_list_or_none() -> None:
    for key in ("mirrors", "tiers"):
        for value, message in (
            ("[]", "must not be empty"),
            ("no", "must be none, not 'no'"),
            ("{}", "must be text or a list, not a map"),
            ("", "must be text or a list, not null"),
        ):
            with pytest.raises(InputError, match=message) as caught:
                one(f"{key}: {value}")
            assert caught.value.line == 6


@pytest.mark.slow
@given(name=st.text(min_size=1, max_size=200))
def test_any_name_loads_or_is_refused(name: str) -> None:
    for path in (("name",), ("mirrors", 0, "name"), ("mirrors", 0, "failover", 0), ("tiers", 0, "members", 0, "name")):
        value: Any = yaml_documents.parse(_DESIGN.encode(), "f").value
        *way, last = ("deployments", 0, *cast("tuple[str | int, ...]", path))
        at = value
        for step in way:
            at = at[step]
        at[last] = name
        try:
            (found,) = deployment_file.load(yaml_documents.Document(value, "f", {}))
        except InputError:
            continue
        else:
            assert name in repr(found) or repr(name)[1:-1] in repr(found)
