"""Validate SARIF files as consumers read them: first with the schema, then with Microsoft's validator.

`*.github.sarif` is also checked for the requirements of GitHub code scanning, `*.azuredevops.sarif` for those of Azure
DevOps. What is not recognised is a failure.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jsonschema import Draft202012Validator

# Disabled unless a configuration gives them a level, for any rule kinds.
GITHUB_RULES = (
    "GH1001.ProvideRequiredLocationProperties",
    "GH1002.InlineThreadFlowLocations",
    "GH1003.ProvideRequiredRegionProperties",
    "GH1004.ReviewArraysThatExceedConfigurableDefaults",
    "GH1005.LocationsMustBeRelativeUrisOrFilePaths",
    "GH1006.ProvideCheckoutPath",
    "GH1007.ProvideFullyFormattedMessageStrings",
)
# This rule would request every URI in the file.
NETWORK_RULES = ("SARIF2006.UrisShouldBeReachable",)
# The validator's notification about a disabled rule.
EXPECTED_NOTIFICATION = "WRN999.RuleExplicitlyDisabled"
# ICU may not be installed, and the result does not depend on a culture.
ENVIRONMENT = {**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"}


def main() -> int:
    """Validate each file, print its errors, and return 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--multitool", type=Path, required=True, metavar="PATH")
    parser.add_argument("--schema", type=Path, required=True, metavar="PATH")
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    args = parser.parse_args()
    schema = Draft202012Validator(
        json.loads(args.schema.read_bytes()), format_checker=Draft202012Validator.FORMAT_CHECKER
    )
    failed = 0
    for file in args.files:
        problems = schema_problems(file, schema) or [*tool_problems(file, args.multitool.resolve())]
        failed += bool(problems)
        print(f"{'FAIL' if problems else 'ok  '} {file}", *problems, sep="\n     ")
    print(f"{failed} of {len(args.files)} refused")
    return 1 if failed else 0


def schema_problems(file: Path, schema: Draft202012Validator) -> list[str]:
    """Return the errors of the schema or, where there are none, those of GitHub."""
    try:
        log = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        return [f"not read: {error}"]
    problems = [f"schema: {error.json_path}: {error.message[:300]}" for error in schema.iter_errors(log)]
    if problems:
        return problems
    return [*(github_problems(log) if is_github(file) else azure_devops_problems(log) if is_azure_devops(file) else ())]


def github_problems(log: dict[str, Any]) -> Iterator[str]:
    """Yield what GitHub refuses or shows wrongly, although Microsoft's validator accepts it."""
    if not log["runs"]:
        yield "github: no run: a clean scan is one run without results"
    for result in (result for run in log["runs"] for result in run.get("results", [])):
        rule = result.get("ruleId")
        for location in result.get("locations", []):
            uri = location.get("physicalLocation", {}).get("artifactLocation", {}).get("uri", "")
            if not uri or urlsplit(uri).scheme or uri.startswith("/") or {".", ".."} & {*uri.split("/")}:
                yield f"github: {rule}: location {uri!r} is not a path within the repository"
        if result.get("kind") in {"pass", "notApplicable", "informational"} or result.get("suppressions"):
            yield f"github: {rule}: passes and waived findings become open alerts there"
        if not result.get("partialFingerprints"):
            yield f"github: {rule}: no partialFingerprints"


def azure_devops_problems(log: dict[str, Any]) -> Iterator[str]:
    """Yield what the viewer of Azure DevOps hides until its user changes the filter."""
    for result in (result for run in log["runs"] for result in run.get("results", [])):
        if result.get("level") not in {"error", "warning"} and result["properties"]["severity"] != "info":
            yield f"azure devops: {result['ruleId']}: a {result.get('level')} is hidden"
        if result.get("baselineState", "new") not in {"new", "updated", "absent"} or result.get("suppressions"):
            yield f"azure devops: {result['ruleId']}: what is unchanged or suppressed is hidden"


def tool_problems(file: Path, multitool: Path) -> Iterator[str]:
    """Yield the errors of Microsoft's validator; print its notes, which are advice."""
    report = run_multitool(file, multitool)
    if report is None:
        yield "multitool: left no report"
        return
    for run in report["runs"]:
        rules = {rule["id"]: rule for rule in run["tool"]["driver"].get("rules", [])}
        notes: dict[str, list[str]] = {}
        for result in run.get("results", []):
            text = f"{result['ruleId']}: {message(result, rules)}"
            if result.get("level", "warning") in {"note", "none"}:
                notes.setdefault(result["ruleId"], []).append(text)
            else:
                yield text
        for texts in notes.values():
            print(f"note {file}: {len(texts)} x {texts[0][:120]}")
        yield from execution_problems(run.get("invocations", []))


def run_multitool(file: Path, multitool: Path) -> dict[str, Any] | None:
    """Return the validator's report; its exit code is always 0."""
    with tempfile.TemporaryDirectory() as folder:
        config, report = Path(folder, "config.xml"), Path(folder, "report.sarif")
        config.write_text(configuration(), encoding="utf-8")
        checked = Path(folder, file.name)
        checked.write_bytes(published(file) if is_azure_devops(file) else file.read_bytes())
        done = subprocess.run(
            [
                multitool,
                "validate",
                checked,
                f"--rule-kind={kinds(file)}",
                "--level=Error;Warning;Note",
                f"--config={config}",
                f"--output={report}",
            ],
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if not report.exists():
            print(done.stdout, done.stderr)
            return None
        loaded: dict[str, Any] = json.loads(report.read_bytes())
        return loaded


def kinds(file: Path) -> str:
    """Return the kinds of rules that concern a file."""
    return "Sarif" + ";Ghas" * is_github(file) + ";GHAzDO" * is_azure_devops(file)


def published(file: Path) -> bytes:
    """Return a log with what the task AdvancedSecurity-Publish@1 adds to it: the identity of its pipeline."""
    log = json.loads(file.read_bytes())
    prefix = "azuredevops/pipeline/build"
    for run in log["runs"]:
        if "automationDetails" not in run:
            run["automationDetails"] = {
                "id": f"{prefix}/organisation/project/1/phase/main/2",
                "properties": {
                    f"{prefix}/buildDefinitionId": "1",
                    f"{prefix}/buildDefinitionName": "audit",
                    f"{prefix}/phaseId": "6b0d7c0e-3d9c-5a0e-9b57-1f4a3c1f0a52",
                    f"{prefix}/phaseName": "scan",
                },
            }
    return json.dumps(log).encode()


def configuration() -> str:
    """Return the validator's configuration, in the only form that it reads."""
    states = dict.fromkeys(GITHUB_RULES, "Error") | dict.fromkeys(NETWORK_RULES, "Disabled")
    rules = "".join(
        f'<Properties Key="{rule}.Options">'
        f'<Property Key="RuleEnabled" Value="{state}" Type="Driver.RuleEnabledState" /></Properties>'
        for rule, state in states.items()
    )
    return f'<?xml version="1.0" encoding="utf-8"?><Properties>{rules}</Properties>'


def execution_problems(invocations: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the reasons why the validator is incomplete, such as a rule that crashed."""
    if not invocations:
        yield "multitool: does not say how it ran"
    for invocation in invocations:
        if invocation.get("executionSuccessful") is not True:
            yield "multitool: did not finish"
        for notification in (
            *invocation.get("toolExecutionNotifications", []),
            *invocation.get("toolConfigurationNotifications", []),
        ):
            name = notification.get("descriptor", {}).get("id")
            if name != EXPECTED_NOTIFICATION:
                yield f"multitool: {name}: {notification['message'].get('text', '')[:300]}"


def message(result: dict[str, Any], rules: dict[str, dict[str, Any]]) -> str:
    """Return a result's message with its arguments in place."""
    told = result["message"]
    text: str = told.get("text") or rules[result["ruleId"]]["messageStrings"][told["id"]]["text"]
    for index, argument in enumerate(told.get("arguments", [])):
        text = text.replace(f"{{{index}}}", argument)
    return text


def is_github(file: Path) -> bool:
    """Return whether the file has the format for GitHub code scanning."""
    return file.name.endswith(".github.sarif")


def is_azure_devops(file: Path) -> bool:
    """Return whether the file has the format for Azure DevOps."""
    return file.name.endswith(".azuredevops.sarif")


if __name__ == "__main__":
    sys.exit(main())
