"""VMSnapshotScriptPluginConfig.json: the scripts that Azure Backup runs before and after the snapshot of a VM."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest.content import Builder, Content
from auditor.sources.guest.json_text import parsed
from auditor.sources.guest.sections import is_misspelled
from auditor.sources.guest.shell_scripts import PARTS, put_derived

PLUGIN: Final = "ScriptRunner"
_PATH: Final = re.compile(r"/[\w./@%+-]{1,512}")
_FLAGS: Final = ("continueBackupOnFailure", "fsFreezeEnabled")
_NUMBERS: Final = (
    "preScriptNoOfRetries",
    "postScriptNoOfRetries",
    "timeoutInSeconds",
    "ScriptsExecutionPollTimeSeconds",
)
_SCRIPTS: Final = {"preScript": "preScriptLocation", "postScript": "postScriptLocation"}


def parse(whole: str, scripts: Mapping[str, str]) -> Content:
    """Return what is kept of the settings; `scripts` has the texts of the scripts that were supplied, by file name."""
    builder = Builder(GuestKind.BACKUP_SCRIPTS)
    found = parsed(whole)
    if not isinstance(found, dict):
        builder.miss("", "the file is not a JSON object; it may be cut")
        return builder.content()
    settings: dict[str, Any] = {}
    builder.properties["settings"] = settings
    if found.get("pluginName") == PLUGIN:
        settings["pluginName"] = PLUGIN
    for key in (*_FLAGS, *_NUMBERS):
        value, wanted = found.get(key), bool if key in _FLAGS else int
        name = key[0].lower() + key[1:]
        if type(value) is wanted:
            settings[name] = value
        elif value is not None:
            builder.miss(f"settings.{name}", f"its value is no {'boolean' if wanted is bool else 'whole number'}")
        elif _is_misspelled(key, found):
            builder.miss(f"settings.{name}", "a name is misspelled")
    paths = _paths(found)
    if len({_file(path) for path in paths}) < len(paths):
        # Which of the two scripts of that name was supplied is not known.
        scripts = {}
    for name, key in _SCRIPTS.items():
        if _is_misspelled(key, found):
            builder.miss(name, "a name is misspelled")
        _put_script(builder, name, found.get(key), scripts)
    return builder.content()


def locations(whole: str) -> list[str]:
    """Return the file names of the scripts that the settings name."""
    found = parsed(whole)
    return sorted({_file(path) for path in _paths(found)}) if isinstance(found, dict) else []


def _paths(found: Mapping[str, object]) -> set[str]:
    """Return the paths of the scripts."""
    return {path for key in _SCRIPTS.values() if isinstance(path := found.get(key), str) and path}


def _file(path: str) -> str:
    return path.rpartition("/")[2]


def _is_misspelled(key: str, found: Mapping[str, object]) -> bool:
    """Return whether the settings lack a key, and have one that differs from it by one character."""
    return key not in found and any(is_misspelled(name, key) for name in found)


def _put_script(builder: Builder, name: str, path: object, scripts: Mapping[str, str]) -> None:
    """Put the path of a script, and what was derived from its text if it was supplied."""
    if path is None or path == "":
        return
    script: dict[str, Any] = {}
    builder.properties[name] = script
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        builder.miss(f"{name}.location", "its value is no path")
        return
    script["location"] = path
    file = _file(path)
    if file in scripts:
        script |= put_derived(builder, name, scripts[file])
    else:
        for part in PARTS:
            builder.miss(f"{name}.{part}", f"{file} was not supplied as it was taken")


def kept() -> dict[str, str]:
    """Return the keys of the settings that are kept, with the form of their values: the only text, or what it is."""
    forms = {"pluginName": PLUGIN, **dict.fromkeys(_FLAGS, "boolean"), **dict.fromkeys(_NUMBERS, "number")}
    return forms | dict.fromkeys(_SCRIPTS.values(), "path")
