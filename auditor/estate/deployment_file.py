"""The deployment file: reading and validation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from auditor import yaml_documents
from auditor.azure import arm
from auditor.azure.types.names import VM
from auditor.errors import InputError
from auditor.estate.declaration import (
    NONE,
    DeclaredBackup,
    DeclaredDeployment,
    DeclaredMirror,
    DeclaredObjective,
    DeclaredTier,
    Role,
    Roster,
    Selector,
)
from auditor.snapshot.model import Snapshot
from auditor.yaml_documents import Document

_GLOB_CHARACTERS: Final = frozenset("*?[")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600}


class Declarations(msgspec.Struct, frozen=True):
    """The content of a deployment file."""

    deployments: tuple[DeclaredDeployment, ...] = ()
    text: str = ""
    """The file as it was written, which a snapshot carries."""


NOTHING: Final = Declarations()
"""What is declared where there is no deployment file."""


def read(path: Path) -> Declarations:
    """Read a deployment file.

    Raises:
        InputError: the file is unreadable or wrong.
    """
    data = yaml_documents.load(path)
    return Declarations(load(yaml_documents.parse(data, str(path))), data.decode("utf-8-sig"))


def carried_by(*snapshots: Snapshot | None) -> Declarations:
    """Return the deployment file that the first of several snapshots carries, empty where none does.

    Raises:
        InputError: the file is wrong.
    """
    text = next((snapshot.deployment for snapshot in snapshots if snapshot and snapshot.deployment), "")
    if not text:
        return NOTHING
    return Declarations(load(yaml_documents.parse(text.encode(), "the deployment file in the snapshot")), text)


def load(document: Document) -> tuple[DeclaredDeployment, ...]:
    """Return the deployments of a file.

    Raises:
        InputError: the file does not follow its schema, or two deployments, mirrors or tiers have one name.
    """
    value: Any = document.check("deployment").value
    declared = tuple(_deployment(document, entry) for entry in value["deployments"])
    _refuse_duplicates(document, [(entry["name"], entry) for entry in value["deployments"]], "deployment")
    return declared


def _deployment(document: Document, entry: dict[str, Any]) -> DeclaredDeployment:
    """Return one deployment of the file."""
    mirrors, tiers = _entries(entry, "mirrors"), _entries(entry, "tiers")
    _refuse_duplicates(document, [(mirror["name"], mirror) for mirror in mirrors], "mirror")
    _refuse_duplicates(document, [(f"{t['role']} {t.get('product', '')}".strip(), t) for t in tiers], "tier")
    settings: dict[str, float] = entry.get("settings", {})
    regions: dict[str, str] = entry["regions"]
    if arm.location(regions["primary"]) == arm.location(regions.get("dr", "")):
        message = "the DR region is the primary region; write `dr: none` if there is no DR region"
        raise document.error(message, regions, "dr")
    return DeclaredDeployment(
        name=entry["name"],
        product=entry["product"],
        environment=entry.get("environment", "production"),
        entrance=entry.get("entrance", ""),
        connectivity=tuple(_entries(entry, "connectivity")) if "connectivity" in entry else None,
        dns=_domain_names(entry.get("dns", [])),
        subscriptions=tuple(_subscription(text) for text in entry.get("subscriptions", ())),
        primary_region=arm.location(regions["primary"]),
        dr_region=arm.location(regions.get("dr", "")),
        mirrors=tuple(_mirror(document, mirror, entry["product"]) for mirror in mirrors)
        if "mirrors" in entry
        else None,
        tiers=tuple(
            DeclaredTier(
                role=Role(tier["role"]),
                members=_roster(document, tier, "members"),
                product=tier.get("product", ""),
                line=document.line(tier),
            )
            for tier in tiers
        )
        if "tiers" in entry
        else None,
        resource_groups=tuple(name.lower() for name in entry.get("scope", {}).get("resourceGroups", ())),
        backup=DeclaredBackup(**entry["backup"]) if "backup" in entry else None,
        firewall=entry.get("firewall", ""),
        key_vaults=tuple(entry.get("keyVaults", ())),
        guest=entry.get("guest", "optional"),
        settings=settings,
        setting_lines={name: document.line(settings, name) for name in settings},
        objectives=_objectives(document, entry.get("objectives", {})),
        file=document.file,
        line=document.line(entry),
    )


def _entries(entry: Mapping[str, Any], key: str) -> list[Any]:
    """Return a list, empty if it is declared as `none`."""
    found = entry.get(key, NONE)
    return [] if found == NONE else found


def _objectives(document: Document, entry: dict[str, dict[str, str]]) -> dict[str, DeclaredObjective]:
    """Return the objectives by kind of loss."""
    return {
        kind: DeclaredObjective(**{name: _seconds(text) for name, text in own.items()}, line=document.line(entry, kind))
        for kind, own in entry.items()
    }


def _seconds(text: str) -> float:
    """Return a time such as `60s`, `15m` or `4h` in seconds."""
    return float(text[:-1]) * _UNITS[text[-1]]


def _domain_names(found: str | list[str]) -> tuple[str, ...]:
    """Return one or several domain names as they are compared: in lower case, without a trailing dot."""
    names = [found] if isinstance(found, str) else found
    return tuple(dict.fromkeys(name.lower().rstrip(".") for name in names))


def _subscription(text: str) -> str:
    """Return the key of a subscription that is written as an ARM id or as a GUID."""
    return arm.key(text if arm.is_id(text) else f"/subscriptions/{text}")


def _mirror(document: Document, entry: dict[str, Any], product: str) -> DeclaredMirror:
    """Return one mirror; its product defaults to that of the deployment."""
    disks: Mapping[str, list[int]] = entry.get("disks", {})
    arbiter = entry.get("arbiter")
    address: str = arbiter.get("address", "") if isinstance(arbiter, dict) else ""
    return DeclaredMirror(
        name=entry["name"],
        product=entry.get("product", product),
        address_kind=entry.get("address", {}).get("kind", "load-balancer"),
        failover=_roster(document, entry, "failover"),
        arbiter=Roster(declared=True, line=document.line(entry, "arbiter"))
        if address
        else _roster(document, entry, "arbiter"),
        arbiter_address=address,
        dr=_roster(document, entry, "dr"),
        reporting=_roster(document, entry, "reporting"),
        superserver=entry.get("superserver", 0),
        ports=tuple(entry.get("ports", ())),
        disks={purpose: tuple(luns) for purpose, luns in disks.items()},
        line=document.line(entry),
    )


def _roster(document: Document, entry: dict[str, Any], key: str) -> Roster:
    """Return the members of a role: a list, a single member, `none`, or undeclared."""
    if key not in entry:
        return Roster()
    found = entry[key]
    line = document.line(entry, key)
    if isinstance(found, str) and found.lower() == NONE:
        return Roster(declared=True, line=line)
    if not isinstance(found, list):
        return Roster(declared=True, selectors=(_selector(document, found, line),), line=line)
    selectors = tuple(_selector(document, member, document.line(found, i)) for i, member in enumerate(found))
    before: set[str] = set()
    for index, selector in enumerate(selectors):
        if str(selector).lower() in before:
            message = f"{key} lists '{selector}' twice"
            raise document.error(message, found, index)
        before.add(str(selector).lower())
        if selector.value.lower() == NONE and selector.kind == "name":
            instead = "" if key == "failover" else f": write `{key}: none` if there is none"
            message = f"{key} lists a virtual machine named 'none'{instead}"
            raise document.error(message, found, index)
    return Roster(declared=True, selectors=selectors, line=line)


def _selector(document: Document, member: Any, line: int) -> Selector:  # noqa: ANN401 - the schema has checked it
    """Return the selector of one declared member."""
    if "tag" in member and isinstance(member, dict):
        return Selector("tag", tags=tuple(member["tag"].items()), line=line)
    text: str = member if isinstance(member, str) else member["name"]
    if "/" not in text:
        glob = bool(_GLOB_CHARACTERS & set(text))
        if isinstance(member, str) and {"*", "?"} & set(text):
            message = f"'{text}' is not a name; write a glob as {{name: \"{text}\"}}"
            raise InputError(message, document.file, line)
        return Selector("glob" if glob and not isinstance(member, str) else "name", text, line=line)
    if arm.is_id(text) and arm.type_of(text) == VM:
        return Selector("id", text, line=line)
    message = f"'{text}' is neither a name nor the ARM id of a virtual machine"
    raise InputError(message, document.file, line)


def _refuse_duplicates(document: Document, named: list[tuple[str, dict[str, Any]]], kind: str) -> None:
    """Refuse two entries of one name, since findings identify them by name."""
    seen: set[str] = set()
    for name, entry in named:
        if name.casefold() in seen:
            message = f"the {kind} '{name}' is declared twice"
            raise document.error(message, entry)
        seen.add(name.casefold())
