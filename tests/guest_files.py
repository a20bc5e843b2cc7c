"""Known-good deployments with their guest files, of which tests change one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache

import msgspec

from auditor import bundled
from auditor.authoring import fixtures
from auditor.estate.topology import Topology
from auditor.evaluation import engine
from auditor.evaluation.model import Finding
from auditor.snapshot.model import Snapshot
from auditor.sources.guest import folder, formats
from auditor.sources.guest.attaching import attach
from auditor.sources.guest.content import Content
from auditor.sources.guest.folder import SuppliedVm
from tests import estates

Findings = Mapping[estates.Key, Finding]


class Guest:
    """The guest files of a known-good deployment."""

    def __init__(self, name: str) -> None:
        """Read and attach them."""
        self._name = name
        self._folder = bundled.FIXTURES / name / bundled.GUEST
        self._supplied = {vm.folder: vm for vm in folder.read(self._folder)}
        bare = estates.snapshot_of(name, estates.shared_body(name))
        self._snapshot = attach(bare, tuple(self._supplied.values())).snapshot

    @property
    def files(self) -> list[str]:
        """The paths of the files in the folder, one for each different text."""
        found = {path.read_text(encoding="utf-8"): path for path in self._folder.glob("*/*")}
        return sorted(str(path.relative_to(self._folder)) for path in found.values())

    def text(self, file: str) -> str:
        """Return the text of a file by its path in the folder."""
        return (self._folder / file).read_text(encoding="utf-8")

    def content(self, file: str, text: str) -> tuple[str, Content]:
        """Return the path of the file whose content a changed text changes, and the content.

        The path of a script is that of the settings that name it.
        """
        vm, _, own = file.partition("/")
        scripts = {path.name: self.text(f"{vm}/{path.name}") for path in (self._folder / vm).glob("*.sh")}
        if own in scripts:
            own, settings = "VMSnapshotScriptPluginConfig.json", own
            scripts[settings], text = text, self.text(f"{vm}/{own}")
        found = formats.by_name(own)
        assert found is not None
        return f"{vm}/{own}", found.parse(text, scripts)

    def unread(self, file: str) -> tuple[str, Content]:
        """Return the same of a file of which nothing was read."""
        path, content = self.content(file, "")
        return path, Content({"kind": content.properties["kind"]}, {"": "nothing was read"})

    def evaluate(self, changed: tuple[str, Content], rules: Collection[str] = ()) -> Findings:
        """Return the findings where one file has another content; only those of some rules, if any."""
        file, content = changed
        vm, _, own = file.partition("/")
        supplied = self._supplied[vm]
        files = tuple(
            msgspec.structs.replace(each, content=content) if each.name == own else each for each in supplied.files
        )
        return self._findings((msgspec.structs.replace(supplied, files=files),), rules)

    def findings(self, supplied: tuple[SuppliedVm, ...]) -> Findings:
        """Return the findings where the files of some VMs are others."""
        return self._findings(supplied, ())

    def _findings(self, supplied: tuple[SuppliedVm, ...], rules: Collection[str]) -> Findings:
        snapshot: Snapshot = attach(self._snapshot, supplied).snapshot
        topology = Topology(snapshot, estates.deployments_of(self._name), fixtures.AS_OF)
        asked = [each for each in estates.rules(estates.ESTATES[self._name]) if not rules or each.rule.id in rules]
        return {(f.rule.id, f.deployment, f.subject.id.lower()): f for f in engine.evaluate(topology, asked)}


@cache
def guest(name: str) -> Guest:
    """Return the guest files of a known-good deployment."""
    return Guest(name)
