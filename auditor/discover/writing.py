"""The proposal as a deployment file in which every line tells how sure it is, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from auditor.azure import arm
from auditor.discover.machines import Inventory, Sure
from auditor.discover.plans import Member, Plan
from auditor.escape import printable
from auditor.estate.declaration import Role
from auditor.estate.graph import VM

_HEAD: Final = """\
# Proposed by `auditor discover` from what the inventory shows. Read each line, mend it, and keep the file.
#   certain  a tag says so
#   likely   the mirror status page, or two hints of different sorts, say so
#   guess    a single hint, such as a name
# What has a # in front was not found: name it, or write `none` where there is none on purpose.
"""

_SKELETON: Final = """\
# No InterSystems deployment was recognised. Take the # away, and name your own machines:
#
# format: auditor.deployment/1
# deployments:
#   - name: iris-prod
#     product: iris  # trakcare | healthshare | iris
#     environment: production  # production | non-production
#     regions: {primary: westeurope, dr: northeurope}  # dr: none where there is none
#     mirrors:
#       - name: IRISDB
#         address: {kind: load-balancer}  # load-balancer | secondary-ip | none
#         failover:
#           - vm-db-a
#           - vm-db-b
#         arbiter: vm-arbiter
#         dr:
#           - vm-db-dr
#         reporting: none
#     tiers:
#       - role: web
#         members:
#           - vm-web-a
#           - vm-web-b
"""

_MAX_LEFT: Final = 200
_MAX_COMMENT: Final = 300
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_SPECIAL: Final = frozenset({"none", "null", "true", "false"})
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def text_of(inventory: Inventory, plans: list[Plan]) -> str:
    """Return the plans as a file, or a skeleton in comments where there are none, with what was left out."""
    lines = (_HEAD if plans else _SKELETON).splitlines()
    lines += [f"# {_comment(line)}" for line in _unseen(inventory)]
    if plans:
        lines += ["format: auditor.deployment/1", "deployments:"]
        for plan in plans:
            lines += _deployment(inventory, plan)
    lines += [f"# {_comment(line)}" for line in _left_out(inventory, plans)]
    return "\n".join(lines) + "\n"


def _unseen(inventory: Inventory) -> Iterator[str]:
    """Yield why there may be machines that are not in the proposal."""
    for subscription in inventory.graph.snapshot.scopes:
        gap = inventory.graph.listing(VM, subscription)
        if gap is not None:
            yield f"There may be more machines: {gap.reason}"


def _left_out(inventory: Inventory, plans: list[Plan]) -> Iterator[str]:
    """Yield the machines that fit nowhere."""
    placed = {member.machine for plan in plans for member in plan.members}
    rest = [machine for machine in inventory.machines.values() if machine not in placed]
    if rest:
        yield "Left out, since nothing gives them a place:"
    for machine in rest[:_MAX_LEFT]:
        verdict = machine.verdict
        why = f": perhaps {verdict.role} ({verdict.why})" if verdict else ""
        yield f"  {machine.name} in {arm.group_of(machine.resource.key)}{why}"
    if len(rest) > _MAX_LEFT:
        yield f"  and {len(rest) - _MAX_LEFT} more"


def _deployment(inventory: Inventory, plan: Plan) -> Iterator[str]:
    yield f"  - name: {_scalar(plan.name)}"
    yield f"    product: {plan.product.name}  # {_reason(plan.product.sure, plan.product.why)}"
    if plan.production:
        yield "    environment: production  # nothing says otherwise"
    else:
        yield f"    environment: non-production  # {_reason(Sure.GUESS, 'a name or tag says so')}"
    subscriptions = {arm.name_of(arm.subscription_of(machine.resource.key)) for machine in plan.machines}
    if all(_GUID.fullmatch(subscription) for subscription in subscriptions):
        yield "    subscriptions:"
        yield from (f"      - {_scalar(subscription)}" for subscription in sorted(subscriptions))
    yield from _region_lines(plan)
    yield from _mirror_lines(inventory, plan)
    yield from _tier_lines(inventory, plan)


def _region_lines(plan: Plan) -> Iterator[str]:
    primary = _scalar(plan.primary or "unknown")
    where = "the failover members are in the primary one" if plan.mirrors else "where its machines are"
    yield "    regions:"
    yield f"      primary: {primary}  # {_reason(Sure.LIKELY if plan.mirrors and plan.primary else Sure.GUESS, where)}"
    if plan.dr:
        yield f"      dr: {_scalar(plan.dr)}  # {_reason(Sure.LIKELY, 'the other region that has its machines')}"
    else:
        yield "      # dr: none  # no machine in another region was found"


def _mirror_lines(inventory: Inventory, plan: Plan) -> Iterator[str]:
    if not plan.mirrors:
        yield "    # mirrors: none  # no pair of failover members was found"
        return
    yield "    mirrors:"
    for mirror in plan.mirrors:
        yield f"      - name: {_scalar(mirror.name)}  # the name that the mirror has in IRIS or Cache"
        if mirror.product:
            yield f"        product: {_scalar(mirror.product)}"
        if mirror.balanced:
            yield "        address: {kind: load-balancer}  # a balancer leads to its members"
        else:
            yield "        # address: {kind: none}  # no balancer leads to its members: or secondary-ip?"
        failover = [*mirror.failover, *mirror.rosters[Role.MIRROR_FAILOVER]]
        rosters = (
            ("failover", failover),
            ("arbiter", mirror.rosters[Role.MIRROR_ARBITER]),
            ("dr", mirror.rosters[Role.MIRROR_DR]),
            ("reporting", mirror.rosters[Role.MIRROR_REPORTING]),
        )
        for name, members in rosters:
            if members:
                yield f"        {name}:"
                yield from (f"          - {_line(inventory, member)}" for member in members)
            else:
                yield f"        # {name}: none  # nothing looks like one"


def _tier_lines(inventory: Inventory, plan: Plan) -> Iterator[str]:
    if not plan.tiers:
        yield "    # tiers: none  # no web, application or print server was found"
        return
    yield "    tiers:"
    for (role, product), members in plan.tiers.items():
        yield f"      - role: {role}"
        if product:
            yield f"        product: {_scalar(product)}"
        yield "        members:"
        yield from (f"          - {_line(inventory, member)}" for member in members)


def _line(inventory: Inventory, member: Member) -> str:
    """Return a member, by name where that tells it from all others, and why it is one."""
    machine = member.machine.resource
    name = machine.name
    plain = _PLAIN.fullmatch(name) and name.lower() not in _SPECIAL and inventory.names[name.lower()] == 1
    return f"{_scalar(name if plain else machine.id)}  # {_reason(member.sure, member.why)}"


def _reason(sure: Sure, why: str) -> str:
    return _comment(f"{sure.name.lower()}: {why}")


def _comment(text: str) -> str:
    """Return a text that ends neither its line nor, on a terminal, its powerlessness."""
    shown = printable(text)
    return shown if len(shown) <= _MAX_COMMENT else f"{shown[:_MAX_COMMENT]}..."


def _scalar(text: str) -> str:
    """Return a text as YAML takes it literally."""
    if _PLAIN.fullmatch(text) and text.lower() not in _SPECIAL:
        return text
    if _GUID.fullmatch(text):
        return text
    kept = (c if c.isascii() and c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in text)
    return f'"{"".join(kept)}"'
