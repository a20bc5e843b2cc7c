"""Remedies: what is filled in, what is never filled in, and the order of what stops VMs."""

from __future__ import annotations

import copy
import csv
import html
import io
import json
import shlex
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from auditor import bundled
from auditor.authoring import changes, fixtures
from auditor.cli import exit_codes
from auditor.cli.main import main
from auditor.errors import InputError
from auditor.estate.topology import Topology
from auditor.evaluation import engine, remedies
from auditor.evaluation.remedies import FilledStep
from auditor.report import wording
from auditor.report.build import build
from auditor.report.document import Document, RemedyStep
from auditor.report.formats import FORMATS, RUNBOOKS
from auditor.report.remedies import lines, without_ids
from auditor.report.terminal import explanation
from auditor.report.view import View
from auditor.rules import packs
from auditor.rules.conditions import CompiledRule
from auditor.rules.facts import FACTS
from auditor.rules.model import Disturbance
from tests.report import reports
from tests.report.reports import SUBSCRIPTION

KNOWN_GOOD = "trakcare-current"
PROBE = "properties.probes[0].properties.intervalInSeconds"
GROUP = f"{SUBSCRIPTION}/resourceGroups/rg-trakcare-prod-weu"
LOST = {"set": [{"resource": "lb-web", "path": PROBE, "value": 15}]}
HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "a'; touch pwned; '",
    'a" b',
    "a b",
    "a\\",
    "~/x",
    "*",
    "!!",
    "$SIZE",
]
"""Names of which a shell would make something else if they were not quoted."""
REFUSED = ["--debug", "@/etc/passwd", "a\nb", "a\x1b[2J", "a\u202eb", "", "null"]
"""Names that Azure CLI or a terminal takes for something else even if they are quoted."""


def topology(change: dict[str, Any]) -> Topology:
    return changes.apply(fixtures.known_good(KNOWN_GOOD), change).topology()


def fails(rule: str, found: Topology) -> list[tuple[FilledStep, ...]]:
    """Return the remedies of the fails of a rule."""
    rules = [one for one in packs.load(bundled.PACK, FACTS).rules["current"] if one.rule.id == rule]
    findings = [finding for finding in engine.evaluate(found, rules) if finding.outcome.value == "fail"]
    assert findings
    return [remedies.steps(finding, found) for finding in findings]


@pytest.mark.slow
def test_names_of_the_finding_are_filled_in() -> None:
    assert fails("LB004", topology(LOST)) == [
        (
            FilledStep(
                "az network lb probe update -g rg-trakcare-prod-weu --lb-name lb-web -n web-health --interval 5 "
                "--subscription 00000000-0000-0000-0000-000000000001"
            ),
        )
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("state", "commands"), [("disabled", ["Unlocked", "Locked"]), ("Unlocked", ["Locked"])])
def test_a_step_may_be_for_some_observed_values(state: str, commands: list[str]) -> None:
    path = "properties.securitySettings.immutabilitySettings.state"
    [steps] = fails("BKP007", topology({"set": [{"resource": "rsv-trakcare-weu", "path": path, "value": state}]}))
    assert [shlex.split(step.command)[-3] for step in steps if step.command] == commands


@pytest.mark.slow
@pytest.mark.parametrize(("agent", "commands"), [("OmsAgentForLinux", 1), ("AzureDiskEncryptionForLinux", 0)])
def test_what_is_observed_of_a_named_property_is_its_value(agent: str, commands: int) -> None:
    """A disk must not be left encrypted by an extension that is gone."""
    [steps] = fails(
        "GOV005", topology({"set": [{"resource": "ama-vm-db-a", "path": "properties.type", "value": agent}]})
    )
    assert len([step for step in steps if step.command]) == commands


def named(name: str) -> Topology:
    """Return a topology in which the probe that is wrong has a name."""
    change: dict[str, Any] = copy.deepcopy(LOST)
    change["set"].append({"resource": "lb-web", "path": "properties.probes[0].name", "value": name})
    return topology(change)


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_one_word(name: str) -> None:
    [[step]] = fails("LB004", named(name))
    words = shlex.split(step.command)
    assert words[words.index("-n") + 1] == name
    assert words[-2:] == ["--subscription", "00000000-0000-0000-0000-000000000001"]


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_a_name_that_cannot_be_quoted_fills_in_nothing(name: str) -> None:
    assert fails("LB004", named(name)) == [()]


@pytest.mark.slow
def test_half_a_remedy_is_none() -> None:
    """The load-balancing rule without a probe is the concern of no step."""
    change = {"remove": [{"resource": "lb-web", "path": "properties.loadBalancingRules[0].properties.probe"}]}
    assert fails("LB004", topology(change)) == [()]


def sku(disk: str) -> dict[str, Any]:
    return {"resource": disk, "path": "sku.name", "value": "StandardSSD_LRS"}


@pytest.mark.slow
def test_a_failover_member_is_stopped_once_and_only_while_it_is_the_backup() -> None:
    caching = [
        {"resource": "vm-db-a", "path": f"properties.storageProfile.dataDisks[{number}].caching", "value": "ReadOnly"}
        for number in (1, 2)
    ]
    [steps] = fails("STO014", topology({"set": caching}))
    before, stop, first, second, start, after = steps
    assert "only if vm-db-a is now the backup failover member of the mirror TRAKDB" in before.text
    assert stop.command.startswith("az vm deallocate -g rg-trakcare-prod-weu -n vm-db-a --subscription ")
    assert stop.vm == f"{GROUP}/providers/Microsoft.Compute/virtualMachines/vm-db-a"
    assert start.command == stop.command.replace("deallocate", "start")
    assert "dataDisks[lun=1]" in first.command
    assert "dataDisks[lun=2]" in second.command
    assert [step.disturbs for step in steps if step.command] == [Disturbance.RESTARTS, *[Disturbance.NOTHING] * 3]
    assert after.text == "Wait until vm-db-a is an active failover member of the mirror TRAKDB again before you go on."


@pytest.mark.slow
def test_what_a_person_must_do_comes_before_the_vm_is_stopped() -> None:
    texts = [bool(step.text) for step in fails("STO002", topology({"set": [sku("vm-db-a-data1")]}))[0]]
    assert texts == [True, True, False, False, False, True]


@pytest.mark.slow
def test_a_choice_is_a_variable_and_the_arbiter_is_alone() -> None:
    change = {"set": [{"resource": "vm-arbiter", "path": "properties.hardwareProfile.vmSize", "value": "Basic_A1"}]}
    [(before, stop, resize, *_)] = fails("CMP002", topology(change))
    assert "vm-arbiter is the arbiter of the mirror TRAKDB: go on only if both failover members" in before.text
    assert [*stop.choices] == ["SIZE"]
    assert resize.command.startswith(
        'az vm resize -g rg-trakcare-prod-weu -n vm-arbiter --size "${SIZE:?}" --subscription '
    )


@pytest.mark.slow
def test_of_alternatives_one_is_enough() -> None:
    """A profile that is disabled fails a rule that an Azure Front Door would pass, too."""
    change = {"set": [{"resource": "tm-trakcare", "path": "properties.profileStatus", "value": "Disabled"}]}
    [[step]] = fails("DR008", topology(change))
    assert "traffic-manager profile update" in step.command
    assert step.command.count("--status Enabled") == 1


@pytest.mark.slow
def test_a_part_has_a_part_around_it_and_a_path() -> None:
    pool, probe = "properties.backendAddressPools[0]", "properties.probes[0].properties.noHealthyBackendsBehavior"
    address = f"{pool}.properties.loadBalancerBackendAddresses[1]"
    values = {
        f"{address}.properties.adminState": "Up",
        f"{address}.name": "b",
        f"{pool}.name": "p",
        probe: "AllProbedUp",
    }
    change = {"set": [{"resource": "lb-mirror", "path": path, "value": value} for path, value in values.items()]}
    [steps] = fails("MIR005", topology(change))
    commands = [step.command for step in steps if step.command]
    assert "--pool-name p -n b --admin-state None" in commands[0]
    assert f"--set '{probe}=AllProbedDown'" in commands[1]


POOL = "properties.backendAddressPools[0]"
LACKS_B = {"resource": "lb-mirror", "path": f"{POOL}.properties.backendIPConfigurations[1]"}
NETWORK = f"{SUBSCRIPTION}/resourceGroups/rg-trakcare-network/providers/Microsoft.Network/virtualNetworks"
AT_ADDRESSES: dict[str, Any] = {
    "virtualNetwork": {"id": f"{NETWORK}/vnet-trakcare-weu"},
    "loadBalancerBackendAddresses": [
        {"name": f"at {last}", "properties": {"ipAddress": f"10.10.{last}"}} for last in ("1.11", "1.12", "2.11")
    ],
}


@pytest.mark.slow
def test_a_step_names_a_second_place_and_what_encloses_a_part() -> None:
    pool = f"{GROUP}/providers/Microsoft.Network/loadBalancers/lb-mirror/backendAddressPools/pool"
    addresses = {"resource": "lb-mirror", "path": f"{POOL}.properties.loadBalancerBackendAddresses"}
    [steps] = fails("MIR002", topology({"remove": [LACKS_B, addresses]}))
    assert f"add -g rg-trakcare-prod-weu --nic-name vm-db-b-nic -n ipconfig1 --address-pool {pool} " in steps[1].command
    change = {"set": [{"resource": "lb-mirror", "path": f"{POOL}.properties", "value": AT_ADDRESSES}]}
    [steps] = fails("MIR002", topology(change))
    assert (
        "address remove -g rg-trakcare-prod-weu --lb-name lb-mirror --pool-name pool -n 'at 2.11' " in steps[1].command
    )
    change["set"][0]["value"] = {
        **AT_ADDRESSES,
        "loadBalancerBackendAddresses": AT_ADDRESSES["loadBalancerBackendAddresses"][:1],
    }
    assert fails("MIR002", topology(change)) == [()]


HTTP_ONLY = {"resource": "agw-trakcare", "path": "properties.httpListeners[0].properties.protocol", "value": "Http"}
SERVES = "properties.requestRoutingRules[1].properties.redirectConfiguration"


@pytest.mark.slow
def test_what_is_needed_in_any_case_is_no_alternative() -> None:
    """A listener that redirects would be enough, were there an HTTPS listener at all."""
    serves = {"remove": [{"resource": "agw-trakcare", "path": SERVES}]}
    [steps] = fails("LB013", topology(serves))
    assert [step.command.split(" -g")[0] for step in steps if step.command] == [
        "az network application-gateway redirect-config create",
        "az network application-gateway rule update",
    ]
    assert fails("LB013", topology({**serves, "set": [HTTP_ONLY]})) == [()]


def scanned(capsys: pytest.CaptureFixture[str], *options: str) -> str:
    assert main(["remedy", "--demo", *options]) == exit_codes.OK
    return capsys.readouterr().out


@pytest.mark.slow
def test_the_runbook_has_every_fail(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    kept = tmp_path / "report.json"
    main(["scan", "--demo", "-o", f"json={kept}"])
    capsys.readouterr()
    document = msgspec.json.decode(kept.read_bytes(), type=Document)
    assert main(["remedy", str(kept)]) == exit_codes.OK
    shown = capsys.readouterr().out
    assert shown == scanned(capsys)
    open_ = [finding for finding in document.findings if finding.outcome.value == "fail" and not finding.waiver]
    assert shown.count("\n### ") == len(open_)
    script = scanned(capsys, "-o", "sh", "--rule", "lb004")
    assert script.startswith("#!/bin/sh\n# Runbook for 1 fail, 1 with commands")


def hostile(document: Document) -> Document:
    """Return a report in which all texts that come from Azure or users are hostile."""
    text = "```\n$(touch pwned)\n`touch pwned`\x1b[2J'; touch pwned #"
    findings = tuple(
        msgspec.structs.replace(
            finding,
            headline=text,
            fix=f"# {text}",
            subject=msgspec.structs.replace(finding.subject, name=text),
            remedy=tuple(
                msgspec.structs.replace(one, text=one.text and text, choices={"SIZE": text} if one.command else {})
                for one in finding.remedy
            ),
        )
        for finding in document.findings
    )
    return msgspec.structs.replace(document, findings=findings)


@pytest.mark.slow
def test_no_text_becomes_a_command(tmp_path: Path) -> None:
    kept = tmp_path / "report.json"
    main(["scan", "--demo", "-o", f"json={kept}"])
    document = hostile(msgspec.json.decode(kept.read_bytes(), type=Document))
    script = RUNBOOKS["sh"].render(document, View())
    commands = [line for line in script.splitlines()[7:] if line and not line.startswith("#")]
    assert {line.split(" ")[0].split("=")[0] for line in commands} == {"az", "confirm", "SIZE"}
    for line in commands:
        words = shlex.split(line.removeprefix("SIZE=$(").removesuffix(")") if line.startswith("SIZE=") else line)
        assert words[0] == "az" or len(words) == 2
    fences = [line for line in RUNBOOKS["markdown"].render(document, View()).splitlines() if line.startswith("```")]
    assert {len(line) - len(line.lstrip("`")) for line in fences} == {3, 4}  # 3 around our own words


GUID = "0a1b2c3d-0000-4000-8000-00000000000f"
IN_FORMATS = (
    RemedyStep(text="Look first."),
    RemedyStep(command=f"az x -n 'a b' --ids '/subscriptions/{GUID}/a b' --size \"$SIZE\" --subscription {GUID}"),
)


def with_steps(*steps: RemedyStep) -> Document:
    """Return a report of one fail with these steps."""
    document = build(reports.report(reports.finding(subject=reports.vm("vm-a"))), passes=False)
    (finding,) = document.findings
    return msgspec.structs.replace(document, findings=(msgspec.structs.replace(finding, remedy=steps),))


def test_a_variable_stands_for_the_subscription_where_ids_are_hidden() -> None:
    (finding,) = without_ids(with_steps(*IN_FORMATS)).findings
    command, variable = finding.remedy[1].command or "", wording.alias(GUID).upper().replace("-", "_")
    assert GUID not in command
    for given, words in (({variable: GUID, "SIZE": "s m"}, shlex.split(IN_FORMATS[1].command or "")), ({}, [])):
        script = f"az() {{ printf '%s\\n' az \"$@\"; }}; {command}"
        said = subprocess.run(["/bin/sh", "-c", script], env=given, capture_output=True, text=True, check=False)
        assert said.stdout.splitlines() == [word.replace("$SIZE", "s m") for word in words]
        assert (said.returncode == 0) is bool(words)


@pytest.mark.slow
def test_formats_show_the_steps_of_the_finding_in_place_of_the_fix() -> None:
    document = with_steps(*IN_FORMATS)
    names = ("markdown", "html", "csv", "junit", "sarif", "sarif-github", "sarif-azuredevops")
    shown = {name: FORMATS[name].render(document, View()) for name in names}
    command = without_ids(document).findings[0].remedy[1].command or ""
    for name in ("markdown", "html"):
        assert GUID not in shown[name]
        assert command in html.unescape(shown[name])
        assert "$SIZE" in shown[name]
    (row,) = csv.DictReader(io.StringIO(shown["csv"], newline=""))
    assert row["commands"] == f"Step 1 of 2: Look first; Step 2 of 2: Disturbs: nothing. Run: {IN_FORMATS[1].command}"
    lines = ["# Look first.", "# Disturbs: nothing.", IN_FORMATS[1].command]
    assert ET.fromstring(shown["junit"]).findtext(".//failure", "").splitlines()[-3:] == lines  # noqa: S314 - its own output
    for name in ("sarif", "sarif-github", "sarif-azuredevops"):
        (result,) = json.loads(shown[name])["runs"][0]["results"]
        assert result["properties"]["remedy"] == lines
        assert result["message"]["text"].endswith(f"Run: {IN_FORMATS[1].command}; nothing of this was run.")


def test_what_several_steps_in_a_row_disturb_is_said_once() -> None:
    steps = [
        RemedyStep(command="az 1"),
        RemedyStep(command="az 2"),
        RemedyStep(text="Wait."),
        RemedyStep(command="az 3"),
    ]
    (finding,) = with_steps(*steps).findings
    assert [*lines(finding)] == ["# Disturbs: nothing.", "az 1", "az 2", "# Wait.", "# Disturbs: nothing.", "az 3"]


def test_the_terminal_shows_the_fix_only_where_a_fail_has_no_steps() -> None:
    for document, label in ((with_steps(*IN_FORMATS), "Do "), (with_steps(), "Fix ")):
        details = FORMATS["terminal"].render(document, View(details=True, width=200))
        for shown in (details, explanation.render(document, reports.PROBE.id, "", View(width=200))):
            assert [word for word in ("Do ", "Fix ") if f"  {word} " in shown or f"\n{word} " in shown] == [label]


@pytest.mark.parametrize("value", ["{a}", "a[0]", "<b>"])
def test_a_message_of_sarif_has_no_command_that_its_escapes_would_change(value: str) -> None:
    shown = FORMATS["sarif"].render(with_steps(RemedyStep(command=f"az x '{value}'")), View())
    (result,) = json.loads(shown)["runs"][0]["results"]
    assert "az x" not in result["message"]["text"]
    assert "auditor remedy prints" in result["message"]["text"]
    assert f"az x '{value}'" in result["properties"]["remedy"]


def test_markdown_has_no_more_commands_than_a_summary_can_hold() -> None:
    document = with_steps(RemedyStep(command=f"az {'x' * 100_000}"))
    text = FORMATS["markdown"].render(msgspec.structs.replace(document, findings=document.findings * 3), View())
    assert text.endswith("2 more findings can be corrected by commands; auditor remedy prints them.\n")


RULE = """\
id: XX001
title: Load balancers are as they should be here
severity: high
sources: [{title: A page, url: 'https://example.com', date: '2026'}]
for: [FOR]
assert: {field: sku.name, equals: Standard}
params: {longest: 5}
profiles: {current: {}}
why: It is only for this test.
fix: '# Nothing is to be done.'
remedy:
  - STEP
examples: [{on: trakcare-current, expect: pass}, {on: trakcare-current, expect: fail, because: it is a test}]
"""


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("{run: 'az x -n {nam}', disturbs: nothing}", "nothing fills in {nam}"),
        ("{run: 'az x -n {part}', disturbs: nothing}", "nothing fills in {part}; `for` has no path with [*]"),
        (
            "{run: 'az x {parent}', disturbs: nothing, for: {type: Microsoft.Network/loadBalancers, path: 'a[*]'}}",
            "nothing fills in {parent}; `for` has no path with two [*]",
        ),
        (
            "{run: 'az x -n {other}', disturbs: nothing}",
            "nothing fills in {other}; `for` has no `other` with a path with [*]",
        ),
        ("{run: 'az x -n {place}', disturbs: nothing}", "nothing fills in {place}; `for` has no path with [*]"),
        ("{run: 'az x -n {param.shortest}', disturbs: nothing}", "`params` has no such name"),
        ("{run: 'az x -n {setting.x}', disturbs: nothing}", "`settings` has no such name"),
        ("{run: 'az x --lun {attachment.lun}', disturbs: nothing}", "`for` names no managed disks"),
        ("{run: 'az x -n {SIZE}', disturbs: nothing}", "`choose` does not say what it is"),
        ("{run: 'az x', disturbs: nothing, choose: {SIZE: how large it is to be}}", "the command has no {SIZE}"),
        ("{run: 'az x {PATH}', disturbs: nothing, choose: {PATH: the path of a page}}", "PATH"),
        ("{run: 'az x -n {', disturbs: nothing}", "a brace must belong to a {placeholder}"),
        ("{run: 'az x {{{name}}', disturbs: nothing}", "a brace must belong to a {placeholder}"),
        ("{run: 'az x -n ''a', disturbs: nothing}", "`run` is not a command: No closing quotation"),
        ("{run: 'az x', disturbs: restarts a VM}", "`vm` must name the VM that it restarts"),
        ("{run: 'az x -n {resource.a..b}', disturbs: nothing}", "'a..b' is not a property path"),
        ("{run: az x, disturbs: nothing, stopped: true}", "a VM is stopped `disturbs: restarts a VM`"),
        ("{run: az x, disturbs: nothing, for: {type: A.B/c, with: a..b}}", "'a..b' is not a property path"),
        ("{run: 'rm -rf x', disturbs: nothing}", "remedy"),
    ],
)
def test_a_step_that_nothing_fills_in_is_refused_with_its_line(tmp_path: Path, step: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        load(tmp_path, step, "{type: Microsoft.Network/loadBalancers}")
    assert message in str(error.value)
    assert ":12: " in str(error.value)


PACK = """\
format: auditor.pack/1
name: test-pack
title: Rules for a test
profiles: {current: rules for a test}
statements: {}
"""


def load(folder: Path, step: str, target: str) -> list[CompiledRule]:
    (folder / "pack.yaml").write_text(PACK)
    (folder / "XX001.yaml").write_text(RULE.replace("FOR", target).replace("STEP", step))
    return [*packs.load(folder, FACTS).rules["current"]]


@pytest.mark.parametrize(("name", "value"), [("a b", '{"of": "a b"}'), ('a", "b', None), ("a\\", None)])
def test_a_name_in_json_is_only_a_value(tmp_path: Path, name: str, value: str | None) -> None:
    step = """{run: "az x --of '{{\\"of\\": \\"{resource.sku.name}\\"}}'", disturbs: nothing}"""
    rules = load(tmp_path, step, "{type: Microsoft.Network/loadBalancers}")
    found = topology({"set": [{"resource": "lb-web", "path": "sku.name", "value": name}]})
    steps = [remedies.steps(one, found) for one in engine.evaluate(found, rules) if one.outcome.value == "fail"]
    assert [[shlex.split(step.command)[3] for step in one] for one in steps] == [[value] if value else []]


def test_a_mirror_is_no_resource(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`for` must name the resources"):
        load(tmp_path, "{run: az x, disturbs: nothing}", "{kind: mirror}")


@pytest.mark.parametrize(
    "command",
    ["az x  -n a ", "az x\t-n\na", "az x -n 'a b' \"c d\"", "az x -n a\\ b", "az x -n a\xa0b\x0bc", "az x #a -n"],
)
def test_a_command_has_the_words_that_a_shell_makes_of_it(tmp_path: Path, command: str) -> None:
    step = f"{{run: {json.dumps(command)}, disturbs: nothing}}"
    [rule] = load(tmp_path, step, "{type: Microsoft.Network/loadBalancers}")
    assert [*rule.rule.remedy[0].words] == shlex.split(command)
