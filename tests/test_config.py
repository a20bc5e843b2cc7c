"""The file of default options: what it sets, what it may not set, and that the report names it."""

from __future__ import annotations

import argparse
import contextlib
import json
from pathlib import Path

import pytest

from auditor import bundled, yaml_documents
from auditor.cli import config, exit_codes
from auditor.cli.main import main
from auditor.cli.parser import parser
from auditor.errors import InputError

FIXTURE = bundled.FIXTURES / "trakcare-current"
LIVE = ["scan", "--subscription", "web"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def written(*lines: str, to: Path = config.FILE) -> None:
    to.write_text("\n".join([f"format: {config.FORMAT}", *lines, ""]))


def parsed(*words: str) -> argparse.Namespace:
    return parser().parse_args(config.with_defaults(parser, words)[0])


def refused(*words: str) -> str:
    with pytest.raises(InputError) as caught:
        config.with_defaults(parser, words)
    return str(caught.value)


def test_each_option_of_the_file_is_one_of_the_command_line() -> None:
    written(
        "subscription: [web shop, db]",
        "deployment: d.yaml",
        "output: [terminal, json=r.json]",
        "fail-on: low",
        "timeout: 600",
        "as-of: 2026-11-01",
        "passes: true",
        "fail-on-new: false",
        "profile: article-2018",
    )
    asked = ["--subscription=web shop", "--subscription=db", "--deployment=d.yaml", "-oterminal", "-ojson=r.json"]
    asked += ["--fail-on=low", "--timeout=600", "--as-of=2026-11-01", "--passes", "--profile=article-2018"]
    by_hand = parser().parse_args(["scan", *asked])
    assert {**vars(parsed("scan")), "print_help": None} == {**vars(by_hand), "print_help": None}


@pytest.mark.parametrize("command", ["collect", "discover", "drift"])
def test_other_commands_take_the_options_that_they_have_and_no_output(command: str) -> None:
    written("subscription: db", "guest: files", "output: json=r.json", "fail-on: low", "baseline: approved")
    words = {"collect": ["-osnapshot=s"], "discover": [], "drift": ["then", "now"]}[command]
    options = parsed(command, *words)
    assert options.guest == Path("files")
    assert options.output == (["snapshot=s"] if command == "collect" else None)
    assert getattr(options, "subscription", ["db"]) == ["db"]
    assert getattr(options, "baseline", Path("then")) == Path("then")


def test_the_command_line_has_precedence_also_over_what_it_excludes() -> None:
    written("subscription: [db]", "fail-on: low", "output: [json=r.json]")
    given = parsed("scan", "--snapshot", "s", "--fail-on", "high", "-o", "markdown")
    assert (given.subscription, given.snapshot, given.fail_on, given.output) == (None, Path("s"), "high", ["markdown"])
    assert parsed(*LIVE).subscription == ["web"]


def test_paths_count_from_the_folder_of_the_file() -> None:
    Path("team").mkdir()
    written("waivers: w.yaml", "rules: [pack, /packs]", "output: [json=r.json, terminal]", to=Path("team/own.yaml"))
    options = parsed(*LIVE, "--config=team/own.yaml")
    assert (options.waivers, options.rules) == (Path("team/w.yaml"), [Path("team/pack"), Path("/packs")])
    assert options.output == ["json=team/r.json", "terminal"]


def test_no_file_is_searched_for_the_demo_or_where_none_is_wanted() -> None:
    written("cloud: AzureCloud")
    for words in (["scan", "--demo"], [*LIVE, "--no-config"], ["rules", "list"]):
        assert config.with_defaults(parser, words) == (words, None)


@pytest.mark.parametrize("words", [["scan", "--help"], ["-h"], []])
def test_help_is_printed_whatever_a_file_says(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    written("fail-onn: low")
    with pytest.raises(SystemExit) if words else contextlib.nullcontext():
        main(words)
    assert capsys.readouterr().out.startswith("usage: auditor")


@pytest.mark.parametrize(
    "key", ["arm-endpoint", "authority", "ca-bundle", "cloud", "tenant", "rules", "scheduler", "notify"]
)
def test_a_file_that_was_merely_found_sets_nothing_that_is_trusted_or_run(key: str) -> None:
    value = "AzureCloud" if key == "cloud" else "x"
    written("fail-on: low", f"{key}: {value}")
    for more in ([], [f"--{key}={value}"]):
        if not (more and key == "notify"):
            assert refused(*LIVE, *more).startswith("auditor.yaml:3: ")
    if key != "notify":
        assert getattr(parsed(*LIVE, "--config", "auditor.yaml"), key.replace("-", "_")) is not None


def test_a_file_that_was_merely_found_writes_only_into_its_folder(folder: Path) -> None:
    Path("way").symlink_to("/")
    for path in ("../r.json", "/r.json", "way/r.json", "sub/../../r.json"):
        written("output:", f"  - json={path}")
        assert refused(*LIVE).startswith(f"auditor.yaml:2: output: {path} is outside of this folder")
    written(f"output: [terminal, json={folder}/r.json]")
    assert parsed(*LIVE).output == ["terminal", f"json={folder}/r.json"]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["fail-onn: low"], ":2: the file has the unknown key 'fail-onn'; did you mean 'fail-on'?"),
        (["fail-on: hi"], ":2: fail-on must be one of critical, "),
        (["", "timeout: -1"], ":3: timeout: '-1' is not a number of seconds"),
        (["passes: 1"], ":2: passes must be true or false"),
        (["output: [json=a, 5]"], ":2: output[1] must be text, not 5"),
        (["subscription: db", "snapshot: s"], "snapshot exclude each other"),
        (["demo: true"], ":2: the file has the unknown key 'demo'"),
        (["config: other.yaml"], ":2: the file has the unknown key 'config'"),
    ],
)
def test_what_is_wrong_in_the_file_is_one_error_with_its_line(lines: list[str], expected: str) -> None:
    written(*lines)
    for words in (["scan"], ["scan", "--config", "auditor.yaml"]):
        assert refused(*words).startswith("auditor.yaml:")
        assert expected in refused(*words)


def test_a_file_that_is_named_or_is_a_broken_link_must_be_readable(capsys: pytest.CaptureFixture[str]) -> None:
    config.FILE.symlink_to("nowhere")
    for words in (LIVE, [*LIVE, "--config", "mine.yaml"]):
        assert main(words) == exit_codes.USAGE
        assert "yaml: cannot be read: No such file" in capsys.readouterr().err


@pytest.mark.slow
def test_the_report_names_the_file(capsys: pytest.CaptureFixture[str]) -> None:
    written(f"snapshot: {FIXTURE / bundled.INVENTORY}", "output: [terminal, json=r.json]")
    main(["scan", "--deployment", str(FIXTURE / bundled.DEPLOYMENT)])
    assert json.loads(Path("r.json").read_bytes())["config"] == "auditor.yaml"
    printed = capsys.readouterr()
    assert printed.err == "auditor: default options are those of auditor.yaml\n"


def test_the_schema_is_a_schema() -> None:
    checker = yaml_documents.validator(config.SCHEMA)
    assert isinstance(checker.schema, dict)
    checker.check_schema(checker.schema)
