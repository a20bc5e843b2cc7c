"""The commands that rules and pages show; `make azcli` runs them."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tools.azcli import commands
from tests.tools.azcli.fake_arm import PROVIDERS, FakeArm

AZCLI = Path(commands.__file__).parent
PROGRAMS = {"az", "azcopy", "curl", "Install-Module", "Start-AzBasicLoadBalancerUpgrade", "./AzureAppGWClone.ps1"}
LITERALS = {"OWASP", "DATA", "HTTPS"}
"""Values in capital letters."""
VM = f"{PROVIDERS}Microsoft.Compute/virtualMachines/VM"
GATEWAY = f"{PROVIDERS}Microsoft.Network/applicationGateways/GATEWAY"


def command_lines() -> list[tuple[str, str]]:
    of_rules = [(rule, line) for rule, lines in commands.fixes().items() for line in lines if not line.startswith("#")]
    return of_rules + [(source, line) for source, line in commands.found() if source.endswith(".md")]


@pytest.mark.slow
def test_every_line_of_a_fix_is_a_comment_or_a_whole_command() -> None:
    for source, line in command_lines():
        program, *arguments = shlex.split(line)
        assert program in PROGRAMS, f"{source}: {line}"
        assert "..." not in arguments, f"{source}: {line}"


@pytest.mark.slow
def test_each_placeholder_is_in_the_list_of_contributing() -> None:
    text = (commands.ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text[text.index("| placeholder |") :].split("\n\n")[0]
    known = {name for row in table.splitlines()[2:] for name in re.findall(r"`([A-Z_]+)`", row.split("|")[1])}
    used = {
        name.removeprefix("NEW_"): f"{source}: {line}"
        for source, line in command_lines()
        for name in re.findall(r"(?<![\w$%.-])[A-Z][A-Z_]+(?!\w)", re.sub(r"https?://\w+\.\S+", "", line))
        if name not in LITERALS
    }
    assert {name: used[name] for name in used.keys() - known} == {}
    assert known - used.keys() == set()


@pytest.mark.slow
def test_expected_yaml_says_what_each_az_command_sends() -> None:
    expected: list[dict[str, Any]] = yaml.safe_load((AZCLI / "expected.yaml").read_text(encoding="utf-8"))["commands"]
    unknown = [
        f"{source}: {line}"
        for source, line in commands.found()
        if not any(re.fullmatch(item["command"], line) for item in expected)
    ]
    assert unknown == []


@pytest.mark.slow
def test_no_command_opens_a_vm_to_the_internet_or_moves_its_disks() -> None:
    """Without these options Azure CLI creates a public IP address and a security group, or chooses LUN and caching."""
    for source, line in commands.found():
        if line.startswith("az vm create "):
            assert " --nics " in line, f"{source}: {line}"
            assert " --attach-data-disks " not in line, f"{source}: {line}"
        if line.startswith("az vm disk attach "):
            assert {"--lun", "--caching"} <= {*shlex.split(line)}, f"{source}: {line}"


@pytest.mark.slow
def test_az_graph_query_has_options_of_its_extension() -> None:
    """`make azcli` does not run it."""
    queries = [shlex.split(line) for _, line in commands.found() if line.startswith("az graph query ")]
    assert queries
    for words in queries:
        assert {word for word in words if word.startswith("-")} <= {"-q", "--first", "--skip-token", "--subscriptions"}


@pytest.fixture
def arm() -> FakeArm:
    return FakeArm(AZCLI / "estate.yaml")


def test_the_fake_arm_deletes_with_a_vm_what_its_delete_options_name(arm: FakeArm) -> None:
    status, _ = arm.answer("DELETE", VM, None)
    assert status == 200
    for kind, found in (
        ("Compute/disks/DISK", 404),
        ("Network/networkInterfaces/NIC", 404),
        ("Compute/disks/DISK2", 200),
    ):
        assert arm.answer("GET", f"{PROVIDERS}Microsoft.{kind}", None)[0] == found
    assert arm.writes[0].request == "DELETE virtualMachines/VM"


def test_the_fake_arm_refuses_what_azure_refuses(arm: FakeArm) -> None:
    disk = f"{PROVIDERS}Microsoft.Compute/disks/DISK2"
    assert arm.answer("POST", f"{disk}/beginGetAccess", {"access": "Read"})[0] == 409
    arm.answer("POST", f"{VM}/deallocate", None)
    assert arm.answer("POST", f"{disk}/beginGetAccess", {"access": "Read"})[0] == 200
    _, gateway = arm.answer("GET", GATEWAY, None)
    both = {**gateway["properties"], "autoscaleConfiguration": {"minCapacity": 2}}
    assert arm.answer("PUT", GATEWAY, {**gateway, "properties": both})[0] == 400


def test_the_fake_arm_keeps_a_new_security_rule_in_its_group_if_no_other_has_its_priority(arm: FakeArm) -> None:
    group = f"{PROVIDERS}Microsoft.Network/networkSecurityGroups/NSG"
    for priority, status in ((200, 400), (99, 400), (201, 200)):
        properties = {"priority": priority, "direction": "Inbound"}
        assert arm.answer("PUT", f"{group}/securityRules/NEW", {"properties": properties})[0] == status
    _, body = arm.answer("GET", group, None)
    assert [rule["name"] for rule in body["properties"]["securityRules"]] == ["RULE", "NEW"]


def test_the_fake_arm_notes_what_a_put_loses(arm: FakeArm) -> None:
    arm.answer("PUT", GATEWAY, {"properties": {"sku": {"name": "WAF_v2"}, "requestRoutingRules": []}})
    lost = arm.writes[0].lost
    assert {"zones", "properties.sku.capacity", "properties.requestRoutingRules[0]"} <= {*lost}
