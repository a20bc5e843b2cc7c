"""The command line as users start it: outputs, exit codes, one clear error."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from auditor import bundled, files, yaml_documents
from auditor.cli import commands, exit_codes
from auditor.cli.command_arguments import FAIL_ON
from auditor.cli.main import main
from auditor.cli.parser import parser
from auditor.evaluation import exemptions
from auditor.rules.model import SEVERITIES
from tests import estates

DEPLOYMENT = bundled.FIXTURES / "trakcare-current" / bundled.DEPLOYMENT
INVENTORY = bundled.FIXTURES / "trakcare-current" / bundled.INVENTORY
SOUND = bundled.DEMO / bundled.DEPLOYMENT
"""A file that is never validated with the schema of deployment files."""
EXAMPLE = "00000000-0000-0000-0000-000000000001"
GOOD = ["scan", "--snapshot", str(INVENTORY), "--deployment", str(DEPLOYMENT)]


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the program as a user does, in a separate process."""
    return subprocess.run(
        [sys.executable, "-m", "auditor", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), **environment},
        timeout=300,
    )


def changed(tmp_path: Path, old: str, new: str) -> Path:
    """Return a copy of the known-good ARM JSON file with a replaced text."""
    text = INVENTORY.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "inventory.json"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.slow
def test_demo_shows_every_outcome_but_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "--demo", "-o", "json", "--passes"]) == exit_codes.FINDINGS
    report = json.loads(capsys.readouterr().out)
    assert {finding["outcome"] for finding in report["findings"]} == {"pass", "fail", "unknown", "not_applicable"}
    assert report["coverage"]["complete"] is False


@pytest.mark.slow
def test_the_demo_has_files_from_inside_its_vms_unless_others_are_given(tmp_path: Path) -> None:
    by_its_own, by_others = tmp_path / "own.json", tmp_path / "others.json"
    main(["scan", "--demo", "-o", f"json={by_its_own}"])
    main(["scan", "--demo", "--guest", str(DEPLOYMENT.parent / bundled.GUEST), "-o", f"json={by_others}"])
    own, others = (
        {(f["rule"], f["subject"]["name"]) for f in json.loads(path.read_text())["findings"] if f["outcome"] == "fail"}
        for path in (by_its_own, by_others)
    )
    assert own - others == {("MIR014", "TRAKDB")}
    assert others < own
    assert ("CMP007", "vm-db-b") in own, "the VM is too small for its CPF"


@pytest.mark.slow
def test_passes_come_with_their_evidence(capsys: pytest.CaptureFixture[str]) -> None:
    main(["scan", "--demo", "-o", "json", "--passes"])
    findings = json.loads(capsys.readouterr().out)["findings"]
    passes = [finding for finding in findings if finding["outcome"] == "pass"]
    assert len([finding for finding in passes if finding["evidence"]]) > len(passes) / 2


@pytest.mark.slow
def test_sarif_says_what_passes_observed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["scan", "--demo", "-o", "sarif"])
    results = json.loads(capsys.readouterr().out)["runs"][0]["results"]
    passes = [result["message"]["text"] for result in results if result["kind"] == "pass"]
    assert len([text for text in passes if " expected " in text]) > len(passes) / 2


@pytest.mark.slow
def test_the_demo_has_no_findings_outside_its_deployment(capsys: pytest.CaptureFixture[str]) -> None:
    main(["scan", "--demo", "-o", "json", "--passes"])
    report = json.loads(capsys.readouterr().out)
    assert not [f for f in report["findings"] if "rg-other-teams" in f["subject"]["id"].lower()]


@pytest.mark.slow
def test_a_known_good_deployment_is_complete_and_exits_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(GOOD) == exit_codes.OK
    assert "complete" in capsys.readouterr().out.splitlines()[-1]


@pytest.mark.slow
def test_a_gap_gives_exit_code_3_unless_ignored(tmp_path: Path) -> None:
    path = changed(tmp_path, '"Microsoft.Network/loadBalancers"', '"Microsoft.Network/bastionHosts"')
    arguments = ["scan", "--snapshot", str(path), "--deployment", str(DEPLOYMENT), "-o", f"json={tmp_path / 'r.json'}"]
    assert main(arguments) == exit_codes.INCOMPLETE
    assert main([*arguments, "--allow-incomplete"]) == exit_codes.OK


@pytest.mark.slow
def test_missing_files_that_the_deployment_requires_give_exit_code_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deployment.yaml"
    path.write_text(DEPLOYMENT.read_text().replace("guest: optional", "guest: required"))
    arguments = ["scan", "--snapshot", str(INVENTORY), "--deployment", str(path)]
    assert main([*arguments, "--details"]) == exit_codes.INCOMPLETE
    assert "trakcare-prod requires files from inside its VMs" in " ".join(capsys.readouterr().out.split())
    assert main([*arguments, "--allow-incomplete", "-o", "json"]) == exit_codes.OK
    assert json.loads(capsys.readouterr().out)["coverage"]["complete"] is False


@pytest.mark.slow
def test_a_name_that_nothing_has_is_reported_with_what_was_meant(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "deployment.yaml"
    path.write_text(DEPLOYMENT.read_text().replace("primary: westeurope", "primary: westeurop"))
    assert main(["scan", "--snapshot", str(INVENTORY), "--deployment", str(path), "--details"]) == exit_codes.FINDINGS
    shown = " ".join(capsys.readouterr().out.split())
    assert "regions.primary observed westeurop expected in [westeurope, northeurope]" in shown


@pytest.mark.slow
def test_a_subscription_without_deployment_says_how_to_declare_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = bundled.FIXTURES / "trakcare-current" / bundled.INVENTORY
    body = json.loads(path.read_text(encoding="utf-8"))
    for item in body["value"]:
        item.pop("tags", None)
    untagged = tmp_path / "untagged.json"
    untagged.write_text(json.dumps(body), encoding="utf-8")
    assert main(["scan", "--snapshot", str(untagged)]) == exit_codes.INCOMPLETE
    out = " ".join(capsys.readouterr().out.split())
    assert "no InterSystems deployment is recognised here" in out
    assert "iris-deployment" in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fail_on", "code"),
    [("critical", 1), ("high", 1), ("medium", 1), ("low", 1), ("info", 1), ("none", 3)],
)
def test_fail_on_decides_from_where_a_finding_counts(fail_on: str, code: int, tmp_path: Path) -> None:
    assert main(["scan", "--demo", "--fail-on", fail_on, "-o", f"json={tmp_path / 'r.json'}"]) == code


@pytest.mark.slow
@pytest.mark.parametrize(("fail_on", "code"), [("high", 0), ("medium", 0), ("low", 1)])
def test_fail_on_leaves_lesser_findings_out(fail_on: str, code: int, tmp_path: Path) -> None:
    path = changed(tmp_path, '"loadDistribution":"SourceIP"', '"loadDistribution":"SourceIPProtocol"')
    arguments = ["scan", "--snapshot", str(path), "--deployment", str(DEPLOYMENT), "--fail-on", fail_on]
    assert main([*arguments, "-o", f"json={tmp_path / 'r.json'}"]) == code


def test_fail_on_names_every_severity() -> None:
    assert [*SEVERITIES, "none"] == list(FAIL_ON)


WAIVER = """\
format: auditor.waivers/1
waivers:
  - {what}
    scope: "*"
    category: Waiver
    reason: It is replaced in spring.
    approvedBy: the head of operations
    grantedOn: 2026-10-01
    expiresOn: 2027-03-31
"""


def waived(tmp_path: Path, what: str) -> list[str]:
    path = tmp_path / "waivers.yaml"
    path.write_text(WAIVER.format(what=what))
    return ["--waivers", str(path)]


@pytest.mark.slow
def test_a_waived_finding_does_not_count_until_the_waiver_expires(tmp_path: Path) -> None:
    path = changed(tmp_path, '"loadDistribution":"SourceIP"', '"loadDistribution":"SourceIPProtocol"')
    arguments = ["scan", "--snapshot", str(path), "--deployment", str(DEPLOYMENT), "--fail-on", "low"]
    report = tmp_path / "r.json"
    arguments += ["-o", f"json={report}"]
    assert main(arguments) == exit_codes.FINDINGS
    arguments += waived(tmp_path, "rule: LB003")
    assert main(arguments) == exit_codes.OK
    findings = [f for f in json.loads(report.read_text())["findings"] if not f.get("optional")]
    assert [(f["rule"], f["outcome"], f["waiver"]["line"]) for f in findings] == [("LB003", "fail", 3)] * 2
    assert main([*arguments, "--as-of", "2027-04-01"]) == exit_codes.FINDINGS
    assert [w["line"] for w in json.loads(report.read_text())["waivers"]["expired"]] == [3]


@pytest.mark.slow
def test_a_waived_gap_leaves_the_answer_complete(tmp_path: Path) -> None:
    path = changed(tmp_path, '"Microsoft.Network/loadBalancers"', '"Microsoft.Network/bastionHosts"')
    arguments = ["scan", "--snapshot", str(path), "--deployment", str(DEPLOYMENT), "-o", f"json={tmp_path / 'r.json'}"]
    assert main([*arguments, *waived(tmp_path, "gap: Microsoft.Compute/disks")]) == exit_codes.INCOMPLETE
    assert main([*arguments, *waived(tmp_path, "gap: Microsoft.Network/loadBalancers")]) == exit_codes.OK
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["coverage"]["complete"] is True
    assert report["summary"]["waived"]["unknown"] > 0


@pytest.mark.slow
def test_an_attested_unknown_passes_and_a_fail_does_not(tmp_path: Path) -> None:
    attestations, report = tmp_path / "attestations.yaml", tmp_path / "r.json"
    attestations.write_text("""\
format: auditor.attestations/1
attestations:
  - {rule: DR006, scope: "*", attestedBy: me, attestedOn: 2026-10-01, validUntil: 2027-10-01, statement: I saw it.}
  - {rule: MIR003, scope: "*", attestedBy: me, attestedOn: 2026-10-01, validUntil: 2027-10-01, statement: I saw it.}
""")
    main(["scan", "--demo", "--attestations", str(attestations), "-o", f"json={report}"])
    loaded = json.loads(report.read_text())
    outcomes = {f["rule"]: f["outcome"] for f in loaded["findings"] if f["rule"] in {"DR006", "MIR003"}}
    assert outcomes == {"DR006": "pass", "MIR003": "fail"}
    assert [a["rule"] for a in loaded["attestations"]["unused"]] == ["MIR003"]


@pytest.mark.slow
def test_a_partial_run_keeps_what_the_last_one_had_open(tmp_path: Path) -> None:
    full, partial, alerts = (tmp_path / name for name in ("full.json", "partial.json", "alerts.sarif"))
    path = changed(tmp_path, '"loadDistribution":"SourceIP"', '"loadDistribution":"SourceIPProtocol"')
    arguments = ["scan", "--snapshot", str(path), "--deployment", str(DEPLOYMENT)]
    main([*arguments, "-o", f"json={full}"])
    body = estates.body_of("trakcare-current")
    body["listed"] = {}
    body["value"] = [item for item in body["value"] if "/loadBalancers/" not in item.get("id", "")]
    path.write_text(json.dumps(body))
    again = [*arguments, "--previous", str(full), "-o", f"json={partial}", "-o", f"sarif-github={alerts}"]
    assert main(again) == exit_codes.INCOMPLETE
    carried = {old["finding"]["key"] for old in json.loads(partial.read_text())["carried"]}
    fails = [finding for finding in json.loads(full.read_text())["findings"] if finding["outcome"] == "fail"]
    assert carried == {finding["key"] for finding in fails} != set()
    results = json.loads(alerts.read_text())["runs"][0]["results"]
    assert carried <= {result["partialFingerprints"]["auditorFinding/v1"] for result in results}


def test_a_waiver_names_its_rule_in_any_case() -> None:
    document = yaml_documents.parse(WAIVER.format(what="rule: lb003").encode(), "waivers.yaml")
    assert exemptions.load(document, ["LB003"])[0].rule == "LB003"


@pytest.mark.slow
def test_a_waiver_of_a_rule_that_no_pack_has_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = waived(tmp_path, "rule: MIR999")
    assert main([*GOOD, *arguments]) == exit_codes.USAGE
    assert f"{arguments[1]}:3: there is no rule 'MIR999'" in capsys.readouterr().err


@pytest.mark.slow
def test_several_outputs_in_one_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = {name: tmp_path / f"report.{name}" for name in ("json", "sarif", "sarif-github", "markdown", "terminal")}
    outputs = [argument for name, path in files.items() for argument in ("-o", f"{name}={path}")]
    assert main(["scan", "--demo", "-o", "terminal", *outputs]) == exit_codes.FINDINGS
    assert "MIR003" in capsys.readouterr().out
    assert json.loads(files["json"].read_text())["format"] == "auditor.report/1"
    assert json.loads(files["sarif"].read_text())["version"] == "2.1.0"
    assert json.loads(files["sarif-github"].read_text())["runs"][0]["results"]
    assert "MIR003" in files["terminal"].read_text()
    assert files["markdown"].read_text().startswith("## ")
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.values()} == {0o600}


@pytest.mark.slow
def test_a_kept_report_is_rendered_as_the_scan_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept, first, second = (tmp_path / name for name in ("kept.json", "first", "second"))
    in_full = ["--details", "-o"]
    assert main(["scan", "--demo", *in_full, f"terminal={first}", "-o", f"json={kept}"]) == exit_codes.FINDINGS
    assert main(["report", str(kept), *in_full, f"terminal={second}", "-o", "json"]) == exit_codes.OK
    assert second.read_text() == first.read_text()
    assert capsys.readouterr().out == kept.read_text()
    assert main(["report", str(kept), "--passes"]) == exit_codes.OK
    assert "pass  MIR001  TRAKDB" in capsys.readouterr().out
    assert main(["report", str(kept), "-o", f"json={kept}"]) == exit_codes.USAGE
    assert "is an input of this run" in capsys.readouterr().err


@pytest.mark.slow
def test_the_demo_fits_on_a_screen_and_is_as_the_readme_shows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["scan", "--demo"]) == exit_codes.FINDINGS
    out = capsys.readouterr().out
    assert len(out.splitlines()) <= 40
    readme = (bundled.FIXTURES.parent / "README.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"```text\n(CRITICAL .*?)```", readme, re.DOTALL)
    assert shown in out


@pytest.mark.slow
def test_a_rule_is_explained_from_a_source_and_from_a_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.json"
    chosen = ["--rule", "mir003", "--deployment-name", "iris-test"]
    assert main(["scan", "--demo", "-o", f"json={kept}", "-o", "terminal", *chosen]) == exit_codes.FINDINGS
    assert "Only 0 of " in capsys.readouterr().out
    assert main(["explain", "mir003", "trakdb", "--demo"]) == exit_codes.OK
    from_source = capsys.readouterr().out
    assert main(["explain", "MIR003", "TRAKDB", "--report", str(kept)]) == exit_codes.OK
    assert capsys.readouterr().out == from_source
    assert "FAIL     TRAKDB (mirror, westeurope)" in from_source
    assert "S47 (Database Mirroring): " in from_source
    assert main(["report", str(kept), "--rule", "XXX"]) == exit_codes.USAGE


@pytest.mark.slow
@pytest.mark.parametrize("name", ["kept.jsonl", "kept.jsonl.gz"])
def test_a_snapshot_has_the_findings_of_its_source(name: str, tmp_path: Path) -> None:
    kept, first, second = tmp_path / name, tmp_path / "first.json", tmp_path / "second.json"
    assert main(["scan", "--demo", "--passes", "-o", f"snapshot={kept}", "-o", f"json={first}"]) == exit_codes.FINDINGS
    assert main(["scan", "--snapshot", str(kept), "--passes", "-o", f"json={second}"]) == exit_codes.FINDINGS
    one, other = (json.loads(path.read_text()) for path in (first, second))
    assert (one.pop("declaration"), other.pop("declaration")) == ({"file": files.relative(SOUND)}, {"file": None})
    assert one == other
    assert (kept.read_bytes()[:2] == b"\x1f\x8b") is name.endswith(".gz")


@pytest.mark.slow
def test_raw_bodies_may_be_compressed(tmp_path: Path) -> None:
    path = tmp_path / "inventory.json.gz"
    path.write_bytes(gzip.compress(INVENTORY.read_bytes()))
    assert main(["scan", "--snapshot", str(path), "--deployment", str(DEPLOYMENT)]) == exit_codes.OK


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([*GOOD, "-o", "xml"], "there is no output format 'xml'"),
        ([*GOOD, "-o", "snapshot"], "snapshot needs a file"),
        ([*GOOD, "-o", "json", "-o", "terminal"], "two outputs go to standard output"),
        ([*GOOD, "-o", "json=/nowhere/at/all.json"], "/nowhere/at/all.json: cannot be written"),
        (
            [*GOOD, "--profile", "article-2016"],
            "there is no rule profile 'article-2016'; there are article-2018, current",
        ),
        ([*GOOD, "--rules", "/nowhere"], "/nowhere/pack.yaml: cannot be read"),
        ([*GOOD, "--previous", "/nowhere.json"], "/nowhere.json: cannot be read"),
        ([*GOOD, "--previous", str(DEPLOYMENT)], f"{DEPLOYMENT}: is not a report as scan -o json writes it"),
        ([*GOOD, "--waivers", "/nowhere.yaml"], "/nowhere.yaml: cannot be read"),
        ([*GOOD, "--attestations", str(DEPLOYMENT)], f"{DEPLOYMENT}:2: the file has the unknown key 'deployments'"),
        ([*GOOD, "--waivers", str(SOUND)], f"{SOUND}:2: the file has the unknown key 'deployments'"),
        (["scan", "--snapshot", "/nowhere.json"], "/nowhere.json: cannot be read: No such file"),
        (["scan", "--snapshot", str(INVENTORY), "--deployment", "/nowhere.yaml"], "/nowhere.yaml: cannot be read"),
        (["scan", "--snapshot", str(DEPLOYMENT)], f"{DEPLOYMENT}:1: is neither a snapshot nor a JSON list"),
        (["scan", "--snapshot", str(INVENTORY.parent)], "manifest.json: is missing"),
        (["scan", "--demo", "--scheduler", "tcp://10.0.0.4:8786"], "'tcp://10.0.0.4:8786' is not tls://HOST:PORT"),
        (["scan", "--demo", "--workers", "2", "-o", "snapshot=x"], "--previous and -o snapshot need the whole"),
        (["report", "/nowhere.json"], "/nowhere.json: cannot be read"),
        (["report", str(INVENTORY)], f"{INVENTORY}: is not a report as scan -o json writes it"),
        (["report", str(INVENTORY), "-o", "snapshot=x"], "there is no output format 'snapshot'"),
        (["rules", "show", "XXX999"], "there is no rule 'XXX999'"),
        ([*GOOD, "--rule", "MIR0003"], "there is no rule 'MIR0003'; did you mean 'MIR003'?"),
        (["explain", "XXX999", "--demo"], "there is no rule 'XXX999'; auditor rules list names them"),
        (["rules", "new", "l1"], "'l1' is not a group of rules"),
        (
            ["approve", str(INVENTORY), "--by", "me", "--reason", "x", "-o", "json=x"],
            "there is no output format 'json'",
        ),
        (["approve", str(INVENTORY), "--by", "me", "--reason", "x", "-o", "snapshot"], "snapshot needs a file"),
        (["discover", "--demo", "-o", "yaml=x"], "there is no output format 'yaml'; there is deployment"),
        (
            ["rules", "test", "/nowhere/RULE.yaml"],
            "/nowhere/RULE.yaml: cannot be read: there is no such file or folder",
        ),
    ],
)
def test_bad_input_is_one_line(arguments: list[str], expected: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments) == exit_codes.USAGE
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("auditor: error: ")
    assert captured.err.count("\n") == 1
    assert expected in captured.err


@pytest.mark.parametrize(
    ("arguments", "error", "command"),
    [
        (["scan"], "one of the arguments --subscription", "auditor scan"),
        (["scan", "--demo", "--snapshot", "x"], "not allowed with argument", "auditor scan"),
        (["scan", "--demo", "--fail-on", "bad"], "invalid choice: 'bad'", "auditor scan"),
        (["scan", "--demo", "--as-of", "tomorrow"], "'tomorrow' is not a date", "auditor scan"),
        (["scan", "--demo", "--pases"], "unknown argument '--pases'; did you mean '--passes'?", "auditor scan"),
        (["scan", "--demo", "--dep", "x"], "unknown argument '--dep'", "auditor scan"),
        (["scan", "--snapshott=x"], "unknown argument '--snapshott'; did you mean '--snapshot'?", "auditor scan"),
        (["rules", "show", "MIR003", "MIR004"], "unknown argument 'MIR004'", "auditor rules show"),
        (["rules", "show", "--", "--one", "--two"], "unknown argument '--two'", "auditor rules show"),
        (["scan", "--demo", "--\x1b[31m"], "unknown argument '--\\x1b[31m'", "auditor scan"),
        (["rules", "show"], "required: ID", "auditor rules show"),
        (["nonsense"], "invalid choice: 'nonsense'", "auditor"),
    ],
)
def test_bad_usage_is_2_and_says_first_what_is_wrong(
    arguments: list[str], error: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == exit_codes.USAGE
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("auditor: error: ")
    assert error in first
    assert second == f"auditor: see {command} --help"


@pytest.mark.parametrize("command", [[], ["rules"], ["guest"]])
def test_arguments_without_a_command_print_the_help(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command) == exit_codes.OK
    captured = capsys.readouterr()
    assert captured.out.startswith(" ".join(["usage: auditor", *command]))
    assert "examples:\n  auditor " in captured.out
    assert captured.err == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "slow"),
    [("--help", {"typing", "pathlib"}), ("--version", set()), ("scan --help", set()), ("completion bash", set())],
)
def test_what_only_prints_about_the_command_line_imports_no_library(words: str, slow: set[str], tmp_path: Path) -> None:
    slow = slow | {"msgspec", "yaml", "rich", "azure", "auditor.rules"}
    script = "import sys; before = {*sys.modules}\nfrom auditor.cli.main import main\n"
    script += f"try: main({words.split()})\nexcept SystemExit: pass\n"
    script += f"sys.exit(str({slow} & {{*sys.modules}} - before or ''))"
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "auditor" in done.stdout
    assert done.stderr.strip() == ""


@pytest.mark.slow
def test_each_command_has_an_example_that_it_accepts(capsys: pytest.CaptureFixture[str]) -> None:
    for command in (*commands.COMMANDS, "completion"):
        with pytest.raises(SystemExit):
            main([*command.split(), "--help"])
        examples = re.findall(rf"^  (auditor {command} ?.*)$", capsys.readouterr().out, re.MULTILINE)
        assert examples, command
        for example in examples:
            words = shlex.split(example.partition(" > ")[0].replace(" ID", f" {EXAMPLE}"))
            assert parser().parse_args(words[1:]).command == command


@pytest.mark.slow
def test_a_proposal_and_an_approval_are_outputs_as_others_are(tmp_path: Path) -> None:
    new, old = tmp_path / "new.yaml", tmp_path / "old.yaml"
    main(["discover", "--demo", "-o", f"deployment={new}"])
    main(["discover", "--demo", "-o", str(old)])
    assert new.read_text() == old.read_text().replace(str(old), str(new))
    taken, approved = tmp_path / "taken.jsonl", [tmp_path / name for name in ("new.jsonl", "old.jsonl")]
    main([*GOOD, "-o", f"snapshot={taken}"])
    for option in (f"--output={approved[1]}", f"-osnapshot={approved[0]}"):
        assert main(["approve", str(taken), "--by", "me", "--reason", "x", option]) == exit_codes.OK
    assert all(b'"approved"' in path.read_bytes() for path in approved)


@pytest.mark.parametrize("option", ["--snapshot", "--deployment", "--waivers", "--attestations", "--baseline"])
def test_no_output_overwrites_what_is_read(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine").write_text("precious")
    Path("link").symlink_to("mine")
    arguments = ["scan", *([] if option == "--snapshot" else ["--demo"]), option, "mine"]
    assert main([*arguments, "-o", "json=link"]) == exit_codes.USAGE
    assert capsys.readouterr().err == (
        "auditor: error: link: is an input of this run, which would overwrite it; name another file\n"
    )
    assert Path("mine").read_text() == "precious"


@pytest.mark.slow
def test_the_report_of_the_last_run_may_become_that_of_this_one(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    assert main([*GOOD, "-o", f"json={path}"]) == exit_codes.OK
    assert main([*GOOD, "--previous", str(path), "-o", f"json={path}"]) == exit_codes.OK


@pytest.mark.slow
def test_an_error_shows_hostile_names_harmless(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad\x1b[31m.json"
    assert main(["scan", "--snapshot", str(path)]) == exit_codes.USAGE
    assert "\x1b" not in capsys.readouterr().err


def test_nothing_is_written_where_something_is_wrong(tmp_path: Path) -> None:
    good = tmp_path / "good.json"
    assert main([*GOOD, "-o", f"json={good}", "-o", f"sarif={tmp_path}/nowhere/x.sarif"]) == exit_codes.USAGE
    assert sorted(tmp_path.iterdir()) in ([], [good])
    assert not good.exists() or json.loads(good.read_text())


@pytest.mark.slow
def test_hostile_names_come_out_harmless(tmp_path: Path) -> None:
    hostile = "\\u001b[31m[red]<script>alert(1)</script>\\u202e"
    path = changed(tmp_path, '"protocol":"Https"', f'"protocol":"{hostile}"')
    files = {name: tmp_path / f"report.{name}" for name in ("json", "sarif", "sarif-github", "markdown")}
    outputs = [argument for name, to in files.items() for argument in ("-o", f"{name}={to}")]
    arguments = ["scan", "--snapshot", str(path), "--deployment", str(DEPLOYMENT), "--passes"]
    done = run(*arguments, "--details", "-o", "terminal", *outputs, FORCE_COLOR="")
    assert done.returncode in {exit_codes.OK, exit_codes.FINDINGS, exit_codes.INCOMPLETE}, done.stderr
    assert "alert" in done.stdout
    for text in (done.stdout, *(to.read_text(encoding="utf-8") for to in files.values())):
        assert not {"\x1b", "\u202e"} & set(text)


@pytest.mark.slow
def test_colour_follows_the_environment() -> None:
    assert "\x1b[" in run("scan", "--demo", FORCE_COLOR="1", NO_COLOR="").stdout
    assert "\x1b[" not in run("scan", "--demo", FORCE_COLOR="1", NO_COLOR="1").stdout
    assert "\x1b[" not in run("scan", "--demo").stdout


@pytest.mark.slow
def test_width_follows_the_environment() -> None:
    narrow, wide = (run("scan", "--demo", COLUMNS=columns).stdout for columns in ("60", "200"))
    assert len(narrow.splitlines()) > len(wide.splitlines())


@pytest.mark.slow
def test_a_terminal_that_knows_only_ascii(tmp_path: Path) -> None:
    path = changed(tmp_path, '"intervalInSeconds":5', '"intervalInSeconds":"fünf"')
    done = run("scan", "--snapshot", str(path), "--deployment", str(DEPLOYMENT), PYTHONIOENCODING="ascii")
    assert "Traceback" not in done.stderr
    assert done.returncode == exit_codes.INCOMPLETE


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{sys.executable} -m auditor scan --demo --details | head -1"
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd())}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=environment)
    assert done.stdout == "auditor 0.1.0\n"
    assert done.stderr == ""


def test_interruption_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("auditor.scan.scan", interrupted)
    assert main(["scan", "--demo"]) == exit_codes.INTERRUPTED


@pytest.mark.slow
def test_an_internal_error_is_an_error_and_never_ignored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        message = "a bug"
        raise RuntimeError(message)

    monkeypatch.setattr("auditor.estate.load_balancing.LoadBalancing.rules_serving", broken)
    report = tmp_path / "r.json"
    assert main([*GOOD, "--allow-incomplete", "-o", f"json={report}"]) == exit_codes.INCOMPLETE
    errors = [f for f in json.loads(report.read_text())["findings"] if f["outcome"] == "error"]
    assert {finding["rule"] for finding in errors} >= {"MIR003", "MIR005"}
    assert all("RuntimeError: a bug" in finding["reason"] for finding in errors)


@pytest.mark.slow
def test_help_names_the_exit_codes() -> None:
    for arguments in (["--help"], ["scan", "--help"]):
        done = run(*arguments)
        assert done.returncode == 0
        assert "exit codes:" in done.stdout


def test_version() -> None:
    assert run("--version").stdout == "auditor 0.1.0\n"


@pytest.mark.slow
def test_rules_list_and_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "list"]) == exit_codes.OK
    assert "MIR003   critical" in capsys.readouterr().out
    assert main(["rules", "list", "--profile", "article-2018"]) == exit_codes.OK
    assert "SEC002" not in capsys.readouterr().out
    assert main(["rules", "show", "mir003"]) == exit_codes.OK
    shown = capsys.readouterr().out
    assert "az network lb probe update" in shown
    assert "S47" in shown


@pytest.mark.parametrize("action", [["show", "MIR003"], ["test"], ["matrix"], ["new", "OWN"]])
def test_an_option_that_would_change_nothing_is_refused(action: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["rules", *action, "--profile", "article-2018"])
    assert ended.value.code == exit_codes.USAGE
    assert "--profile" in capsys.readouterr().err
