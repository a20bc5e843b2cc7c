"""Prometheus: read back by the grammar of the text format, and by promtool where it is installed."""

from __future__ import annotations

import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.cli import outputs
from auditor.escape import printable
from auditor.evaluation.model import Outcome
from auditor.evaluation.result import Evaluation
from auditor.report.build import build
from auditor.report.view import View
from auditor.rules.model import Grade, Severity, Target
from tests.report import reports
from tests.report.reports import PROBE, SIZE, finding, gap, unknown, vm

_SAMPLE: Final = re.compile(r"(auditor_[a-z_]+)(?:\{(.*)\})? ([0-9.]+)")
_LABEL: Final = re.compile(r'([a-z]+)="((?:[^"\\]|\\["\\n])*)"(?:,|$)')

Samples = dict[tuple[str, ...], float]


def rendered(shown: Evaluation) -> Samples:
    """Return each value by its metric and the values of its labels."""
    text, samples = reports.render("prometheus", shown), Samples()
    typed: set[str] = set()
    for line in text.removesuffix("\n").split("\n"):
        if line.startswith("# HELP "):
            typed.add(line.split(" ")[2])
        elif not line.startswith("# TYPE "):
            sample = _SAMPLE.fullmatch(line)
            assert sample, line
            labels = _LABEL.findall(sample[2] or "")
            assert "".join(f'{name}="{value}",' for name, value in labels).rstrip(",") == (sample[2] or "")
            key = (sample[1], *(re.sub(r"\\(.)", r"\1", value) for _, value in labels))
            assert key not in samples, "the collector refuses a series that is there twice"
            assert sample[1] in typed
            samples[key] = float(sample[3])
    return samples


def test_the_numbers_of_a_report() -> None:
    samples = rendered(reports.full())
    assert samples["auditor_fails", "prod", "MIR003", "critical"] == 1
    assert samples["auditor_unknowns", "prod", "MIR003"] == 1
    assert samples["auditor_unknowns", "prod", "CMP006"] == 0
    single = {key[0]: value for key, value in samples.items() if len(key) == 1}
    assert single == {
        "auditor_last_run_timestamp_seconds": 1793512800,
        "auditor_complete": 0,
        "auditor_errors": 1,
        "auditor_passes": 2,
        "auditor_gaps": 1,
        "auditor_declarations_missing": 1,
    }
    assert samples["auditor_info", "current", "0.1.0"] == 1


def test_a_series_stays_when_what_it_counts_is_gone() -> None:
    graded = msgspec.structs.replace(SIZE, grade=(Grade({}, Severity.INFO),))
    about = msgspec.structs.replace(PROBE, id="GOV001", targets=(Target(kind="subscription"),))
    made = msgspec.structs.replace(reports.report(finding(Outcome.PASS)), rules=(about, PROBE, graded))
    clean = rendered(made)
    assert {key[1:] for key in clean if key[0] == "auditor_fails"} == {
        ("", "GOV001", "critical"),
        ("prod", "MIR003", "critical"),
        ("prod", "CMP006", "medium"),
        ("prod", "CMP006", "info"),
    }
    worse = (finding(rule=graded, severity=Severity.INFO), finding(rule=about, deployment=""))
    assert {*rendered(msgspec.structs.replace(made, findings=(*made.findings, *worse)))} == {*clean}


def test_what_is_lost_from_sight_still_counts_and_what_is_waived_does_not() -> None:
    assert rendered(reports.carried())["auditor_fails", "prod", "MIR003", "critical"] == 1
    samples = rendered(reports.excused())
    assert samples["auditor_fails", "prod", "MIR003", "critical"] == 1
    assert (samples["auditor_waived", "fail"], samples["auditor_waived", "unknown"]) == (1, 1)


def test_an_optional_unknown_is_counted_apart() -> None:
    optional = msgspec.structs.replace(unknown(PROBE, vm("vm-a"), "not attested"), optional=True)
    samples = rendered(reports.report(optional, complete=True))
    assert samples["auditor_unknowns", "prod", "MIR003"] == 0
    assert samples["auditor_optional_unknowns", "prod", "MIR003"] == 1
    assert samples["auditor_complete",] == 1


def test_a_snapshot_without_a_time_looks_old() -> None:
    made = reports.report()
    made = msgspec.structs.replace(made, snapshot=msgspec.structs.replace(made.snapshot, taken_at="yesterday"))
    assert rendered(made)["auditor_last_run_timestamp_seconds",] == 0


def test_no_resource_and_no_subscription_is_named() -> None:
    text = re.sub("^#.*\n", "", reports.render("prometheus", reports.full()), flags=re.MULTILINE)
    assert not re.search("subscriptions|0000|vm-c|TRAKDB|resourceGroups", text)
    assert not re.search(r" \S+ \S+$", text, re.MULTILINE), "a sample with a timestamp"


def test_other_users_may_read_the_file_and_no_other(tmp_path: Path) -> None:
    document = build(reports.full(), passes=True)
    wanted = [outputs.Output(name, tmp_path / name) for name in ("prometheus", "json")]
    outputs.write_document(document, wanted, View())
    assert [stat.S_IMODE(output.path.stat().st_mode) for output in wanted if output.path] == [0o644, 0o600]


@pytest.mark.slow
@given(st.text(min_size=1, max_size=40) | st.just('"\n\\"} 1\nauditor_complete 1' + reports.HOSTILE))
@settings(max_examples=30)
def test_any_name_is_a_label(text: str) -> None:
    samples = rendered(reports.report(finding(deployment=text), gaps=(gap(),)))
    assert samples["auditor_fails", printable(text), "MIR003", "critical"] == 1
    assert samples["auditor_complete",] == 0


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)")
@pytest.mark.parametrize("evaluation", [reports.full, reports.report, lambda: reports.hostile(reports.HOSTILE)])
def test_promtool_accepts_it(evaluation: Callable[[], Evaluation]) -> None:
    text = reports.render("prometheus", evaluation())
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    broken = text.replace("# TYPE auditor_complete gauge", "# TYPE auditor_complete gouge")
    refused = subprocess.run(
        ["promtool", "check", "metrics"], input=broken, capture_output=True, text=True, check=False
    )
    assert refused.returncode != 0
