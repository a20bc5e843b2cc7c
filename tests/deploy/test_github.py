"""action.yml: its steps with the demo, with hostile inputs, and with a `gh` that answers as GitHub does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from auditor.cli.main import main

ROOT = Path(__file__).parents[2]
SCAN = ROOT / "deploy/github/scan.sh"
LAST_REPORT = ROOT / "deploy/github/last_report.py"
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS: dict[str, dict[str, Any]] = {step.get("name", step.get("id")): step for step in ACTION["runs"]["steps"]}

HOSTILE = [
    "a b",
    "$(touch harm)",
    "`touch harm`",
    "'; touch harm; '",
    '"; touch harm; "',
    "a\n::error::b",
    "--demo",
    "*",
]


def variables(**inputs: str) -> dict[str, str]:
    """Return the environment of the scan step for these inputs and the defaults of the others."""
    unknown = set(inputs) - set(ACTION["inputs"]) - {"steps.last.outputs.report"}
    assert not unknown
    given = {f"inputs.{name}": str(described.get("default", "")) for name, described in ACTION["inputs"].items()}
    given |= {name if "." in name else f"inputs.{name}": value for name, value in inputs.items()}
    found = {}
    for variable, expression in STEPS["Scan"]["env"].items():
        read = re.fullmatch(r"\$\{\{ ([\w.-]+) \}\}", expression)
        found[variable] = given.get(read[1], "") if read else ""
    return found


class Runner:
    """The folder and files of a job, as the runner passes them to a step."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.summary, self.outputs, self.workspace = (folder / name for name in ("summary", "outputs", "workspace"))
        self.workspace.mkdir()
        self.summary.touch()
        self.outputs.touch()

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        files = {"GITHUB_STEP_SUMMARY": str(self.summary), "GITHUB_OUTPUT": str(self.outputs)}
        environment = os.environ | files | {"RUNNER_TEMP": str(self.folder), "PYTHONPATH": str(ROOT)} | more
        return subprocess.run(command, cwd=self.workspace, env=environment, capture_output=True, text=True, check=False)

    def scan(self, program: str | None = None, **inputs: str) -> subprocess.CompletedProcess[str]:
        """Run the scan step with another program instead of the auditor."""
        path = self.folder / "auditor"
        path.write_text(program or f'#!/bin/sh\nexec "{sys.executable}" -m auditor "$@"\n')
        path.chmod(0o755)
        return self.run("sh", str(SCAN), AUDITOR=str(path), **variables(**inputs))

    def said(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self.outputs.read_text().splitlines())


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


RECORDER = """\
#!/bin/sh
printf '%s\\0' "$@" >../arguments
for argument; do
  case $argument in
    json=* | sarif-github=* | markdown=*) echo whole >"${argument#*=}" ;;
  esac
done
"""


def recorded(runner: Runner) -> list[str]:
    return (runner.folder / "arguments").read_text().split("\0")[:-1]


@pytest.mark.slow
def test_the_demo_is_scanned_and_its_exit_code_kept_for_the_last_step(runner: Runner) -> None:
    done = runner.scan(demo="true")
    assert done.returncode == 0, done.stdout
    said = runner.said()
    assert said["exit-code"] == "1"
    expected = runner.folder / "expected.json"
    main(["scan", "--demo", "-o", f"json={expected}"])
    assert json.loads(Path(said["report"]).read_text())["summary"] == json.loads(expected.read_text())["summary"]
    assert len(json.loads(Path(said["sarif"]).read_text())["runs"][0]["results"]) > 16
    assert "MIR002" in runner.summary.read_text()
    assert "MIR002" in done.stdout
    result = runner.run("bash", "-c", STEPS["Result"]["run"], EXIT_CODE=said["exit-code"])
    assert result.returncode == 1


@pytest.mark.slow
@pytest.mark.parametrize(("fail_on", "forgiven", "code"), [("none", "false", "3"), ("none", "true", "0")])
def test_inputs_decide_what_fails(runner: Runner, fail_on: str, forgiven: str, code: str) -> None:
    assert runner.scan(demo="true", **{"fail-on": fail_on, "allow-incomplete": forgiven}).returncode == 0
    assert runner.said()["exit-code"] == code


@pytest.mark.slow
def test_a_snapshot_of_the_repository_is_evaluated(runner: Runner) -> None:
    fixture = ROOT / "fixtures/trakcare-current"
    names = {"snapshot": "inventory.json", "deployment": "deployment.yaml"}
    for name in names.values():
        (runner.workspace / name).write_bytes((fixture / name).read_bytes())
    assert runner.scan(**names).returncode == 0
    assert runner.said()["exit-code"] == "0"


@pytest.mark.slow
def test_without_a_report_the_step_itself_fails(runner: Runner) -> None:
    done = runner.scan(snapshot="nowhere.json")
    assert done.returncode == 2
    assert "nowhere.json" in done.stdout
    assert runner.said() == {}


@pytest.mark.parametrize("name", ["demo", "fail-on-new", "allow-incomplete", "upload"])
def test_a_switch_that_is_neither_true_nor_false_is_refused(runner: Runner, name: str) -> None:
    done = runner.scan(RECORDER, **{name: "yes"})
    assert done.returncode == 2
    assert f"::error::the input {name} is neither true nor false" in done.stdout
    assert not (runner.folder / "arguments").exists()


def test_every_input_reaches_its_option(runner: Runner) -> None:
    inputs = {
        "subscriptions": "first\n  second",
        "snapshot": "S",
        "deployment": "D",
        "waivers": "W",
        "attestations": "A",
        "baseline": "B",
        "previous": "P",
        "profile": "article-2018",
        "fail-on": "low",
        "demo": "true",
        "fail-on-new": "true",
        "allow-incomplete": "true",
    }
    assert set(ACTION["inputs"]) - set(inputs) == {"client-id", "tenant-id", "upload"}
    assert runner.scan(RECORDER, **inputs).returncode == 0
    options = [word for word in recorded(runner) if word.startswith("--")]
    assert sorted(options) == [
        "--allow-incomplete",
        "--attestations=A",
        "--baseline=B",
        "--demo",
        "--deployment=D",
        "--fail-on-new",
        "--fail-on=low",
        "--no-config",
        "--previous=P",
        "--profile=article-2018",
        "--snapshot=S",
        "--subscription=first",
        "--subscription=second",
        "--waivers=W",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_inputs_stay_values(runner: Runner, value: str) -> None:
    (runner.workspace / "file").touch()
    names = ["snapshot", "deployment", "waivers", "attestations", "baseline", "previous", "profile", "fail-on"]
    assert runner.scan(RECORDER, subscriptions=value, **dict.fromkeys(names, value)).returncode == 0
    options = recorded(runner)
    assert {f"--{name}={value}" for name in names} <= set(options)
    own = [name.strip() for name in value.split(";")] if ";" in value else value.split()
    assert [word for word in options if word.startswith("--sub")] == [f"--subscription={name}" for name in own if name]
    assert sorted(path.name for path in runner.workspace.iterdir()) == ["file"]
    assert runner.scan(deployment=value, snapshot=value).returncode == 2, "so that the auditor reports a missing file"
    assert sorted(path.name for path in runner.workspace.iterdir()) == ["file"]


def test_the_output_of_the_scan_contains_no_workflow_commands(runner: Runner) -> None:
    lines = runner.scan(RECORDER + "echo ::error::mine; echo ::warning::mine >&2; exit 3", demo="true")
    (stop,) = re.findall(r"^::stop-commands::([0-9a-f]{32})$", lines.stdout, re.MULTILINE)
    between = lines.stdout.split(f"::stop-commands::{stop}\n")[1].split(f"::{stop}::")[0]
    assert between == "::error::mine\n::warning::mine\n"
    assert lines.stderr == ""
    assert runner.said()["exit-code"] == "3"


def test_the_input_last_is_replaced_by_the_last_report(runner: Runner) -> None:
    assert runner.scan(RECORDER, demo="true", previous="last", **{"steps.last.outputs.report": "L"}).returncode == 0
    assert "--previous=L" in recorded(runner)
    assert runner.scan(RECORDER, demo="true", previous="last").returncode == 0
    assert not [word for word in recorded(runner) if word.startswith("--previous")]


def test_shell_of_the_action_has_no_expressions() -> None:
    scripts = [step["run"] for step in STEPS.values() if "run" in step]
    assert len(scripts) == 4
    assert not [script for script in scripts if "${{" in script]


GH = """\
#!/bin/sh
case $1 in
  api) cat ../listed ;;
  run) echo "$@" >../asked; mkdir -p ../auditor-last; echo '{}' >../auditor-last/report.json ;;
esac
[ ! -e ../refused ]
"""


def artifact(run: int, created: str, *, branch: str = "main", head: int = 1, expired: bool = False) -> dict[str, Any]:
    of = {"id": run, "head_branch": branch, "repository_id": 1, "head_repository_id": head}
    return {"name": "auditor-report", "created_at": created, "expired": expired, "workflow_run": of}


def last_report(runner: Runner, *pages: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    program = runner.folder / "bin/gh"
    program.parent.mkdir()
    program.write_text(GH)
    program.chmod(0o755)
    (runner.folder / "listed").write_text(json.dumps([{"artifacts": page} for page in pages]))
    path = f"{program.parent}:{os.environ['PATH']}"
    of = {"GITHUB_REPOSITORY": "OWNER/REPOSITORY", "GITHUB_REF_NAME": "main"}
    return runner.run(sys.executable, str(LAST_REPORT), PATH=path, **of)


def test_the_newest_report_of_this_branch_is_fetched(runner: Runner) -> None:
    done = last_report(
        runner,
        [
            artifact(9, "2026-01-09T02:00:00Z", branch="other"),
            artifact(8, "2026-01-08T02:00:00Z", head=2),
            artifact(7, "2026-01-07T02:00:00Z", expired=True),
        ],
        [artifact(5, "2026-01-05T02:00:00Z"), artifact(6, "2026-01-06T02:00:00Z")],
    )
    assert done.returncode == 0, done.stderr
    report = runner.folder / "auditor-last/report.json"
    assert runner.said() == {"report": str(report)}
    assert report.exists()
    assert (runner.folder / "asked").read_text().startswith("run download 6 --repo OWNER/REPOSITORY ")


def test_the_first_run_has_no_earlier_report(runner: Runner) -> None:
    assert last_report(runner, []).returncode == 0
    assert runner.said() == {"report": ""}


def test_a_report_that_cannot_be_downloaded_is_an_error(runner: Runner) -> None:
    (runner.folder / "refused").touch()
    done = last_report(runner, [artifact(6, "2026-01-06T02:00:00Z")])
    assert done.returncode == 2
    assert "the permission actions, read" in done.stdout
    assert runner.said() == {}
