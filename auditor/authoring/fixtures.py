"""Fixtures: the deployments that examples and mutations change, decoded again after each change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from functools import cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from auditor import bundled, yaml_documents
from auditor.azure import arm
from auditor.azure.types.names import GUEST_FILE
from auditor.errors import InputError
from auditor.estate import deployment_file
from auditor.estate.declaration import DeclaredDeployment
from auditor.estate.topology import Topology
from auditor.snapshot.model import Resource, Snapshot
from auditor.sources import arm_json
from auditor.sources.guest import folder
from auditor.sources.guest.attaching import attach
from auditor.yaml_documents import Document

AS_OF: Final = dt.date(2026, 11, 1)
"""The evaluation date of all fixtures, so that examples have the same outcome on any day."""


class Fixture(msgspec.Struct, frozen=True, eq=False):
    """The contents of a fixture's files, or of a changed copy of them."""

    name: str
    profile: str
    inventory: Mapping[str, Any]
    """The ARM JSON file."""
    declared: Mapping[str, Any]
    """The deployment file."""
    decoder: Decoder
    """That of the unchanged files."""

    def topology(self, as_of: dt.date = AS_OF) -> Topology:
        """Return the topology of the contents.

        Raises:
            InputError: a file is refused.
        """
        return Topology(self.decoder.snapshot(self.inventory), self.decoder.deployments(self.declared), as_of)


class Decoder:
    """Decodes changed copies of a fixture; what they share with it is decoded only once."""

    def __init__(self, name: str, inventory: Mapping[str, Any]) -> None:
        """Decode the unchanged inventory.

        Raises:
            InputError: see `arm_json.decode`.
        """
        self._name = name
        unchanged = arm_json.decode(msgspec.json.encode(inventory), name)
        unread = {arm.key(gap.scope) for gap in unchanged.gaps}
        known = {resource.key: resource for resource in unchanged.resources if resource.key not in unread}
        items = [item for item in inventory["value"] if "id" in item and arm.key(item["id"]) in known]
        self._resources = {msgspec.json.encode(item): known[arm.key(item["id"])] for item in items}
        # Most of a changed copy are the very same objects.
        self._same = {id(item): (item, known[arm.key(item["id"])]) for item in items}
        self._same |= {id(resource.body): (resource.body, resource) for resource in known.values()}
        self._deployments: dict[bytes, tuple[DeclaredDeployment, ...]] = {}

    def snapshot(self, inventory: Mapping[str, Any]) -> Snapshot:
        """Return the same as `arm_json.decode`.

        Raises:
            InputError: see `arm_json.decode`.
        """
        kept: dict[str, Resource] = {}
        others = []
        for item in inventory["value"]:
            same = self._same.get(id(item))
            resource = self._resources.get(msgspec.json.encode(item)) if same is None else same[1]
            if resource is None:
                others.append(item)
            else:
                kept[resource.key] = resource
        decoded = arm_json.decode(msgspec.json.encode({**inventory, "value": others}), self._name)
        if any(resource.key in kept for resource in decoded.resources):  # the file is refused, with its line
            return arm_json.decode(msgspec.json.encode(inventory), self._name)
        return msgspec.structs.replace(
            decoded,
            scopes=tuple(sorted({*decoded.scopes, *map(arm.subscription_of, kept)})),
            resources=tuple(sorted((*kept.values(), *decoded.resources), key=attrgetter("key"))),
        )

    def deployments(self, declared: Mapping[str, Any]) -> tuple[DeclaredDeployment, ...]:
        """Return the deployments of a deployment file.

        Raises:
            InputError: see `deployment_file.load`.
        """
        text = msgspec.json.encode(declared)
        if text not in self._deployments:
            document = Document(declared, f"{self._name}/{bundled.DEPLOYMENT}", {})
            self._deployments[text] = deployment_file.load(document)
        return self._deployments[text]


@cache
def profiles() -> Mapping[str, str]:
    """Return the rule profile of each known-good deployment by its name."""
    index: Any = yaml_documents.read(bundled.FIXTURES / "index.yaml").value
    return {name: entry["profile"] for name, entry in index.items()}


def with_guest_files(name: str, data: bytes) -> dict[str, Any]:
    """Return an ARM JSON file with the files from inside VMs that lie beside it, which examples can change alike."""
    inventory: dict[str, Any] = msgspec.json.decode(data)
    guest = bundled.FIXTURES / name / bundled.GUEST
    if guest.is_dir():
        attached = attach(arm_json.decode(data, name), folder.read(guest)).snapshot
        inventory["value"] += [found.body for found in attached.resources if found.type == GUEST_FILE]
        gaps = [msgspec.to_builtins(gap) for gap in attached.gaps if gap.is_of_guest_file]
        inventory["gaps"] = [*inventory.get("gaps", ()), *gaps]
    return inventory


@cache
def known_good(name: str) -> Fixture:
    """Return a known-good deployment by its name.

    Raises:
        InputError: there is none of this name.
    """
    if name not in profiles():
        message = f"there is no known-good deployment '{name}'; there is {', '.join(sorted(profiles()))}"
        raise InputError(message)
    declared: Any = yaml_documents.read(bundled.FIXTURES / name / bundled.DEPLOYMENT).value
    inventory = with_guest_files(name, (bundled.FIXTURES / name / bundled.INVENTORY).read_bytes())
    return Fixture(name, profiles()[name], inventory, declared, Decoder(name, inventory))
