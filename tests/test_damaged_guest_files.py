"""A guest file that is damaged never gives an outcome that the whole file does not give, but unknown.

A character that is lost or doubled can leave another valid value in its place (`2000` becomes `22000`, an address
another address). Nothing shows this in the file alone, and only there the outcome may be another one: `VALID` lists
these rules and values. The SHA-256 in the manifest shows it. Likewise, a log that is cut is an earlier log, and a
script that is cut at the end of a line is a whole script.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from auditor import bundled
from auditor.evaluation.model import Outcome
from auditor.sources.guest import folder
from auditor.sources.guest.content import Content
from tests.bad_guest_files import BAD_FILES, GUEST, NAME, BadFile
from tests.guest_files import Findings, Guest, guest

pytestmark = pytest.mark.slow

WITHOUT: Final = {"DEP003", "MIR001", "MIR002", "MIR019", "MIR027", "MIR028"}
"""Rules that also pass without the file: they compare it with what else is known."""
VALID: Final[dict[str, dict[str, str]]] = {
    "a number with a digit more or less is another number": {
        "BKP004": "settings.timeoutInSeconds",
        "CMP007": "config.globals[*] config.gmheap config.routines[*]",
        "MIR014": "mirrors[*].qosTimeout",
    },
    "an address with a digit or dot more or less is that of another VM or of none": {
        "MIR020": "mirrorMembers[*].agentAddress mirrorMembers[*].mirrorPrivate mirrorMembers[*].superServerAddress",
    },
    "the CPFs of two members are compared, and any valid value of one may differ from that of the other": {
        "GOV007": "config.globals[*] config.gmheap config.jrnbufs config.maxServerConn config.maxServers "
        "config.memlock config.routines[*] configFile.version databases[*].name maps[*].count maps[*].namespace "
        "maps[*].sha256 namespaces[*].globals namespaces[*].name startup.defaultPort startup.webServerPort",
        # Without the comma behind the port of the arbiter, all values that follow are valid in their new places.
        "MIR016": "mirrorMembers[*].agentAddress mirrorMembers[*].mirrorPrivate mirrorMembers[*].name "
        "mirrorMembers[*].superServerAddress mirrorMembers[*].superServerPort mirrors[*].arbiter.host "
        "mirrors[*].arbiter.port mirrors[*].parallelDejournaling mirrors[*].qosTimeout",
    },
    "a directory has any name, and another one is on another file system": {
        "STO009": "journal.alternateDirectory journal.currentDirectory",
        "STO010": "journal.alternateDirectory journal.currentDirectory",
        "STO016": "databases[*].directory",
        "STO021": "databases[*].directory mounts[*].target",
    },
    "a database has any name, and one that is not known as that of an installation is not one of these": {
        "STO009": "databases[*].name",
    },
    "a script with another number, or another name of a program, exits with another status": {
        "BKP004": "postScript.exit preScript.callsThaw preScript.exit",
    },
    "in older Web Gateways, a hash differs from plain text by its first character alone, the digit 1": {
        "SEC018": "system.passwordForm",
    },
}
"""By the reason, rules with the values of which another valid one may give another outcome."""
MIRRORS: Final = re.compile(r"^\[(?:Map)?Mirrors.*?(?=^\[(?!MapMirrors))", re.MULTILINE | re.DOTALL)
"""The sections of a CPF about mirrors, whose values are known by their place."""
GOOD: Final = [
    (name, file)
    for name, vms in {
        "trakcare-current": ("vm-db-a", "vm-app-a", "vm-web-a"),
        "trakcare-2018": ("vm-db-a", "vm-web-a"),
        "healthshare-current": ("vm-hshc-db-a",),
    }.items()
    for vm in vms
    for file in sorted(
        f"{vm}/{path.name}" for path in (bundled.FIXTURES / name / bundled.GUEST / vm).iterdir() if path.is_file()
    )
]
"""The known-good deployments and files of VMs of each kind."""


def damaged(file: str, whole: str, most: int, *, mirrors: bool = False) -> Iterator[str]:
    """Yield a text with a character deleted, or doubled, or cut, at some places; `mirrors` adds those about mirrors."""
    chosen = random.Random(file)
    places = {*chosen.sample(range(len(whole)), min(most, len(whole)))}
    # What joins or splits lines and values.
    signs = [match.start() for match in re.finditer(r"\n\[|[\n\],=\"]", whole)]
    places |= {*chosen.sample(signs, min(most // 3, len(signs)))}
    if mirrors and (found := MIRRORS.search(whole)):
        places |= {*range(found.start(), found.end())}
    for place in sorted(places):
        yield whole[:place] + whole[place + 1 :]
        yield whole[:place] + whole[place] + whole[place:]
    for place in chosen.sample(range(len(whole)), min(most // 4, len(whole))):
        if not (file.endswith(".log") or (file.endswith(".sh") and whole[:place].endswith("\n"))):
            yield whole[:place]


def values(value: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each value."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield from values(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from values(item, f"{path}[{index}]")
    else:
        yield path


def has_other_values(found: Content, whole: Content) -> bool:
    """Return whether a content differs only in values, so that nothing in the file shows the damage."""
    return found.unread.keys() == whole.unread.keys() and [*values(found.properties)] == [*values(whole.properties)]


def changed_values(found: Any, whole: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each value that differs in properties of the same structure, with `[*]` for every index."""
    if isinstance(whole, dict):
        for key, item in whole.items():
            yield from changed_values(found[key], item, f"{path}.{key}".removeprefix("."))
    elif isinstance(whole, list):
        for own, item in zip(found, whole, strict=True):
            yield from changed_values(own, item, f"{path}[*]")
    elif found != whole:
        yield path


def excused(found: Content, whole: Content) -> set[str]:
    """Return the rules of which a damage that leaves other valid values may change the outcome."""
    if not has_other_values(found, whole):
        return set()
    changed = {*changed_values(found.properties, whole.properties)}
    listed: defaultdict[str, set[str]] = defaultdict(set)
    for rules in VALID.values():
        for rule, paths in rules.items():
            listed[rule] |= {*paths.split()}
    return {rule for rule, paths in listed.items() if changed <= paths}


def other_outcomes(whole: Findings, now: Findings, excused: Collection[str] = ()) -> Iterator[str]:
    """Yield outcomes, but those of some rules, that a loss of knowledge changed to anything but unknown."""
    unknown = {key[:2] for key, finding in now.items() if finding.outcome is Outcome.UNKNOWN}
    for key in whole.keys() | now.keys():
        before, after = (found[key].outcome if key in found else None for found in (whole, now))
        vanished = after is None and key[:2] in unknown
        if before is not after and after is not Outcome.UNKNOWN and not vanished and key[0] not in {*WITHOUT, *excused}:
            yield f"{key} was {before} and is {after}"


def check(own: Guest, file: str, whole: str, texts: Iterator[str]) -> None:
    """Compare the outcomes of damaged files with those of the whole one."""
    path, content = own.content(file, whole)
    every, without = own.evaluate((path, content)), own.evaluate(own.unread(path))
    reading = {
        key[0]
        for key in every.keys() | without.keys()
        if key not in every or key not in without or every[key].outcome is not without[key].outcome
    }
    before = {key: finding for key, finding in every.items() if key[0] in reading}
    seen: list[Content] = []
    for text in texts:
        changed = own.content(file, text)
        if changed[1] in seen or not reading:
            continue
        seen.append(changed[1])
        after = own.evaluate(changed, reading)
        errors = [finding.reasons for finding in after.values() if finding.outcome is Outcome.ERROR]
        assert not errors, text
        assert [*other_outcomes(before, after, excused(changed[1], content))] == [], text


@pytest.mark.parametrize("bad", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_no_damage_makes_a_bad_file_pass(bad: BadFile) -> None:
    most = 60 if bad.file.endswith(".cpf") else 120
    texts = damaged(bad.file, bad.text, most, mirrors=bad is BAD_FILES["cpf"])
    check(guest(NAME), bad.file, bad.text, texts)


@pytest.mark.parametrize(("name", "file"), GOOD)
def test_no_damage_makes_a_good_file_fail(name: str, file: str) -> None:
    own = guest(name)
    whole = own.text(file)
    check(own, file, whole, damaged(file, whole, 24))


@pytest.mark.parametrize("bad", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_with_a_hash_no_damage_is_another_value(bad: BadFile, tmp_path: Path) -> None:
    """Each of these has a digit or letter twice, which leaves another valid value in its place."""
    copied = tmp_path / "guest"
    shutil.copytree(GUEST, copied)
    vm, _, own = bad.file.partition("/")
    manifest = copied / "manifest.yaml"
    line = next(line for line in manifest.read_text().splitlines() if f": {vm}, at:" in line)
    sha256 = hashlib.sha256(bad.text.encode()).hexdigest()
    listed = line.replace(f"{own}", f"{{name: {own}, sha256: {sha256}}}", 1)
    manifest.write_text(manifest.read_text().replace(line, listed))

    def findings(text: str) -> Findings:
        (copied / bad.file).write_text(text, encoding="utf-8")
        return guest(NAME).findings(folder.read(copied))

    whole = findings(bad.text)
    assert {key[0] for key, finding in whole.items() if finding.outcome is Outcome.FAIL} == {*bad.fails.split()}
    now = findings(doubled(bad))
    assert [*other_outcomes(whole, now)] == []
    lost = {key[0] for key, finding in now.items() if finding.outcome is Outcome.UNKNOWN}
    assert lost >= {*bad.fails.split()} - WITHOUT


def doubled(bad: BadFile) -> str:
    """Return a bad file in which the first digit behind what is bad is there twice."""
    start = bad.text.index(next(iter(bad.changes.values())))
    place = next(place for place in itertools.count(start) if bad.text[place].isalnum())
    return bad.text[:place] + bad.text[place] + bad.text[place:]
