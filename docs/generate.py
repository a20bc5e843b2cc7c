"""Write the pages of docs/ that are generated from the program; a test holds them to it."""

from __future__ import annotations

from pathlib import Path

from auditor.facts import FACTS

HERE = Path(__file__).resolve().parent

_KINDS = {
    "attachment": "a data disk as it is attached; fields are those of `properties.storageProfile.dataDisks[]`",
    "balancer": "`Microsoft.Network/loadBalancers`",
    "deployment": "a deployment; every subject has one around it",
    "group": "what a mirror and a tier have in common: machines that stand in for each other",
    "lun": "a logical unit number of a mirror's failover members",
    "member": "a member as the deployment file declares it",
    "mirror": "a mirror",
    "pool": "a backend pool; fields are those of `properties.backendAddressPools[]`",
    "profile": "`Microsoft.Network/trafficManagerProfiles`",
    "rule": "a load-balancing rule; fields are those of `properties.loadBalancingRules[]`",
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
        "its elements are of the kind named before it. Written by `make docs` from `auditor/facts/`.",
    ]
    for group in sorted({name.split(".")[0] for name in FACTS}):
        lines += ["", f"## {group}", "", f"Asked about {_KINDS[group]}.", ""]
        lines += ["| fact | gives | |", "| --- | --- | --- |"]
        for name, fact in sorted(FACTS.items()):
            if name.split(".")[0] == group:
                gives = fact.gives.replace("*", "&#42;")
                lines.append(f"| `{name}` | {gives} | {fact.about.replace('|', '&#124;')} |")
    return "\n".join(lines) + "\n"


def pages() -> dict[Path, str]:
    """Return every generated page by where it stands."""
    return {HERE / "facts.md": facts()}


def main() -> None:
    """Write the pages."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
