"""Write the pages of docs/ that are generated from the program; a test holds them to it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from auditor import bundled, yaml_documents
from auditor.escape import markdown, printable
from auditor.estate.graph import proper_type
from auditor.rules import packs
from auditor.rules.facts import FACTS
from auditor.rules.model import Pack, Rule
from auditor.sources.live import reads

HERE = Path(__file__).resolve().parent
RULES = HERE / "rules"

_KINDS = {
    "attachment": "a data disk as it is attached; fields are those of `properties.storageProfile.dataDisks[]`",
    "balancer": "`Microsoft.Network/loadBalancers`",
    "configuration": "an IP configuration of a network interface; fields are those of `properties.ipConfigurations[]`",
    "deployment": "a deployment; every subject has one around it",
    "disk": "`Microsoft.Compute/disks`",
    "exposure": "something of a deployment that uses what Azure retires",
    "frontend": "a frontend of a load balancer; fields are those of `properties.frontendIPConfigurations[]`",
    "gateway": "`Microsoft.Network/applicationGateways`",
    "group": "what a mirror and a tier have in common: machines that stand in for each other",
    "listener": "a listener of an application gateway; fields are those of `properties.httpListeners[]`",
    "lun": "a logical unit number of a mirror's failover members",
    "member": "a member as the deployment file declares it",
    "mirror": "a mirror",
    "opening": "a sensitive port that security groups open to addresses on the Internet",
    "path": "a way from the Internet to a machine",
    "need": "a role that a deployment cannot do without",
    "pool": "a backend pool; fields are those of `properties.backendAddressPools[]`",
    "probe": "a health probe; fields are those of `properties.probes[]`",
    "profile": "`Microsoft.Network/trafficManagerProfiles`",
    "regional": "a load balancer or an application gateway, and the region that it stands in",
    "rule": "a load-balancing rule; fields are those of `properties.loadBalancingRules[]`",
    "set": "`Microsoft.Compute/availabilitySets`",
    "sighting": "a machine that something in Azure shows in a role",
    "subscription": "a subscription that was scanned",
    "tier": "the machines of one role, and product, in one region",
    "vm": "`Microsoft.Compute/virtualMachines`",
}


def facts() -> str:
    """Return the page of all facts, by what they are about."""
    lines = [
        "# Facts",
        "",
        "What a condition can ask for by `{fact: NAME}`, by the element that it is asked about. A list is marked `*`;",
        "its elements are of the kind named before it. Written by `make docs` from `auditor/rules/facts/`.",
    ]
    for group in sorted({name.split(".")[0] for name in FACTS}):
        lines += ["", f"## {group}", "", f"Asked about {_KINDS[group]}.", ""]
        lines += ["| fact | gives | |", "| --- | --- | --- |"]
        for name, fact in sorted(FACTS.items()):
            if name.split(".")[0] == group:
                gives = fact.gives.replace("*", "&#42;")
                lines.append(f"| `{name}` | {gives} | {fact.about.replace('|', '&#124;')} |")
    return "\n".join(lines) + "\n"


# --- what is read -----------------------------------------------------------------------------------------------------


def what_is_read() -> str:
    """Return the page of all requests that a live scan makes."""
    once = [(found, f"the subscription{_behind(found)}") for found in reads.FURTHER if not found.below]
    once.append((reads.USAGES, f"each region in use{_behind(reads.USAGES)}"))
    listed = [(found, f"{_owner(found, 'the subscription')}{_behind(found)}") for found in reads.LISTINGS]
    members = [(found, f"{_owner(found, 'each virtual machine')}{_behind(found)}") for found in reads.OF_MEMBERS]
    lines = [
        "# What is read of Azure",
        "",
        "Each request is a GET of `/providers/TYPE` behind the id of what it is asked at, or of the path that stands",
        "there; only Resource Graph takes its question as a POST. `auditor permissions` prints a role with just these",
        "actions. Written by `make docs` from `auditor/sources/live/reads.py`.",
    ]
    for title, rows in (("Once", once), ("Lists", listed), ("Of members of deployments", members)):
        lines += ["", f"## {title}", "", "| what | asked at | api-version | action |", "| --- | --- | --- | --- |"]
        for found, where in rows:
            lines.append(f"| `{found.type}` | {where} | {found.version} | `{found.action}` |")
    lines += ["", "## By Resource Graph", "", "ARM lists these only for each machine or each resource group.", ""]
    lines += ["| what | action |", "| --- | --- |", *(f"| `{type_}` | `{type_}/read` |" for type_ in reads.BY_GRAPH)]
    lines += ["", "## Why these versions", "", "| api-version | why | of |", "| --- | --- | --- |"]
    types: dict[reads.Version, dict[str, None]] = {}
    for found in (*reads.FURTHER, *reads.LISTINGS, *reads.OF_MEMBERS):
        types.setdefault(found.version, {})[found.type] = None
    lines += [f"| {version} | {version.why} | {_codes(of)} |" for version, of in types.items()]
    return "\n".join(lines) + "\n"


def _owner(found: reads.Listing, otherwise: str) -> str:
    return f"each `{found.below}`" if found.below else otherwise


def _behind(found: reads.Listing) -> str:
    """Return what a request asks for behind the id of its scope, where that is not the type alone."""
    asked = (found.path or "") + (f"?{unquote(found.query[1:])}" if found.query else "")
    return f", `{asked}`" if asked else ""


# --- rules ------------------------------------------------------------------------------------------------------------

_GROUPS = {
    "AVL": "Availability",
    "BKP": "Backup",
    "CMP": "Machines",
    "DEP": "Declaration",
    "DR": "Disaster recovery",
    "GOV": "Governance",
    "LB": "Load balancing",
    "MIR": "Mirrors",
    "NET": "Networks",
    "SEC": "Security",
    "STO": "Storage",
}
_CHANGES = ("profile", "subject", "set", "remove", "add", "declare", "gap")
_WRITTEN = "Written by `make docs` from"


def rules() -> dict[Path, str]:
    """Return one page a rule of the built-in pack, and their index."""
    loaded = packs.load(bundled.PACK, FACTS, trusted=True)
    by_id = {rule.rule.id: rule.rule for profile in loaded.rules.values() for rule in profile}
    found = [by_id[rule_id] for rule_id in sorted(by_id)]
    return {
        RULES / "README.md": _index(loaded.pack, found),
        **{RULES / f"{rule.id}.md": _page(loaded.pack, rule) for rule in found},
    }


def _index(pack: Pack, found: list[Rule]) -> str:
    lines = ["# Rules", "", f"{markdown(pack.title)}, one page a rule. {_WRITTEN} `rules/{pack.name}/`.", ""]
    lines += ["Which statement of the reference each rule checks: `auditor rules matrix`."]
    lines += [f"- `{name}`: {markdown(text)}" for name, text in pack.profiles.items()]
    lines.insert(-len(pack.profiles), "\nProfiles:\n")
    for group in sorted({_group(rule) for rule in found}):
        lines += [
            "",
            f"## {_GROUPS.get(group, group)}",
            "",
            "| rule | severity | profiles | |",
            "| --- | --- | --- | --- |",
        ]
        for rule in found:
            if _group(rule) == group:
                row = (f"[{rule.id}]({rule.id}.md)", rule.severity, _codes(rule.profiles), markdown(rule.title))
                lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _group(rule: Rule) -> str:
    return rule.id.rstrip("0123456789")


def _page(pack: Pack, rule: Rule) -> str:
    """Return the page of a rule; conditions stand there as in its file."""
    file = Path(rule.file)
    text = file.read_text(encoding="utf-8")
    value: Any = yaml_documents.read(file).value
    lines = [f"# {rule.id}: {markdown(rule.title)}", ""]
    lines += [f"Severity **{value['severity']}**. {_WRITTEN} `rules/{pack.name}/{file.name}`.", ""]
    lines += ["## Why", "", _paragraph(rule.why), "", "## What it judges", ""]
    lines += [f"- {_target(target)}" for target in value["for"]]
    lines += ["", *fence("yaml", "\n".join(block for key in ("when", "assert") for block in _block(text, key)))]
    lines += _values(value)
    lines += ["", "## Profiles", ""]
    for profile, changes in value["profiles"].items():
        changed = f" changes {_codes(changes)}" if changes else ""
        lines.append(f"- `{profile}`{changed}: {markdown(pack.profiles[profile])}")
    if any(value["profiles"].values()):
        lines += ["", *fence("yaml", "\n".join(_block(text, "profiles")))]
    lines += ["", "## What asks for it", ""]
    for name in rule.reference:
        statement = pack.statements[name]
        lines.append(f"- {name}, {markdown(statement.section)}: {markdown(_flat(statement.text))}")
        lines += [f"  Today: {markdown(_flat(statement.today))}"] if statement.today else []
    lines += [
        f"- {markdown(source.title)} ({markdown(source.date)}): <{_address(source.url)}>" for source in rule.sources
    ]
    lines += ["", "## Fix", "", *fence("sh", rule.fix)]
    lines += ["", "## Examples", "", "Each is a change to a known-good deployment, and what the rule says then.", ""]
    lines += ["| on | verdict | because | change |", "| --- | --- | --- | --- |"]
    lines += [f"| {' | '.join(example_row(example))} |" for example in value["examples"]]
    return "\n".join(lines) + "\n"


def _values(value: dict[str, Any]) -> Iterator[str]:
    """Yield what of a rule can be set, and by whom."""
    rows = [(name, _flow(given), "the profile") for name, given in value.get("params", {}).items()]
    rows += [
        (name, f"{_flow(s['default'])} ({_flow(s['min'])} to {_flow(s['max'])})", "the deployment file")
        for name, s in value.get("settings", {}).items()
    ]
    if rows:
        yield from ("", "## Values", "", "| name | value | may be changed by |", "| --- | --- | --- |")
        yield from (f"| {markdown(name)} | {markdown(given)} | {by} |" for name, given, by in rows)
    for grade in value.get("grade", ()):
        yield from ("", f"A failure is **{grade['severity']}** where", "", *fence("yaml", _flow(grade["when"])))


def _target(target: dict[str, Any]) -> str:
    roles = f" in the roles {_codes(target['role'])}" if target.get("role") else ""
    if "type" in target:
        return f"each `{proper_type(target['type'].lower())}` of a deployment{roles}"
    return f"each {target['kind']}{roles}"


def example_row(example: dict[str, Any]) -> tuple[str, ...]:
    """Return an example as the cells of its row."""
    verdict = example["expect"].replace("_", " ")
    verdict += f", {example['severity']}" if "severity" in example else ""
    verdict += f"; also fails: {', '.join(example['also'])}" if example.get("also") else ""
    changes = [f"{markdown(word)}: {markdown(_flow(example[word]))}" for word in _CHANGES if word in example]
    return f"`{example['on']}`", verdict, markdown(_flat(example.get("because", ""))), "<br>".join(changes)


def _block(text: str, key: str) -> list[str]:
    """Return the lines of a key at the beginning of a line of a file, up to the next one."""
    found = re.search(rf"^{key}:.*\n(?:(?:[ \t#].*)?\n)*", text, re.MULTILINE)
    return found[0].rstrip("\n").split("\n") if found else []


def fence(language: str, text: str) -> Iterator[str]:
    """Yield a block of code around which no fence inside of it can end."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"{fence}{language}", *(printable(line) for line in text.strip("\n").split("\n")), fence)


def _flow(value: object) -> str:
    """Return a value on one line, in the words of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_flow(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return _flat(str(value)) or '""'


def _flat(text: str) -> str:
    return " ".join(text.split())


def _paragraph(text: str) -> str:
    return markdown(_flat(text))


def _codes(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _address(url: str) -> str:
    """Return an address in the form that angle brackets take."""
    return url.replace("<", "%3C").replace(">", "%3E").replace(" ", "%20")


def pages() -> dict[Path, str]:
    """Return every generated page by where it stands."""
    return {HERE / "facts.md": facts(), HERE / "reads.md": what_is_read(), **rules()}


def leftovers() -> list[Path]:
    """Return the pages of rules that are no more; nothing else is kept in their folder."""
    return sorted(set(RULES.glob("*")) - set(pages()))


def main() -> None:
    """Write the pages, and remove those of rules that are no more."""
    RULES.mkdir(exist_ok=True)
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    for path in leftovers():
        path.unlink()


if __name__ == "__main__":
    main()
