"""YAML files: valid content with its lines, and the errors of invalid ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import bundled, yaml_documents
from auditor.errors import InputError
from auditor.yaml_documents import Document
from tests import cpu
from tests.faults import Change, Sound, changes


def parse(text: str | bytes) -> Document:
    return yaml_documents.parse(text if isinstance(text, bytes) else text.encode(), "f.yaml")


def fault(text: str | bytes, schema: str = "") -> tuple[int, str]:
    """Return the line and message of the error of a text."""
    with pytest.raises(InputError) as caught:
        parse(text).check(schema) if schema else parse(text)
    assert caught.value.file == "f.yaml"
    assert "\n" not in caught.value.message
    return caught.value.line, caught.value.message


def outcome(act: Callable[[], object]) -> InputError | None:
    """Return the error that is raised, if any."""
    try:
        act()
    except InputError as error:
        return error
    return None


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["on", "off", "yes", "no", "y", "n", "On", "NO", "tRUE", "2018-08-02", "12:30:45"])
def test_words_that_yaml_1_1_takes_for_something_else_are_words(word: str) -> None:
    assert parse(f"a: {word}").value == {"a": word}


@pytest.mark.parametrize(
    "number", ["0x1f", "0o17", "1_000", ".inf", "-.INF", ".nan", "1e999", ".", "+", "1e", "9" * 400]
)
def test_what_json_has_no_number_for_stays_text(number: str) -> None:
    assert parse(f"a: {number}").value == {"a": number}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'true'", "true"),
        ('"~"', "~"),
        ("'12'", "12"),
        ("|\n  1", "1"),
        ("0", 0),
        ("-12", -12),
        ("+12", 12),
        ("012", 12),
        ("9" * 300, int("9" * 300)),
        ("1.50", 1.5),
        ("-.5", -0.5),
        ("1.", 1.0),
        ("1e3", 1000.0),
        ("! 12", 12),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found: Any = parse(f"a: {text}").value
    assert found == {"a": value}
    assert type(found["a"]) is type(value)


def test_a_key_is_always_text() -> None:
    assert parse("1: a\ntrue: b\n~: c\n<<: {d: e}\n&x f: g").value == {
        "1": "a",
        "true": "b",
        "~": "c",
        "<<": {"d": "e"},
        "f": "g",
    }


@pytest.mark.parametrize(
    "data", [b"\xef\xbb\xbfa: 1\nb: 2\n", b"a: 1\r\nb: 2\r\n", b"a: 1\rb: 2", b"--- {a: 1,\n b: 2}\n..."]
)
def test_a_mark_of_the_encoding_and_every_line_end_are_taken(data: bytes) -> None:
    document = parse(data)
    assert document.value == {"a": 1, "b": 2}
    assert document.line(document.value, "b") == 2


# --- lines ------------------------------------------------------------------------------------------------------------

_SCALARS = st.none() | st.booleans() | st.integers() | st.sampled_from(["on", "a: b", "# c", "", "-", "x y"])
_VALUES = st.recursive(
    _SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc-12 ", min_size=1, max_size=3), inner, max_size=4)
    ),
    max_leaves=25,
)


def _lay_out(
    value: object, path: tuple[str | int, ...], noise: list[str]
) -> list[tuple[str, tuple[str | int, ...] | None]]:
    """Return the lines of a value in block style, each with the member that begins on it."""
    if not value or not isinstance(value, dict | list):
        return [(json.dumps(value), path)]
    lines: list[tuple[str, tuple[str | int, ...] | None]] = []
    for key, member in value.items() if isinstance(value, dict) else enumerate(value):
        inner = _lay_out(member, (*path, key), noise)
        if isinstance(key, int):
            lines += [(("- " if number == 0 else "  ") + text, at) for number, (text, at) in enumerate(inner)]
            lines[-len(inner)] = (lines[-len(inner)][0], (*path, key))
        elif member and isinstance(member, dict | list):
            lines += [(f"{json.dumps(key)}:", (*path, key)), *((f"  {text}", at) for text, at in inner)]
        else:
            lines.append((f"{json.dumps(key)}: {inner[0][0]}", (*path, key)))
        lines += [(noise.pop(), None)] if noise else []
    return lines


@given(value=_VALUES, noise=st.lists(st.sampled_from(["", "# a: 1", "   # - b"]), max_size=9))
def test_every_member_has_the_line_of_its_key(value: object, noise: list[str]) -> None:
    lines = _lay_out({"top": value}, (), noise)
    document = parse("\n".join(text for text, _ in lines))
    assert document.value == {"top": value}
    for number, (_, path) in enumerate(lines, start=1):
        if path is not None:
            assert document.line_at(path) == number


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029", "\x07"])
def test_a_control_character_may_be_written_as_it_is_shown(character: str) -> None:
    _, _, escape = fault(f'a: "{character}"')[1].rpartition(" ")
    assert parse(f'a: "{escape}"').value == {"a": character}


def test_a_path_that_leads_nowhere_ends_at_the_last_member_that_there_is() -> None:
    document = parse("a:\n  - b\n  -\n    c: 1\n")
    paths: list[list[str | int]] = [[], ["x"], ["a"], ["a", 0, "x"], ["a", 9], ["a", 1, "c", "d"]]
    assert [document.line_at(path) for path in paths] == [1, 1, 1, 2, 2, 4]


# --- faults -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 0, "is empty"),
        ("# only\n# words\n", 0, "is empty"),
        (b"\xef\xbb\xbf", 0, "is empty"),
        ("a: 1\n---\nb: 2", 2, "more than one YAML document"),
        ("a: 1\n...\nb: 2", 3, "not valid YAML"),
        ("a: &x 1\nb: *x", 2, "alias *x"),
        ("a: &x [*x]", 1, "alias *x"),
        ("a: 1\n*x : 2", 2, "a key that is not a scalar"),
        ("a: 1\n<<: *x", 2, "alias *x"),
        ("a:\n  !!python/object:os.system x", 2, "tag"),
        ("a: !!str 1", 1, "tag"),
        ("a: 1\n!!str b: 2", 2, "tag"),
        ("a: !local [1]", 1, "tag"),
        ("a:\n  b: 1\n  c: 2\n  b: 3", 4, "the key 'b' twice"),
        ("a: 1\n'a': 2", 2, "the key 'a' twice"),
        ("{a: 1,\n a: 2}", 2, "the key 'a' twice"),
        ("a: 1\n? [b]\n: 2", 2, "a key that is not a scalar"),
        ("a: 1\n{b: c}: 2", 2, "a key that is not a scalar"),
        ("a:\n\t- 1", 2, "not valid YAML"),
        ("a: [1,\n  2\n", 3, "not valid YAML"),
        ("a: 'b\n", 2, "not valid YAML"),
        ("a: b: c", 1, "not valid YAML"),
        ("a: @b", 1, "not valid YAML"),
        (b"a: 1\nb: \xff", 2, "not UTF-8"),
        ("a: é\n".encode("latin-1"), 1, "not UTF-8"),
        ("a: 1".encode("utf-16"), 1, "not UTF-8"),
        (b"\xef\xbb\xbf# \xc3\xa9\r\nb:\r\xff", 3, "not UTF-8"),
        (b"a: 1\nb: \x00", 2, "control character U+0000"),
        (b"\x89PNG\r\n\x1a\n", 1, "not UTF-8"),
        ("é" * 40 + ": 1\r\nb:\r\x07\n\n\n\n\n", 3, r"in double quotes it may be written \u0007"),
        # For the parser these characters end the comment, so that the text after them would count, unlike in an editor.
        *(("a: 1\n# b" + character + "c: 2", 2, "control character") for character in "\x85\u2028\u2029"),
        ('a: "\\ud800"', 1, "not valid YAML"),
        ("%YAML 3.0\n---\na", 1, "not valid YAML"),
        ("\n" + "[" * 42 + "]" * 42, 2, "levels deep"),
        ("[" * 100_000, 1, "levels deep"),
        ("- " * 100_000, 1, "levels deep"),
        ("a: " + "{a: " * 100_000, 1, "levels deep"),
    ],
)
def test_a_fault_is_one_error_with_its_line(text: str | bytes, line: int, message: str) -> None:
    found = fault(text)
    assert found[0] == line
    assert message in found[1]


def test_depth_and_size_are_bounded() -> None:
    parse("[" * 41 + "]" * 41)
    parse(b"#" * (yaml_documents.MAX_BYTES - 2) + b"\na")
    assert "larger than 32 MiB" in fault(b"#" * yaml_documents.MAX_BYTES + b"\na")[1]


@pytest.mark.slow
def test_a_number_of_four_million_digits_costs_no_time() -> None:
    for text in ("9" * 4_000_000, "0." + "1" * 4_000_000, "1e" + "0" * 4_000_000):
        with cpu.limit():
            assert parse(f"a: {text}").value


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "missing.yaml", "No such file"), (tmp_path, "Is a directory")):
        with pytest.raises(InputError, match=reason) as caught:
            yaml_documents.read(path)
        assert caught.value.file == str(path)


_YAMLISH = st.lists(
    st.sampled_from(
        [*"ab1-:?,[]{}&*!|>'\"%@`#~ \n\t\\\x00é\x85", "\n  ", ": ", "- ", "---\n", "...\n", "<<: ", "!!str "]
    ),
    max_size=40,
).map("".join)


@given(text=_YAMLISH | st.binary(max_size=60))
def test_nothing_but_an_input_error_is_ever_raised(text: str | bytes) -> None:
    for schema in ("deployment", "rule", "pack", "waivers", "attestations"):
        error = outcome(lambda schema=schema: parse(text).check(schema))  # type: ignore[misc]
        assert error is not None, "no such text is valid"
        assert error.file == "f.yaml"
        assert 0 <= error.line <= len(text) + 1
        assert "\n" not in error.message


_WORDS = [
    "format",
    "deployments",
    "name",
    "for",
    "assert",
    "when",
    "allOf",
    "not",
    "each",
    "field",
    "fact",
    "count",
    "in",
    "equals",
    "where",
    "empty",
    "param",
    "times",
    "by",
    "tag",
    "members",
    "none",
    "auditor.deployment/1",
    "profiles",
    "params",
    "matches",
]
_WORDY = st.recursive(
    _SCALARS | st.sampled_from(_WORDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_WORDS) | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(value=_WORDY, at=st.sampled_from(["assert", "when", "params", "profiles", "for", "examples", "grade"]))
def test_any_content_of_a_rule_is_explained_in_one_line(value: object, at: str) -> None:
    rule = {**_rule(), at: value}
    error = outcome(lambda: Document(rule, "f.yaml", {}).check("rule"))
    assert error is None or ("\n" not in error.message and len(error.message) < 700)


# --- schemas ----------------------------------------------------------------------------------------------------------

_RULE = (bundled.PACK / "MIR003.yaml").read_text(encoding="utf-8")
_LEAF = "{field: properties.protocol, in: [Http, Https]}"


def _rule() -> dict[str, Any]:
    value: Any = parse(_RULE).value
    return dict(value)


def check_rule(text: str) -> Document:
    return parse(text).check("rule")


RULE = Sound(_RULE, "f.yaml", check_rule)


@pytest.mark.parametrize(
    ("leaf", "message"),
    [
        ("{feild: a, equals: 1}", "has the unknown key 'feild'; did you mean 'field'?"),
        ("{field: a, equal: 1}", "has the unknown key 'equal'; did you mean 'equals'?"),
        ("{field: a, EQUALS: 1}", "did you mean 'equals'?"),
        ("{allof: [{field: a, equals: 1}]}", "did you mean 'allOf'?"),
        ("{noneOf: []}", "has the unknown key 'noneOf'"),
        ("{field: a, zzz: 1}", "has the unknown key 'zzz'; allowed are field, fact, count"),
        ("{field: a}", "needs one of equals, notEquals, in,"),
        ("{equals: 1}", "needs one of allOf, anyOf, not, each, some, field"),
        ("{}", "needs one of allOf"),
        ("{field: a, equals: 1, in: [1]}", "has both 'equals' and 'in'"),
        ("{field: a, fact: b, equals: 1}", "has both 'field' and 'fact'"),
        (
            "{each: {fact: a}, some: {fact: b}, empty: fail, assert: {field: a, equals: 1}}",
            "has both 'each' and 'some'",
        ),
        ("{each: {fact: a}, assert: {field: a, equals: 1}}", "lacks the key 'empty'"),
        ("{each: {fact: a}, empty: maybe, assert: {field: a, equals: 1}}", "empty must be pass or fail, not 'maybe'"),
        ("{each: a, empty: fail, assert: {field: a, equals: 1}}", "each must be a map, not 'a'"),
        ("{each: {fact: a}, empty: fail, assert: {field: a, eq: 1}}", "assert has the unknown key 'eq'"),
        ("{not: [{field: a, equals: 1}]}", "not must be a map, not a list"),
        ("{allOf: {field: a, equals: 1}}", "allOf must be a list, not a map"),
        ("{allOf: []}", "allOf must not be empty"),
        (
            "{allOf: [{field: a, equals: 1}, {anyOf: [{field: a, les: 1}]}]}",
            "allOf[1].anyOf[0] has the unknown key 'les'; did you mean 'less'?",
        ),
        ("word", "must be a map, not 'word'"),
        ("[word]", "must be a map, not a list"),
        ("", "must be a map, not null"),
        ("{field: 1, equals: 1}", "field must be text, not 1; put it in quotes"),
        ("{field: a, equals: {parm: x}}", "equals has the unknown key 'parm'; did you mean 'param'?"),
        ("{field: a, equals: {}}", "equals needs one of param, fact"),
        ("{field: a, equals: {param: x, fact: y}}", "equals has both 'param' and 'fact'"),
        ("{field: a, less: {param: x, times: 2}}", "less has 'times', which needs 'fact' beside it"),
        ("{field: a, less: {fact: x, times: -1}}", "-1 is less than the minimum of 0"),
        ("{field: a, equals: [x]}", "equals must be text or a number or true or false or a map, not a list"),
        ("{field: a, equals: ~}", "equals must be text or a number or true or false or a map, not null"),
        ("{field: a, in: x}", "in must be a list or a map, not 'x'"),
        ("{field: a, in: [{b: 1}]}", "in[0] must be text or a number or true or false, not a map"),
        ("{field: a, matches: {fact: b}}", "matches has the unknown key 'fact'"),
        ("{field: a, exists: 'yes'}", "exists must be true or false, not 'yes'"),
        ("{field: a, equals: 1, where: {field: b, equals: 1}}", "needs one of count, distinct"),
        ("{count: {fact: a}, default: 1, equals: 1}", "needs one of field, fact"),
        ("{count: {fact: a}, by: {field: b}, equals: 1}", "has 'by', which needs 'distinct' beside it"),
    ],
)
def test_an_error_in_a_condition_is_reported_with_its_line(leaf: str, message: str) -> None:
    RULE.refuses(Change(_LEAF, leaf, message))
    assert RULE.error(_LEAF, leaf)[0].startswith("assert.assert.assert.allOf[0]")


@changes(
    ("title: The", "titel: The", "the file has the unknown key 'titel'; did you mean 'title'?"),
    ("id: MIR003", "id: mir3", "id must match ^[A-Z]{2,8}[0-9]{3}$, which 'mir3' does not"),
    (
        "severity: critical",
        "severity: urgent",
        "severity must be one of critical, high, medium, low, info, not 'urgent'",
    ),
    ("severity: critical\n", "", "the file lacks the key 'severity'", -3),
    ("reference: [S45, S47]\n", "", "the file needs one of reference, sources", -4),
    ("[S45, S47]", "[S45, S45]", "reference has an entry twice"),
    (
        "[{kind: mirror}]",
        "[{kind: miror}]",
        "for[0].kind must be one of mirror, tier, deployment, subscription, not 'miror'; did you mean 'mirror'?",
    ),
    ("[{kind: mirror}]", "[{kind: mirror, type: a.b/c}]", "for[0] has both 'type' and 'kind'"),
    ("[{kind: mirror}]", "[]", "for must not be empty"),
    (
        "{current: {}",
        "{current: {parms: {a: 1}}",
        "profiles.current has the unknown key 'parms'; did you mean 'params'?",
    ),
    ("{current: {}", "{current: {when: {fact: a, eqals: 1}}", "profiles.current.when has the unknown key 'eqals'"),
    (
        "on: trakcare-current, expect: pass",
        "on: trakcare-current, expect: fial",
        "examples[0].expect must be one of pass, fail, unknown, not_applicable, not 'fial'; did you mean 'fail'?",
    ),
    ("on: trakcare-current, expect: pass", "on: trakcare-current, expect: fail", "examples[0] lacks the key 'because'"),
    ("fix: |-", "fix: ''\nxfix: |-", "the file has the unknown key 'xfix'; did you mean 'fix'?", 1),
)
def test_a_fault_in_a_rule_is_named_with_its_line(change: Change) -> None:
    RULE.refuses(change)


@pytest.mark.parametrize(("text", "found"), [("~", "null"), ("[]", "a list"), ("word", "'word'"), ("7", "7")])
def test_a_file_that_is_no_map_says_so(text: str, found: str) -> None:
    assert f"the file must be a map, not {found}" in fault(text, "deployment")[1]


def test_what_a_fault_quotes_is_bounded() -> None:
    for text in ("a" * 100_000 + ": 1", f"format: {'b' * 100_000}", f"{{format: {{ {'a: 1, ' * 3} b: {'c' * 9999}}}}}"):
        assert len(fault(text, "deployment")[1]) < 400


@pytest.mark.parametrize("schema", ["deployment", "rule", "pack", "waivers", "attestations"])
def test_the_schemas_are_schemas_whose_choices_are_all_of_keys(schema: str) -> None:
    """A choice between sub-schemas, which cannot be explained in one sentence, is not used."""
    checker = yaml_documents.validator(schema)
    whole: Any = checker.schema
    checker.check_schema(whole)

    def walk(node: Any, at: str = "") -> None:
        for key, member in (
            node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        ):
            if key in {"oneOf", "anyOf"} and at not in {"properties", "if"}:
                assert all([*branch] == ["required"] and len(branch["required"]) == 1 for branch in member)
            walk(member, str(key))

    walk(whole)


def test_bundled_files_are_validated_here_and_not_by_check() -> None:
    """`tests/rules/test_packs.py` validates the other ones: those of the built-in pack."""
    demo = bundled.DEMO / bundled.DEPLOYMENT
    yaml_documents.read(demo).validate("deployment")
    wrong = Document({}, str(demo), {})
    assert wrong.check("deployment") is wrong
    yaml_documents.read(bundled.DEMO / bundled.GUEST / "manifest.yaml").validate("guest")
    with pytest.raises(InputError):
        wrong.check("waivers")  # the file is not valid for its schema
    with pytest.raises(InputError, match="the file lacks the key 'format'"):
        Document({}, "deployment.yaml", {}).check("deployment")
