"""Frameworks of controls in SARIF: a taxonomy for each, and the controls that a rule is relevant for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from uuid import UUID, uuid5

import sarif_om as om

from auditor.escape import printable
from auditor.report.document import Document, Framework, Rule
from auditor.report.sarif.locations import page
from auditor.report.sarif.objects import Node
from auditor.report.sarif.text import LONGEST_DESCRIPTION, sentence

_NAMESPACE: Final = UUID("f1a0c7c3-7a43-5d0b-8a4e-54b1d7f6f1d9")
"""The namespace of the GUIDs of taxonomies."""
_MEANING: Final = "A pass of a rule is evidence for a part of a control, and not for the rest of it."


class Taxonomies:
    """The frameworks and controls of the rules of a report, each with its place in the log."""

    def __init__(self, document: Document) -> None:
        """Take the frameworks that any rule has a control of."""
        found: dict[str, dict[str, int]] = {}
        for rule in document.rules:
            for control in rule.controls:
                places = found.setdefault(control.framework, {})
                places.setdefault(control.id, len(places))
        self._frameworks = [framework for framework in document.frameworks if framework.name in found]
        self._controls: Mapping[str, Mapping[str, int]] = found
        self._places = {framework.name: place for place, framework in enumerate(self._frameworks)}

    def components(self) -> list[Node]:
        """Return the taxonomies of a run."""
        return [_component(framework, self._controls[framework.name]) for framework in self._frameworks]

    def supported(self) -> list[Node]:
        """Return the references of the tool to the taxonomies."""
        return [self._reference(framework.name) for framework in self._frameworks]

    def relationships(self, rule: Rule) -> list[Node]:
        """Return the references of a rule to its controls, each once."""
        controls = dict.fromkeys((control.framework, control.id) for control in rule.controls)
        return [
            om.ReportingDescriptorRelationship(
                kinds=["relevant"],
                target=om.ReportingDescriptorReference(
                    id=printable(control),
                    index=self._controls[framework][control],
                    tool_component=self._reference(framework),
                ),
            )
            for framework, control in controls
        ]

    def _reference(self, framework: str) -> Node:
        return om.ToolComponentReference(name=framework, index=self._places[framework], guid=_guid(framework))


def tags(rule: Rule) -> list[str]:
    """Return the frameworks that a rule has a control of, by name, each once."""
    return [*dict.fromkeys(printable(control.framework) for control in rule.controls)]


def _component(framework: Framework, controls: Iterable[str]) -> Node:
    return om.ToolComponent(
        name=framework.name,
        contents=None,  # else the schema's default is written
        guid=_guid(framework.name),
        full_name=printable(f"{framework.title} {framework.version}"),
        version=printable(framework.version),
        information_uri=page(framework.url),
        is_comprehensive=False,
        short_description=om.MultiformatMessageString(text=sentence(framework.title, LONGEST_DESCRIPTION)),
        full_description=om.MultiformatMessageString(text=_MEANING),
        taxa=[om.ReportingDescriptor(id=printable(control)) for control in controls],
    )


def _guid(framework: str) -> str:
    return str(uuid5(_NAMESPACE, framework))
