"""The remedies of all failing examples: as a script, prints them for `run_remedies.py`, or checks what it printed.

    python -m tests.tools.azcli.remedies > cases.json
    python -m tests.tools.azcli.run_remedies < cases.json > bodies.json     (with Azure CLI)
    python -m tests.tools.azcli.remedies bodies.json

With ids of rules, `--rule LB003 LB004`, only theirs; without ids, all.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from auditor import bundled
from auditor.authoring import changes, fixtures, rule_files
from auditor.authoring.fixtures import Fixture
from auditor.authoring.rule_files import Example
from auditor.evaluation import engine, remedies
from auditor.evaluation.model import Finding, Outcome
from auditor.evaluation.words import variable
from auditor.rules import packs
from auditor.rules.conditions import CompiledRule
from auditor.rules.facts import FACTS

HERE = Path(__file__).resolve().parent
UNPROVED = HERE / "unproved.yaml"
"""Failing examples whose remedy cannot be proved so, each with the reason."""
CHOICES = HERE / "choices.yaml"
"""What a person might choose, and sizes that the known-good deployments do not have."""
MOST_UNPROVED = 12

Key = tuple[str, str, str]


class Examples:
    """The failing examples of the rules that have a remedy."""

    def __init__(self, wanted: Iterable[str] = ()) -> None:
        self._rules = packs.load(bundled.PACK, FACTS).rules
        with_remedy = {one.rule.id for rules in self._rules.values() for one in rules if one.rule.remedy}
        paths = packs.rule_paths(bundled.PACK)
        chosen = set(wanted) or {path.stem for path in paths}
        if unknown := chosen - {path.stem for path in paths}:
            raise SystemExit(f"there is no rule {', '.join(sorted(unknown))}")
        files = [path for path in paths if path.stem in chosen & with_remedy]
        self._chosen = chosen
        self._examples = [
            example
            for path in files
            for example in rule_files.read(path).examples
            if example.content["expect"] == "fail" and "attest" not in example.content
        ]
        self.unproved: dict[str, str] = yaml.safe_load(UNPROVED.read_text(encoding="utf-8"))
        chosen = yaml.safe_load(CHOICES.read_text(encoding="utf-8"))
        self._choices: dict[str, dict[str, str]] = chosen["choices"]
        self._sizes: dict[str, dict[str, object]] = chosen["sizes"]

    def cases(self) -> Iterator[dict[str, Any]]:
        """Yield each example with its commands and resources; one without commands has none."""
        for example in self._examples:
            changed, rules = self._place(example)
            topology = changed.topology()
            own = [one for one in rules if one.rule.id == example.rule]
            failing = [f for f in engine.evaluate(topology, own) if f.outcome is Outcome.FAIL]
            name = f"{example.rule} {example.number}"
            sizes = _sizes(fixtures.known_good(example.content["on"]))
            chosen = {
                key: value for of in ("all", example.rule, name) for key, value in self._choices.get(of, {}).items()
            }
            steps = [step for finding in failing for step in remedies.steps(finding, topology)]
            whole = all(remedies.steps(finding, topology) for finding in failing)
            yield {
                "example": name,
                "commands": [_chosen(step.command, chosen, sizes) for step in steps if step.command] if whole else [],
                "resources": [body for body in changed.inventory["value"] if "id" in body],
            }

    def faults(self, ran: Iterable[dict[str, Any]]) -> Iterator[str]:
        """Yield what is wrong with the commands, and with what their requests made of the resources."""
        results = {result["example"]: result for result in ran}
        for example in self._examples:
            name = f"{example.rule} {example.number}"
            problems = [*self._problems(example, results[name])]
            if name in self.unproved:
                if not problems:
                    yield f"{name}: unproved.yaml lists it, and it is proved"
                continue
            yield from (f"{name}: {problem}" for problem in problems)
        filled = {example.rule for example in self._examples if results[f"{example.rule} {example.number}"]["commands"]}
        for rule in sorted({example.rule for example in self._examples} - filled):
            yield f"{rule}: no command is filled in for any example"
        for name in sorted(self.unproved.keys() - results.keys()):
            if name.split(" ")[0] in self._chosen:
                yield f"unproved.yaml: there is no failing example {name}"
        if len(self.unproved) > MOST_UNPROVED:
            yield f"unproved.yaml has {len(self.unproved)} entries, more than {MOST_UNPROVED}"

    def _problems(self, example: Example, result: dict[str, Any]) -> Iterator[str]:
        yield from result["problems"]
        if result["problems"] or not result["commands"]:
            return
        changed, rules = self._place(example)
        before = evaluated(changed, rules)
        others = [body for body in changed.inventory["value"] if "id" not in body]
        after = evaluated(
            msgspec.structs.replace(changed, inventory={**changed.inventory, "value": result["resources"] + others}),
            rules,
        )
        fails = {key for key, finding in before.items() if finding.outcome is Outcome.FAIL}
        for key, finding in after.items():
            if key in fails and key[0] == example.rule and finding.outcome is not Outcome.PASS:
                yield f"{finding.subject.name} is {finding.outcome} afterwards: {described(finding)}"
            if key not in fails and finding.outcome in {Outcome.FAIL, Outcome.ERROR}:
                yield f"{key[0]} fails afterwards for {finding.subject.name}: {described(finding)}"

    def _place(self, example: Example) -> tuple[Fixture, list[CompiledRule]]:
        known_good = fixtures.known_good(example.content["on"])
        change = {key: value for key, value in example.content.items() if key in changes.KEYS}
        profile = example.content.get("profile", known_good.profile)
        changed = changes.apply(known_good, change)
        bodies = [*changed.inventory["value"], *_records(changed.inventory["value"], self._sizes)]
        return msgspec.structs.replace(changed, inventory={**changed.inventory, "value": bodies}), [
            *self._rules[profile]
        ]


def _sizes(known_good: Fixture) -> dict[str, str]:
    """Return the sizes of the VMs of a known-good deployment by name: what a person might choose."""
    vms = [body for body in known_good.inventory["value"] if "hardwareProfile" in body.get("properties", {})]
    return {body["name"]: body["properties"]["hardwareProfile"]["vmSize"] for body in vms}


def _records(bodies: list[dict[str, Any]], sizes: Mapping[str, Mapping[str, object]]) -> Iterator[dict[str, Any]]:
    """Yield SKU records of more sizes, each like that of another size in the region."""
    like = {tuple(body["locations"]): body for body in bodies if body.get("resourceType") == "virtualMachines"}
    for record in like.values():
        for name, other in sizes.items():
            capabilities = {item["name"]: item["value"] for item in record["capabilities"]} | dict(other)
            listed = [{"name": key, "value": str(value)} for key, value in capabilities.items()]
            yield {**record, "name": name, "capabilities": listed}


def _chosen(command: str, chosen: Mapping[str, object], sizes: Mapping[str, str]) -> str:
    """Return a command with its choices made; a VM gets the size that it has in `sizes` unless one is chosen."""
    words = shlex.split(command)
    size = sizes.get(words[words.index("-n") + 1], "") if "-n" in words else ""
    for name, value in ({"SIZE": size} | dict(chosen)).items():
        of_vms = value if isinstance(value, dict) else {"": value}
        of_vm = next((each for vm, each in of_vms.items() if vm in command), "")
        command = command.replace(variable(name), shlex.quote(str(of_vm)))
    return command


def evaluated(changed: Fixture, rules: Iterable[CompiledRule]) -> dict[Key, Finding]:
    """Return the findings of a changed deployment."""
    findings = engine.evaluate(changed.topology(), rules)
    return {(f.rule.id, f.deployment, f.subject.id.lower()): f for f in findings}


def described(finding: Finding) -> str:
    """Return the first observation of a finding, or why it is unknown."""
    seen = [f"{entry.path} is {entry.observed!r}, expected {entry.expected}" for entry in finding.evidence[:2]]
    return finding.reason or "; ".join(seen)


def main() -> int:
    """Print the cases, or each fault; return 1 if there is any."""
    parser = argparse.ArgumentParser()
    parser.add_argument("bodies", nargs="?", type=Path)
    parser.add_argument("--rule", nargs="*", default=[])
    options = parser.parse_args()
    examples = Examples(options.rule)
    if options.bodies is None:
        json.dump([*examples.cases()], sys.stdout)
        return 0
    ran = json.loads(options.bodies.read_text(encoding="utf-8"))
    faults = [*examples.faults(ran)]
    for fault in faults:
        print(f"FAIL {fault}")
    commands, filled = sum(len(one["commands"]) for one in ran), sum(1 for one in ran if one["commands"])
    print(f"{commands} commands of {filled} failing examples ran, {len(ran) - filled} have none, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
