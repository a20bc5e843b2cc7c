"""deploy/nightly.sh with a program that records its arguments, and with the server of the tests."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from auditor import files
from auditor.sources import approval, snapshot_file
from tests import estates
from tests.arm import ArmServer, Estate, Fault

ROOT = Path(__file__).parents[2]
NIGHTLY = ROOT / "deploy/nightly.sh"
IDS = ("00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002")
FORMATS = {"json", "sarif", "md", "txt"}

RECORDER = """\
#!/bin/sh
if [ "$1" = trend ]; then
  printf '%s\\n' "Since last night:" '  CRITICAL MIR003 a\\nb' "$*"
  exit 3
fi
printf '%s\\n' "$@" >../arguments
case $BEHAVIOUR in
  refuse) exit 2 ;;
  hang)
    trap 'kill $!; sleep 0.3; touch ../ended; exit 143' TERM
    sleep 60 &
    echo half >snapshots/.half
    touch ../started
    wait
    ;;
esac
for argument; do
  case $argument in
    terminal=*) printf 'much\\nauditor: all is said\\n' >"${argument#*=}" ;;
    snapshot=* | json=* | sarif=* | markdown=*) echo whole >"${argument#*=}" ;;
  esac
done
exit "$BEHAVIOUR"
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a folder whose name breaks a script without quotes; the recording program is in a folder beside it."""
    program = tmp_path / "bin/auditor"
    program.parent.mkdir()
    program.write_text(RECORDER)
    program.chmod(0o755)
    folder = tmp_path / "of $(exit 9) `exit 9` * 'us'"
    folder.mkdir()
    return folder


def environment(home: Path, behaviour: object = 0, **more: str) -> dict[str, str]:
    path = f"{home.parent / 'bin'}:{os.environ['PATH']}"
    own = {"AUDITOR_HOME": str(home), "AUDITOR_SUBSCRIPTIONS": f"{IDS[0]}\n {IDS[1]}", "BEHAVIOUR": str(behaviour)}
    return os.environ | own | {"PATH": path, "PYTHONPATH": str(ROOT)} | more


def nightly(home: Path, behaviour: object = 0, *options: str, **more: str) -> subprocess.CompletedProcess[str]:
    command = ["sh", str(NIGHTLY), *options]
    return subprocess.run(
        command, env=environment(home, behaviour, **more), capture_output=True, text=True, check=False
    )


def kept(home: Path) -> list[str]:
    return sorted(str(path.relative_to(home)) for path in home.glob("*/*"))


def arguments(home: Path) -> list[str]:
    return (home.parent / "arguments").read_text().splitlines()


def test_a_run_keeps_the_snapshot_and_the_reports(home: Path) -> None:
    done = nightly(home)
    assert (done.returncode, done.stderr) == (0, "")
    (taken,) = (path.removesuffix(".jsonl.gz") for path in kept(home) if path.startswith("snapshots"))
    moment = taken.removeprefix("snapshots/")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}Z", moment)
    assert kept(home) == sorted([f"{taken}.jsonl.gz", *(f"reports/{moment}.{ending}" for ending in FORMATS)])
    assert done.stdout == f"{moment} auditor: all is said; exit code 0; see {home}/reports/{moment}.txt\n"
    assert arguments(home)[:2] == ["scan", "--no-config"]
    assert {f"--subscription={name}" for name in IDS} <= set(arguments(home))
    assert not {word.split("=")[0] for word in arguments(home)} & {
        "--deployment",
        "--previous",
        "--baseline",
    }
    assert not (home / ".lock").exists()
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()} == {0o700}


def test_names_of_subscriptions_may_have_spaces(home: Path) -> None:
    assert nightly(home, AUDITOR_SUBSCRIPTIONS=f" Prod * 'EU' ;\n{IDS[0]};").returncode == 0
    found = [word for word in arguments(home) if word.startswith("--subscription")]
    assert sorted(found) == sorted(["--subscription=Prod * 'EU'", f"--subscription={IDS[0]}"])


def test_management_groups_take_the_place_of_subscriptions(home: Path) -> None:
    assert nightly(home, AUDITOR_SUBSCRIPTIONS="", AUDITOR_MANAGEMENT_GROUPS="Northern Trust; dr").returncode == 0
    found = [word for word in arguments(home) if word.startswith(("--subscription", "--management-group"))]
    assert sorted(found) == ["--management-group=Northern Trust", "--management-group=dr"]


def test_it_uses_the_files_of_the_folder_and_the_newest_report(home: Path) -> None:
    (home / "reports").mkdir()
    for name in ("deployment.yaml", "waivers.yaml", "attestations.yaml", "approved.jsonl.gz"):
        (home / name).touch()
    for moment in ("2026-01-09T020000Z", "2026-01-10T020000Z"):
        (home / f"reports/{moment}.json").touch()
    assert nightly(home, 0, "--fail-on", "a b").returncode == 0
    said = arguments(home)
    assert {
        "--deployment=deployment.yaml",
        "--waivers=waivers.yaml",
        "--attestations=attestations.yaml",
        "--baseline=approved.jsonl.gz",
        "--previous=reports/2026-01-10T020000Z.json",
    } <= set(said)
    assert said[said.index("--fail-on") + 1] == "a b"


def test_a_broken_link_is_passed_to_the_scan(home: Path) -> None:
    (home / "deployment.yaml").symlink_to("nowhere")
    assert nightly(home).returncode == 0
    assert "--deployment=deployment.yaml" in arguments(home)


@pytest.mark.slow
def test_two_runs_overwrite_nothing(home: Path) -> None:
    for _ in range(2):
        assert nightly(home).returncode == 0
    assert len(kept(home)) == 2 * (1 + len(FORMATS))
    (first, _) = sorted(path for path in kept(home) if path.endswith(".json"))
    assert f"--previous={first}" in arguments(home)


@pytest.mark.parametrize("code", [0, 1, 3])
def test_the_exit_code_is_that_of_the_scan(home: Path, code: int) -> None:
    done = nightly(home, code)
    assert done.returncode == code
    assert f"; exit code {code}; see " in done.stdout


def test_a_scan_that_evaluates_nothing_is_reported(home: Path) -> None:
    done = nightly(home, "refuse")
    assert done.returncode == 2
    assert done.stdout.endswith(" auditor: nothing was evaluated; exit code 2\n")
    assert kept(home) == []
    assert not (home / ".lock").exists()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"AUDITOR_HOME": ""}, "AUDITOR_HOME is not set"),
        ({"AUDITOR_SUBSCRIPTIONS": ""}, "AUDITOR_SUBSCRIPTIONS is not set, nor AUDITOR_MANAGEMENT_GROUPS"),
        ({"AUDITOR_HOME": "/nowhere/at all"}, "AUDITOR_HOME is not a folder: /nowhere/at all"),
        ({"AUDITOR_HOME": "/dev/null"}, "AUDITOR_HOME is not a folder: /dev/null"),
        ({"PATH": "/nowhere"}, "auditor is not on the PATH"),
    ],
    ids=["no home", "no subscriptions", "home is nowhere", "home is a file", "no auditor"],
)
def test_an_invalid_environment_is_an_error_and_no_finding(home: Path, settings: dict[str, str], said: str) -> None:
    done = subprocess.run(
        ["/bin/sh", str(NIGHTLY)], env=environment(home) | settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert f"auditor-nightly: error: {said}" in done.stderr
    assert kept(home) == []


def test_runs_do_not_overlap(home: Path) -> None:
    lock = home / ".lock"
    lock.mkdir()
    done = nightly(home)
    assert done.returncode == 2
    assert f"another run is active; if not, remove {lock}" in done.stderr
    assert kept(home) == []
    assert lock.exists()


def test_a_stale_lock_is_replaced(home: Path) -> None:
    lock = home / ".lock"
    lock.mkdir()
    old = time.time() - 6.1 * 3600
    os.utime(lock, (old, old))
    assert nightly(home).returncode == 0
    assert not lock.exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_a_stopped_run_stops_its_scan_and_releases_the_lock(home: Path, number: signal.Signals) -> None:
    # Only the shell gets the signal, as in a container.
    run = subprocess.Popen(["sh", str(NIGHTLY)], env=environment(home, "hang"), stdout=subprocess.PIPE, text=True)
    started = home.parent / "started"
    while not started.exists():
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(number)
    assert run.wait(timeout=120) > 128
    assert (home.parent / "ended").exists(), "the lock is held until the scan has ended"
    said, _ = run.communicate(timeout=120)
    assert said.endswith(f"nothing was evaluated; exit code {run.returncode}\n")
    assert not (home / ".lock").exists()
    assert (home / "snapshots/.half").exists()
    assert nightly(home).returncode == 0
    assert not (home / "snapshots/.half").exists()


def program(home: Path, text: str, name: str = "say $(exit 9) 'it'") -> dict[str, str]:
    """Return the setting of a program of the owner's; it runs in the folder of the runs."""
    path = home.parent / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return {"AUDITOR_NOTIFY": str(path)}


CHANGES = "Since last night:\n  CRITICAL MIR003 a\\nb\ntrend reports -o changes\n"


@pytest.mark.slow
def test_a_run_says_what_changed_since_the_last_one_and_tells_the_owners_program(home: Path) -> None:
    settings = program(home, 'echo "$#" >../told; cat >>../told; echo done')
    first = nightly(home, 0, **settings)
    told = home.parent / "told"
    assert told.read_text() == f"0\n{first.stdout}", "there is no last run"
    assert first.stderr == "done\n"
    (home / "reports/2026-01-09T020000Z.json").touch()
    second = nightly(home, 1, **settings)
    assert second.returncode == 1
    *changes, result = second.stdout.splitlines(keepends=True)
    assert "".join(changes) == CHANGES
    assert "; exit code 1; see " in result
    assert told.read_text() == f"0\n{result}\n{CHANGES}"


def test_the_owners_program_is_told_that_nothing_was_evaluated(home: Path) -> None:
    done = nightly(home, "refuse", **program(home, "cat >../told"))
    assert done.returncode == 2
    assert (home.parent / "told").read_text() == done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("exit 7", "failed with exit code 7"),
        ("exec sleep 60 </dev/null", "was stopped after 60 seconds"),
        ("kill -9 $$", "was killed"),
    ],
    ids=["fails", "hangs", "is killed"],
)
def test_a_program_that_fails_does_not_change_the_exit_code(home: Path, text: str, said: str) -> None:
    patience = home.parent / "bin/timeout"
    patience.write_text('#!/bin/sh\necho "$1 $2 $3" >../patience\nexec /usr/bin/timeout -k 1 0.2 "$4"\n')
    patience.chmod(0o755)
    done = nightly(home, 3, **program(home, text))
    assert done.returncode == 3
    assert done.stderr == f"auditor-nightly: AUDITOR_NOTIFY {said}\n"
    assert (home.parent / "patience").read_text() == "-k 5 60\n"
    assert not (home / ".lock").exists()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("touch ../hacked", "is not an absolute path"),
        ("/bin/sh -c 'touch ../hacked'", "is not the path of a program"),
        ("/etc/passwd", "is not the path of a program"),
        ("/etc", "is not the path of a program"),
    ],
    ids=["relative", "a command", "not executable", "a folder"],
)
def test_what_is_no_absolute_path_of_a_program_is_not_run(home: Path, path: str, said: str) -> None:
    done = nightly(home, 0, AUDITOR_NOTIFY=path)
    assert done.returncode == 0
    assert done.stderr == f"auditor-nightly: AUDITOR_NOTIFY {said}\n"
    assert not (home.parent / "hacked").exists()


@pytest.mark.slow
def test_a_stopped_run_stops_the_owners_program_and_keeps_the_exit_code(home: Path) -> None:
    told = home.parent / "told"
    settings = program(home, "echo $$ >../started; mv ../started ../told; exec sleep 60")
    run = subprocess.Popen(["sh", str(NIGHTLY)], env=environment(home, 1, **settings), stderr=subprocess.PIPE)
    while not told.exists():
        assert run.poll() is None
        time.sleep(0.01)
    run.send_signal(signal.SIGTERM)
    assert run.wait(timeout=30) == 1
    assert not Path(f"/proc/{told.read_text().strip()}").exists()
    run.communicate()


class Nights:
    """Nightly runs for the known-good `trakcare-current`, with the real auditor and the server of the tests."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.said = ""
        self.program = home.parent / "bin/auditor"
        self.program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m auditor "$@"\n')
        self.body = estates.body_of("trakcare-current")
        (home / "deployment.yaml").write_text(json.dumps(estates.declared_of("trakcare-current")))

    def night(self, *options: str, **server: Any) -> tuple[int, estates.Body]:
        """Return the exit code and the report of one more night."""
        before = set(self.home.glob("reports/*.json"))
        (scope,) = self.body["listed"]
        with ArmServer(Estate.from_body(self.body), **server) as azure:
            done = nightly(
                self.home,
                0,
                f"--arm-endpoint={azure.url}",
                f"--ca-bundle={azure.ca_file}",
                *options,
                AUDITOR_SUBSCRIPTIONS=scope.rsplit("/", 1)[-1],
                **azure.environment,
            )
        assert done.stdout, done.stderr
        self.said = done.stdout
        (written,) = set(self.home.glob("reports/*.json")) - before
        report: estates.Body = json.loads(written.read_text())
        return done.returncode, report


@pytest.mark.slow
def test_findings_that_a_run_cannot_evaluate_stay_open(home: Path) -> None:
    nights = Nights(home)
    probes = estates.find(nights.body, "lb-mirror")["properties"]["probes"]
    probes[0]["properties"]["protocol"] = "Tcp"
    assert nights.night()[0] == 1
    code, report = nights.night(faults={"loadBalancers": Fault.FORBIDDEN})
    assert code == 3
    assert nights.said.startswith("Since 20")
    _, lost, *more = nights.said.splitlines()
    assert lost.startswith("Not known any more (")
    assert "CRITICAL MIR003" in "".join(more)
    assert "MIR003" in [old["finding"]["rule"] for old in report["carried"]]


@pytest.mark.slow
def test_a_run_reports_what_changed_since_the_approved_snapshot(home: Path) -> None:
    nights = Nights(home)
    for name in ("lb-web", "lb-web-dr"):
        rule = estates.find(nights.body, name)["properties"]["loadBalancingRules"][0]["properties"]
        rule["loadDistribution"] = "Default"
    code, report = nights.night()
    assert code == 1
    assert "baseline" not in nights.said
    (taken,) = home.glob("snapshots/*")
    assert snapshot_file.decode(files.read(taken), str(taken)).taken_at == report["takenAt"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in home.glob("*/*")} == {0o600}
    approval.approve(taken, "operations", "to be fixed in spring", home / "approved.jsonl.gz")
    assert nights.night("--fail-on-new")[0] == 0
    assert "; since the baseline: unchanged; exit code 0; see " in nights.said
    mirrors = ["lb-mirror", "lb-mirror-dr"]
    for name in mirrors:
        estates.find(nights.body, name)["properties"]["probes"][0]["properties"]["protocol"] = "Tcp"
    code, report = nights.night("--fail-on-new")
    assert code == 1
    assert "; since the baseline: 1 regressed, 1 drifted; exit code 1; see " in nights.said
    fails = [finding for finding in report["findings"] if finding["outcome"] == "fail"]
    new, what = nights.said.splitlines()[1:3]
    assert (new, what[:18]) == ("New (1):", "  CRITICAL MIR003 ")
    assert {f["rule"]: f["state"] for f in fails} == {"MIR003": "regressed", "LB003": "unchanged"}
    assert sorted(change["id"].rpartition("/")[2] for change in report["drift"]["resources"]) == mirrors


@pytest.mark.slow
def test_a_snapshot_without_approval_is_no_baseline(home: Path) -> None:
    (home / "approved.jsonl.gz").write_bytes(b"")
    Nights(home)
    done = nightly(home)
    assert done.returncode == 2
    assert "approved.jsonl.gz" in done.stderr
    assert kept(home) == []
