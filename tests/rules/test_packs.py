"""Rule packs: loading, the errors of invalid ones with their lines, and the validity of the bundled pack."""

from __future__ import annotations

import tempfile
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auditor import bundled, yaml_documents
from auditor.errors import InputError
from auditor.estate.declaration import DeclaredDeployment
from auditor.rules import packs
from auditor.rules.conditions import CompiledRule
from auditor.rules.facts import FACTS
from auditor.rules.model import Severity
from tests.faults import Change, Sound, changes

_PACK = """\
format: auditor.pack/1
name: own
title: Own rules
profiles:
  current: What holds today.
  strict: What ought to hold.
statements:
  S1: {section: One, text: Something is asked for.}
  S2: {section: Two, text: Something else is asked for., unchecked: Azure does not show it.}
"""

_RULE = """\
id: OWN001
title: A rule of a user
severity: high
reference: [S1]
for: [{type: Microsoft.Compute/disks}]
when: {field: properties.diskState, equals: Attached}
assert: {field: sku.name, matches: {param: wanted}}
params: {wanted: ^Premium, least: 3}
settings: {own_limit: {default: 5, min: 1, max: 9}}
grade: [{when: {field: properties.diskSizeGB, less: {param: own_limit}}, severity: low, because: it is small}]
profiles:
  current: {}
  strict: {}
why: Because it matters.
fix: Change what is wrong.
examples:
  - {on: trakcare-current, expect: pass}
  - {on: trakcare-current, expect: fail, because: the disk is slow}
"""
_GRADES = """\
      - {when: {field: a, equals: 1}, severity: low}
      - {when: {fact: x.y, equals: 1}, severity: low}
"""
_PROFILES = "  current: {}\n  strict: {}\n"


def write(folder: Path, rules: dict[str, str], pack: str = _PACK) -> Path:
    folder.mkdir(exist_ok=True)
    for name, text in {"pack.yaml": pack, **rules}.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def load(folder: Path, text: str = _RULE, pack: str = _PACK) -> packs.LoadedPack:
    return packs.load(write(folder, {"OWN001.yaml": text}, pack), FACTS)


def one(loaded: packs.LoadedPack, profile: str = "current") -> CompiledRule:
    (found,) = packs.select([loaded], profile)
    return found


def in_folder(load: Callable[[Path, str], object]) -> Callable[[str], object]:
    """Return a function that loads a pack from a separate folder with the given text in one file."""

    def loaded(text: str) -> object:
        with tempfile.TemporaryDirectory() as folder:
            return load(Path(folder), text)

    return loaded


RULE = Sound(_RULE, "OWN001.yaml", in_folder(load))
PACK = Sound(_PACK, "pack.yaml", in_folder(lambda folder, text: load(folder, pack=text)))


# --- loading ----------------------------------------------------------------------------------------------------------


def test_a_pack_is_loaded_with_its_rules_by_id(tmp_path: Path) -> None:
    second = _RULE.replace("OWN001", "OWN000").replace("  strict: {}\n", "")
    folder = write(tmp_path / "own", {"z.yaml": second, "a.yml": _RULE, "README.md": "not a rule", "notes.txt": "{"})
    loaded = packs.load(folder, FACTS)
    assert (loaded.pack.name, loaded.pack.title, loaded.pack.source) == ("own", "Own rules", None)
    assert loaded.pack.statements["S2"].unchecked == "Azure does not show it."
    assert [found.rule.id for found in packs.select([loaded], "current")] == ["OWN000", "OWN001"]
    assert [found.rule.id for found in packs.select([loaded], "strict")] == ["OWN001"]
    rule = packs.select([loaded], "current")[1].rule
    assert (rule.severity, rule.pack, rule.file, rule.profiles) == (
        Severity.HIGH,
        "own",
        str(folder / "a.yml"),
        ("current", "strict"),
    )
    assert (rule.targets[0].type, rule.reference) == ("microsoft.compute/disks", ("S1",))
    assert (rule.settings["own_limit"].max, rule.grade[0].severity, rule.grade[0].because) == (
        9,
        Severity.LOW,
        "it is small",
    )


def test_a_headline_is_optional_and_a_profile_may_change_it(tmp_path: Path) -> None:
    assert one(load(tmp_path)).rule.headline == "Not as required: A rule of a user"
    text = _RULE.replace("severity: high\n", "fails: A disk is\n  large\nseverity: high\n", 1)
    text = text.replace("  strict: {}\n", "  strict: {fails: A disk is not small}\n")
    loaded = load(tmp_path, text)
    assert [one(loaded, profile).rule.headline for profile in ("current", "strict")] == [
        "A disk is large",
        "A disk is not small",
    ]
    with pytest.raises(InputError, match=r"OWN001\.yaml:\d+: .*"):
        load(tmp_path, text.replace("A disk is not small", "A disk is not small."))


def test_a_pack_may_have_no_rules_yet(tmp_path: Path) -> None:
    assert packs.select([packs.load(write(tmp_path / "own", {}), FACTS)], "strict") == ()


def test_a_profile_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    changes = textwrap.dedent("""\
      current: {}
      strict:
        params: {wanted: ^Ultra, more: [1, 2]}
        severity: info
        when: {field: properties.diskState, exists: true}
        assert: {field: sku.tier, matches: {param: wanted}}
        grade: []
    """)
    loaded = load(tmp_path / "own", _RULE.replace(_PROFILES, textwrap.indent(changes, "  ")))
    current, strict = one(loaded).rule, one(loaded, "strict").rule
    assert current.params == {"wanted": "^Premium", "least": 3}
    assert strict.params == {"wanted": "^Ultra", "least": 3, "more": [1, 2]}
    assert (current.severity, strict.severity) == (Severity.HIGH, Severity.INFO)
    assert (current.when, strict.when) == (
        {"field": "properties.diskState", "equals": "Attached"},
        {"field": "properties.diskState", "exists": True},
    )
    assert (current.condition["field"], strict.condition["field"]) == ("sku.name", "sku.tier")
    assert (len(current.grade), len(strict.grade)) == (1, 0)
    assert (current.why, current.settings, current.targets) == (strict.why, strict.settings, strict.targets)
    assert [len(one(loaded, name).compiled[0].grade) for name in ("current", "strict")] == [1, 0]


# --- refused ----------------------------------------------------------------------------------------------------------


@changes(
    ("reference: [S1]", "reference:\n  - S1\n  - S9", "pack.yaml has no statement 'S9'", 2),
    ("  strict: {}", "  strct: {}", "pack.yaml has no profile 'strct'; it has current, strict"),
    ("min: 1, max: 9", "min: 6, max: 9", "the default of the setting 'own_limit' must be between its min and max"),
    ("min: 1, max: 9", "min: 1, max: 4", "the default of the setting 'own_limit' must be between its min and max"),
    ("min: 1, max: 9", "min: 1", "settings.own_limit lacks the key 'max'"),
    ("{param: wanted}", "{param: wnted}", "the rule has no parameter 'wnted'"),
    ("{param: wanted}", "'(Premium'", "is not a regular expression (RE2)"),
    ("^Premium", "'(Premium'", "the parameter 'wanted' does not fit: is not a regular expression (RE2)"),
    ("^Premium", "'(?=x)'", "is not a regular expression (RE2)"),
    ("{param: wanted}", "{param: least}", "the parameter 'least' does not fit: matches needs a regular", 1),
    ("{field: sku.name, matches", "{fact: disk.nme, matches", "there is no fact 'disk.nme'"),
    (
        "{field: sku.name, matches",
        "{fact: mirror.address_kind, matches",
        "the fact 'mirror.address_kind' is one of a mirror, here is a disk, in a deployment",
    ),
    ("{field: sku.name, matches", "{field: 'sku..name', matches", "'sku..name' is not a property path"),
    ("{field: sku.name, matches", "{field: 'zones[*]', matches", "matches needs a single value"),
    ("{field: properties.diskState, equals", "{fact: nothing.here, equals", "there is no fact 'nothing.here'"),
    ("less: {param: own_limit}", "less: {param: limit}", "the rule has no parameter 'limit'"),
    ("less: {param: own_limit}", "less: many", "less needs a number"),
    ("  strict: {}", "  strict:\n    params:\n      wanted: '['", "is not a regular expression (RE2)", 2),
    (
        "  current: {}\n  strict: {}",
        "  strict:\n    params: {other: 1}\n    assert: {field: a, matches: {param: least}}\n  current: {}",
        "the parameter 'least' does not fit",
        -4,
    ),
    (
        "  strict: {}",
        "  strict:\n    assert:\n      allOf:\n        - {field: a, equals: 1}\n        - {fact: x.y, equals: 1}",
        "there is no fact 'x.y'",
        4,
    ),
    ("  strict: {}", "  strict:\n    when: {fact: x.y, equals: 1}", "there is no fact 'x.y'", 1),
    ("  strict: {}", f"  strict:\n    grade:\n{_GRADES}", "there is no fact 'x.y'", 3),
    ("  strict: {}", "  strict: {title: Another}", "profiles.strict has the unknown key 'title'"),
    ("  strict: {}", "  strict:", "profiles.strict must be a map, not null"),
    ("severity: high", "severity: higher", "severity must be one of"),
    ("assert: {field", "assert: {feild", "assert has the unknown key 'feild'; did you mean 'field'?"),
    ("title: A", "title: *a", "uses the alias *a"),
)
def test_a_fault_is_named_with_its_file_and_line(change: Change) -> None:
    RULE.refuses(change)


@changes(
    ("format: auditor.pack/1", "format: auditor.pack/2", "format must be auditor.pack/1, not 'auditor.pack/2'"),
    ("title: Own rules\n", "", "the file lacks the key 'title'", -2),
    ("name: own", "name: Own Rules", "name must match"),
    ("  current: What", "  current: x\n  other: What", "profiles.current is too short: 'x'"),
    ("{section: Two, text", "{section: Two, txt", "statements.S2 has the unknown key 'txt'; did you mean 'text'?"),
    ("  S2:", "  s2:", "statements", -2),
    ("  S2:", "  S1:", "has the key 'S1' twice"),
    (
        "title: Own rules",
        "title: Own rules\nsource: {title: Some page, url: 'http://x', date: '2026'}",
        "source.url must match",
        1,
    ),
)
def test_a_fault_in_the_pack_file_is_named_with_its_line(change: Change) -> None:
    PACK.refuses(change)


def test_a_folder_that_is_no_pack_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path / "missing", tmp_path):
        with pytest.raises(InputError, match="No such file") as caught:
            packs.load(folder, FACTS)
        assert caught.value.file == str(folder / "pack.yaml")


def test_one_id_for_two_rules_is_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "own", {"a.yaml": _RULE, "b.yaml": f"# twice\n{_RULE}"})
    with pytest.raises(InputError, match=r"the rule OWN001 is already in a\.yaml") as caught:
        packs.load(folder, FACTS)
    assert (caught.value.file, caught.value.line) == (str(folder / "b.yaml"), 2)


def test_packs_add_rules_and_never_override(tmp_path: Path) -> None:
    first = load(tmp_path / "a")
    second = load(tmp_path / "b", _RULE.replace("  strict: {}\n", ""), _PACK.replace("name: own", "name: other"))
    with pytest.raises(InputError, match=r"the rule OWN001 is also in .*a.OWN001\.yaml") as caught:
        packs.select([first, second], "current")
    assert caught.value.file == str(tmp_path / "b" / "OWN001.yaml")
    third = load(tmp_path / "c", _RULE.replace("OWN001", "OWN002"))
    assert [found.rule.id for found in packs.select([first, third], "current")] == ["OWN001", "OWN002"]


@pytest.mark.slow
def test_an_unknown_profile_names_those_that_there_are(tmp_path: Path) -> None:
    built_in = packs.load(bundled.PACK, FACTS)
    with pytest.raises(InputError, match=r"there is no rule profile 'strct'; there are article-2018, current, strict$"):
        packs.select([built_in, load(tmp_path)], "strct")
    assert [found.rule.id for found in packs.select([built_in, load(tmp_path)], "strict")] == ["OWN001"]


def test_all_packs_but_the_bundled_one_are_validated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path, {"OWN001.yaml": _RULE + "extra: 1\n"})
    with pytest.raises(InputError, match="the file has the unknown key 'extra'"):
        packs.load(folder, FACTS)
    with pytest.raises(InputError, match="insensitive must be"):
        packs.load(write(tmp_path, {"OWN001.yaml": _RULE + "insensitive: 1\n"}), FACTS)
    write(tmp_path, {"OWN001.yaml": _RULE + "extra: 1\n"})
    monkeypatch.setattr(bundled, "VALIDATED", {"pack": folder, "rule": folder})
    assert one(packs.load(folder, FACTS)).rule.id == "OWN001"


# --- settings ---------------------------------------------------------------------------------------------------------


def check(loaded: packs.LoadedPack, *more: packs.LoadedPack, **settings: float) -> str:
    """Return the error of the settings of a deployment."""
    lines = dict.fromkeys(settings, 7)
    declared = DeclaredDeployment("d", settings=settings, setting_lines=lines, file="d.yaml")
    try:
        packs.check_settings([loaded, *more], [DeclaredDeployment("other"), declared])
    except InputError as error:
        assert (error.file, error.line) == ("d.yaml", 7)
        return error.message
    return ""


def test_a_setting_must_be_read_by_a_rule_and_lie_within_its_bounds(tmp_path: Path) -> None:
    loaded = load(tmp_path)
    for value in (1, 5.5, 9):
        assert check(loaded, own_limit=value) == ""
    for value in (0.99, 9.01, 10**300, -(10**300)):
        assert check(loaded, own_limit=value) == "the setting 'own_limit' must be between 1 and 9"
    assert check(loaded, own_limt=5) == (
        "no rule reads the setting 'own_limt'; there are "
        "dr_capacity_ratio, dr_decision_minutes, max_backup_age_hours, max_guest_age_days, own_limit, rto_dns_seconds, "
        "session_idle_minutes, takeover_seconds"
    )
    for name, setting in packs.DEFINED_SETTINGS.items():
        assert check(loaded, **{name: setting.default}) == ""
        assert "must be between" in check(loaded, **{name: setting.max + 1})


def test_a_setting_that_several_rules_read_must_suit_them_all(tmp_path: Path) -> None:
    def with_bounds(folder: str, rule: str, bounds: str, name: str = "own_limit") -> packs.LoadedPack:
        text = _RULE.replace("OWN001", rule).replace("own_limit", name).replace("default: 5, min: 1, max: 9", bounds)
        return load(tmp_path / folder, text)

    narrow, wide = (
        with_bounds("a", "OWN001", "default: 5, min: 4, max: 6"),
        with_bounds("b", "OWN002", "default: 5, min: 1, max: 9"),
    )
    for order in ((narrow, wide), (wide, narrow)):
        assert check(*order, own_limit=5) == ""
        assert check(*order, own_limit=7) == "the setting 'own_limit' must be between 4 and 6"
    generous = with_bounds("c", "OWN003", "default: 5, min: 0, max: 99999", "session_idle_minutes")
    assert (
        check(generous, session_idle_minutes=24 * 60 + 1)
        == "the setting 'session_idle_minutes' must be between 1 and 1440"
    )


# --- the pack that is shipped -----------------------------------------------------------------------------------------

_RULES = sorted(path for path in bundled.PACK.glob("*.y*ml") if path.name != packs.PACK_FILE)


def _value(path: Path) -> dict[str, Any]:
    found = yaml_documents.read(path).value
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("path", _RULES, ids=lambda path: path.stem)
def test_a_shipped_rule_is_sound(path: Path) -> None:
    """The bundled pack is not validated when it is loaded, because it is validated here."""
    rule = yaml_documents.read(path).validate("rule").value
    assert isinstance(rule, dict)
    assert rule["id"] == path.stem
    assert path.suffix == ".yaml"
    assert path.read_text(encoding="utf-8").startswith(
        "# yaml-language-server: $schema=../../auditor/schema/rule.schema.json\n"
    )
    assert rule["title"][0].isupper()
    assert not rule["title"].endswith(".")
    assert rule["why"][0].isupper()
    assert rule["why"].endswith(".")
    assert rule["profiles"].keys() & {"current", "article-2018"}
    of_our_own = rule["id"].startswith(("DEP", "FOR003"))  # about the deployment file
    assert "reference" in rule or of_our_own or list(rule["profiles"]) == ["current"], "the article does not require it"
    assert set(rule.get("params", {})) | set(rule.get("settings", {})) == _parameters(rule), (
        "every parameter is used, and given"
    )
    loaded = {key: value for key, value in rule.items() if key not in {"examples", "insensitive"}}
    assert yaml_documents.read_rule(path).value == loaded, "what only tests read comes last"
    outcomes = Counter(example["expect"] for example in rule["examples"])
    assert outcomes["pass"]
    assert outcomes["fail"]


def _parameters(node: object) -> set[str]:
    """Return the names of the parameters that conditions use."""
    if isinstance(node, list):
        return set().union(*map(_parameters, node))
    if not isinstance(node, dict):
        return set()
    return {node["param"]} if set(node) == {"param"} else set().union(*map(_parameters, node.values()))


def test_the_shipped_pack_is_sound() -> None:
    pack = yaml_documents.read(bundled.PACK / packs.PACK_FILE).validate("pack").value
    assert isinstance(pack, dict)
    rules = [_value(path) for path in _RULES]
    assert len(rules) >= 15
    assert [title for title, times in Counter(rule["title"].lower() for rule in rules).items() if times > 1] == []
    cited = {name for rule in rules for name in rule.get("reference", ())}
    unchecked = {name for name, statement in pack["statements"].items() if "unchecked" in statement}
    assert cited - set(pack["statements"]) == set(), "statements that do not exist"
    assert set(pack["statements"]) - cited - unchecked == set(), "statements without a rule and without a reason"
    for name, statement in pack["statements"].items():
        for key in ("text", "today", "unchecked"):
            assert statement.get(key, ".").endswith("."), f"{name}.{key} is a sentence"
    assert set(pack["profiles"]) == {"current", "article-2018"}


@pytest.mark.slow
def test_every_shipped_rule_is_in_a_profile() -> None:
    pack = packs.load(bundled.PACK, FACTS)
    found = {rule.rule.id for profile in ("current", "article-2018") for rule in packs.select([pack], profile)}
    assert sorted(found) == [path.stem for path in _RULES]
