"""Locations in SARIF: lines of the deployment file, paths for resources in Azure, and addresses of web pages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import quote

import sarif_om as om

from auditor.azure import arm
from auditor.escape import printable
from auditor.report import wording
from auditor.report.document import Subject
from auditor.report.sarif.objects import Node, Plain, plain


def is_declared(subject: Subject, file: str) -> bool:
    """Return whether a subject has a line in a deployment file with a relative URI."""
    return bool(file and subject.line)


@lru_cache(maxsize=4096)
def location(subject: Subject, file: str) -> Node:
    """Return the line of a deployment file that declares a subject, else a path made from its id.

    Many findings have the same subject, whose location they share.
    """
    declared = is_declared(subject, file)
    artifact = (
        om.ArtifactLocation(uri=file, uri_base_id="%SRCROOT%")
        if declared
        else om.ArtifactLocation(uri=_path_of(subject.id))
    )
    found = om.Location(
        physical_location=om.PhysicalLocation(
            artifact_location=artifact, region=om.Region(start_line=subject.line if declared else 1)
        ),
        logical_locations=[
            om.LogicalLocation(
                name=printable(subject.name), fully_qualified_name=printable(subject.id), kind="resource"
            )
        ],
    )
    return Plain(plain(found))


def relative_uri(file: str) -> str:
    """Return the path of a file as a relative URI, "" if it is absolute, leads upwards or is not printable."""
    parts = [part for part in file.replace("\\", "/").split("/") if part != "."]
    path = "/".join(parts)
    clean = path and not {"", ".."} & {*parts} and ":" not in parts[0] and printable(path) == path
    return quote(path) if clean else ""


def _path_of(subject_id: str) -> str:
    """Return the path for a subject without a line; it does not reveal the subscription id."""
    parts = arm.key(subject_id).split("/")
    if not arm.is_id(subject_id):
        return "/".join(("azure/deployments", *map(segment, parts)))
    alias = wording.alias(arm.name_of(arm.subscription_of(subject_id)))
    rest = parts[3:]
    constant = (0, 2) if rest[:1] == ["resourcegroups"] else (0,)  # `resourceGroups` and `providers`
    return "/".join(("azure", alias, *(segment(part) for index, part in enumerate(rest) if index not in constant)))


def page(address: str) -> str:
    """Return the address of a web page without characters that could end a link."""
    return _NO_ESCAPE.sub("%25", quote(printable(address), safe=":/?#@!$&'()*+,;=%~"))


def first_page(addresses: Iterable[str]) -> str | None:
    """Return the first address of a web page; viewers make a link of it."""
    return next((page(address) for address in addresses if address.startswith("https://")), None)


_NO_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")


def segment(text: str) -> str:
    """Return a text as one segment of a path, also after it is decoded."""
    name = re.sub(r"[/\\]", "_", printable(text.lower()))
    return quote(name, safe="") if name.strip(".") else "_"
