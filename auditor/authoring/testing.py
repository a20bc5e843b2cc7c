"""The command `auditor rules test`: examples of rules, and mutations of what the rules read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from auditor import bundled
from auditor.authoring import fixtures, mutation_tests, rule_files
from auditor.authoring.examples import ExampleTest
from auditor.authoring.faults import Fault
from auditor.authoring.mutation_tests import MutationTest, Observation
from auditor.authoring.rule_files import Example, RuleFile
from auditor.authoring.sensitivity import Sensitivity
from auditor.errors import InputError
from auditor.rules import packs
from auditor.rules.conditions import CompiledRule
from auditor.rules.facts import FACTS

Progress = Callable[[str], None]
"""Shows a text in place of the last one."""

Rules = Mapping[str, tuple[CompiledRule, ...]]
"""Rules by profile."""


class Result(msgspec.Struct, frozen=True):
    """The result of a test of rules."""

    rules: int
    examples: int
    mutations: int
    faults: tuple[Fault, ...]


def test(path: Path | None, folders: Iterable[Path], progress: Progress) -> Result:
    """Test rules by their examples, and those that a path names also by mutations.

    The path is that of a rule file or of the folder of a pack; without one the rules of all packs are tested. `folders`
    are the packs besides the built-in one and that of the path.

    Raises:
        InputError: a file is invalid, or there is no rule to test.
    """
    if path is not None and not path.exists():
        message = "cannot be read: there is no such file or folder"
        raise InputError(message, str(path))
    chosen = _folders(path, folders)
    files = [
        rule_files.read(file) for folder in chosen for file in (folder / packs.PACK_FILE, *packs.rule_paths(folder))
    ]
    tested = [file for file in files if path is None or path.resolve() in {file.path, file.path.parent}]
    examples = [example for file in tested for example in file.examples]
    if not examples:
        message = "has no rule to test"
        raise InputError(message, str(path or ""))
    loaded = [packs.load(folder, FACTS) for folder in chosen]
    rules = {profile: packs.select(loaded, profile) for pack in loaded for profile in pack.rules}
    faults = list(_by_examples(examples, rules, progress))
    mutations = 0
    if path is not None:
        mutations, more = _by_mutations(rules, files, tested, progress)
        faults += more
    return Result(len({example.rule for example in examples}), len(examples), mutations, tuple(sorted(faults)))


def _by_examples(examples: Sequence[Example], rules: Rules, progress: Progress) -> Iterator[Fault]:
    """Yield the faults of examples."""
    tester = ExampleTest(rules)
    for number, example in enumerate(examples, start=1):
        progress(f"{example.rule}: example {number:,} of {len(examples):,}")
        yield from (Fault(example.file, example.line, f"{example}: {message}") for message in tester.check(example))


def _by_mutations(
    rules: Rules, files: Sequence[RuleFile], tested: Sequence[RuleFile], progress: Progress
) -> tuple[int, list[Fault]]:
    """Return the number of mutations and their faults, on each known-good deployment to which a tested rule applies."""
    ids = {file.rule for file in tested}
    faults: list[Fault] = []
    observations: list[Observation] = []
    tests: list[MutationTest] = []
    for name, profile in fixtures.profiles().items():
        if not ids & {rule.rule.id for rule in rules[profile]}:
            continue
        progress(f"{name}: mutations")
        test_of_one = MutationTest(Sensitivity(fixtures.known_good(name), rules[profile]), files, tested)
        mutations = test_of_one.mutations
        for number, mutation in enumerate(mutations, start=1):
            progress(f"{name}: mutation {number:,} of {len(mutations):,}")
            observations.append(test_of_one.observe(mutation))
        faults += (fault for file in tested for fault in test_of_one.cannot_fail(file))
        tests.append(test_of_one)
    faults += (*mutation_tests.faults(observations), *mutation_tests.unused(tested, tests))
    return len(observations), faults


def _folders(path: Path | None, folders: Iterable[Path]) -> list[Path]:
    """Return the folders of all packs, each once."""
    found = [bundled.PACK, *folders]
    if path is not None:
        found.append(path if path.is_dir() else path.parent)
    return list({folder.resolve(): folder for folder in reversed(found)}.values())[::-1]
