"""The proposal as the text of a deployment file, with confidence and reasons on every line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from auditor.azure import arm
from auditor.azure.types.names import VM
from auditor.discover.candidates import Candidates, Confidence
from auditor.discover.keys import Entry, Key, Keys
from auditor.discover.proposals import DeploymentProposal, Member, MirrorProposal
from auditor.discover.stated_mirrors import Stated, StatedMirror
from auditor.escape import printable
from auditor.estate.declaration import Role
from auditor.estate.deployments import TIERS_OF

_HEAD: Final = """\
# Proposed by `auditor discover`. Review and correct each line, and keep the file.
#   certain  declared by a tag, or stated in the CPF of a mirror member
#   likely   a resource that shows it, such as a probe of the mirror status page, or two hints that agree
#   guess    a single hint, such as a name
# Lines that start with # were not found: declare them, or write `none` if there is none.
"""

_SKELETON: Final = """\
# No InterSystems deployment was recognised. Remove the # and declare your own virtual machines:
#
# format: auditor.deployment/1
# deployments:
#   - name: iris-prod
#     product: iris  # trakcare | healthshare | iris
#     environment: production  # production | non-production
#     regions: {primary: westeurope, dr: northeurope}  # dr: none if there is none
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

_ARBITER: Final = "arbiter"
_MAX_LEFT: Final = 200
_MAX_COMMENT: Final = 300
_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9._-]*")
_SPECIAL: Final = frozenset({"none", "null", "true", "false"})
_GUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def text_of(
    candidates: Candidates,
    mirrors: Sequence[StatedMirror],
    proposals: Sequence[DeploymentProposal],
    keys: Sequence[Keys],
    command: str,
) -> str:
    """Return the proposals as a file, or a skeleton in comments without proposals, with the VMs left out.

    It ends with what it leaves open, and with the command that evaluates the deployments once they are declared.
    """
    lines = (_HEAD if proposals else _SKELETON).splitlines()
    lines += [f"# {_comment(line)}" for line in (*_unseen(candidates), *_unplaced(mirrors, proposals))]
    if proposals:
        lines += ["format: auditor.deployment/1", "deployments:"]
        for proposal, own in zip(proposals, keys, strict=True):
            lines += _deployment(candidates, proposal, own)
    lines += [f"# {_comment(line)}" for line in _left_out(candidates, proposals)]
    lines += [f"# {printable(line)}" for line in last_lines(left_open(candidates, proposals, keys), command)]
    return "\n".join(lines) + "\n"


LeftOpen: TypeAlias = Sequence[tuple[str, Sequence[str]]]
"""The name of each proposed deployment, with what its proposal leaves open."""


def left_open(candidates: Candidates, proposals: Sequence[DeploymentProposal], keys: Sequence[Keys]) -> LeftOpen:
    """Return what the proposals leave open."""
    return [
        (proposal.name, [*_undecided(candidates, proposal), *_open_keys(own)])
        for proposal, own in zip(proposals, keys, strict=True)
    ]


def last_lines(opened: LeftOpen, command: str) -> Iterator[str]:
    """Yield what the proposals leave open, and the next command."""
    for name, undecided in opened:
        if undecided:
            yield f"Left open in {name}: {', '.join(undecided)}"
    yield "Next, once each line is correct:" if opened else "Next, once the virtual machines are declared:"
    yield f"  {command}"


def _undecided(candidates: Candidates, proposal: DeploymentProposal) -> Iterator[str]:
    """Yield what a proposal leaves open: the lines that start with #."""
    if not proposal.dr:
        yield "the DR region"
    if not proposal.mirrors:
        yield "the mirrors"
    for mirror in proposal.mirrors:
        if _address(candidates, mirror).startswith("#"):
            yield f"the address of mirror {mirror.name}"
        for name, role, members in _rosters(mirror):
            if mirror.questions[role] or not (members or role in mirror.absent or _outside_arbiter(mirror, role)):
                outside = ", in Azure or outside of it" if name == _ARBITER else ""
                yield f"{name} of mirror {mirror.name}{outside}"
    if not proposal.tiers:
        yield "the tiers"
    yield from (f"the {role} tier" for role in _lacking_tiers(proposal))


def _open_keys(keys: Keys) -> Iterator[str]:
    """Yield the optional keys that are left open."""
    groups = (*keys.mirrors, keys.entrance, keys.care)
    yield from (key.left_open for group in groups for key in group if not key.entries)


def _lacking_tiers(proposal: DeploymentProposal) -> list[Role]:
    """Return the tiers of the product's reference architecture that a proposal with other tiers lacks."""
    return sorted(TIERS_OF[proposal.product.name] - {role for role, _ in proposal.tiers}) if proposal.tiers else []


def _rosters(mirror: MirrorProposal) -> tuple[tuple[str, Role, list[Member]], ...]:
    """Return the members of a mirror by the key of the deployment file and the role."""
    failover = [*mirror.failover, *mirror.rosters[Role.MIRROR_FAILOVER]]
    return (
        ("failover", Role.MIRROR_FAILOVER, failover),
        (_ARBITER, Role.MIRROR_ARBITER, mirror.rosters[Role.MIRROR_ARBITER]),
        ("dr", Role.MIRROR_DR, mirror.rosters[Role.MIRROR_DR]),
        ("reporting", Role.MIRROR_REPORTING, mirror.rosters[Role.MIRROR_REPORTING]),
    )


def _outside_arbiter(mirror: MirrorProposal, role: Role) -> str:
    """Return the address of the arbiter outside of Azure that CPFs state, "" without one or for another role."""
    stated = mirror.stated.arbiter if mirror.stated and role is Role.MIRROR_ARBITER else None
    return stated.text if stated and stated.vm is None else ""


def _second_address(candidates: Candidates, mirror: MirrorProposal) -> str:
    """Return a second private IP address of a failover member with its place, "" without one."""
    return next(filter(None, (candidates.second_address(member.vm) for member in mirror.failover)), "")


def _unseen(candidates: Candidates) -> Iterator[str]:
    """Yield why the proposal may lack VMs."""
    for subscription in candidates.graph.snapshot.scopes:
        gap = candidates.graph.listing(VM, subscription)
        if gap is not None:
            yield f"There may be more virtual machines: {gap.reason}"
    yield from (f"Not used: {reason}" for reason in candidates.unused_files())


def _unplaced(mirrors: Sequence[StatedMirror], proposals: Sequence[DeploymentProposal]) -> Iterator[str]:
    """Yield the mirrors of CPFs of which no failover member was found."""
    placed = {id(mirror.stated) for proposal in proposals for mirror in proposal.mirrors}
    for mirror in mirrors:
        if id(mirror) not in placed:
            yield f"{mirror.why} has the mirror {mirror.name}, but no failover member of it was found:"
            yield from (f"  {each.question or each.why}" for each in mirror.members)


def _left_out(candidates: Candidates, proposals: Sequence[DeploymentProposal]) -> Iterator[str]:
    """Yield the VMs without a role in any deployment."""
    placed = {member.vm for proposal in proposals for member in proposal.members}
    rest = [vm for vm in candidates.by_key.values() if vm not in placed]
    if rest:
        yield "Left out, without a role in any deployment:"
    for vm in rest[:_MAX_LEFT]:
        best = vm.best_hint
        why = f": perhaps {best.role} ({best.why})" if best else f": {vm.excluded}" if vm.excluded else ""
        yield f"  {vm.name} in {arm.group_of(vm.resource.key)}{why}"
    if len(rest) > _MAX_LEFT:
        yield f"  and {len(rest) - _MAX_LEFT} more"


def _deployment(candidates: Candidates, proposal: DeploymentProposal, keys: Keys) -> Iterator[str]:
    yield f"  - name: {_scalar(proposal.name)}"
    yield f"    product: {proposal.product.name}  # {_reason(proposal.product.confidence, proposal.product.why)}"
    if proposal.production:
        yield "    environment: production  # no hint of another environment"
    else:
        yield f"    environment: non-production  # {_reason(Confidence.GUESS, 'a name or a tag')}"
    yield from _key_lines(keys.entrance, "    ")
    if proposal.subscriptions:
        yield "    subscriptions:"
        yield from (f"      - {_scalar(arm.name_of(subscription))}" for subscription in proposal.subscriptions)
    yield from _region_lines(proposal)
    yield from _mirror_lines(candidates, proposal, keys)
    yield from _tier_lines(candidates, proposal)
    yield from _key_lines(keys.care, "    ")


def _key_lines(keys: Sequence[Key], indent: str) -> Iterator[str]:
    for key in keys:
        if not key.entries:
            yield f"{indent}# {key.name}: {key.hint}  # {_comment(key.why)}"
        elif key.shape == "value":
            yield f"{indent}{key.name}: {_entry(key.entries[0])}"
        else:
            yield f"{indent}{key.name}:"
            mark = "- " if key.shape == "list" else ""
            yield from (f"{indent}  {mark}{_entry(entry)}" for entry in key.entries)
            yield from (f"{indent}  # {_comment(reason)}" for reason in key.untold)


def _entry(entry: Entry) -> str:
    """Return a value, with its key in a mapping, with confidence and reasons."""
    shown = _scalar(entry.value) if isinstance(entry.value, str) else str(entry.value)
    key = f"{entry.key}: " if entry.key else ""
    return f"{key}{shown}  # {_reason(entry.confidence, entry.why)}"


def _region_lines(proposal: DeploymentProposal) -> Iterator[str]:
    primary = _scalar(proposal.primary or "unknown")
    where = "the region of the failover members" if proposal.mirrors else "the region of its virtual machines"
    yield "    regions:"
    confidence = Confidence.LIKELY if proposal.mirrors and proposal.primary else Confidence.GUESS
    yield f"      primary: {primary}  # {_reason(confidence, where)}"
    if proposal.dr:
        why = _reason(Confidence.LIKELY, "the other region of its virtual machines")
        yield f"      dr: {_scalar(proposal.dr)}  # {why}"
    else:
        yield "      # dr: none  # no virtual machine in another region was found"


def _mirror_lines(candidates: Candidates, proposal: DeploymentProposal, keys: Keys) -> Iterator[str]:
    if not proposal.mirrors:
        yield "    # mirrors: none  # no pair of failover members was found"
        return
    yield "    mirrors:"
    for mirror, own in zip(proposal.mirrors, keys.mirrors, strict=True):
        yield f"      - name: {_scalar(mirror.name)}  # {_named(mirror)}"
        if mirror.product:
            yield f"        product: {_scalar(mirror.product)}"
        yield f"        {_address(candidates, mirror)}"
        for name, role, members in _rosters(mirror):
            yield from (f"        {line}" for line in _roster_lines(candidates, mirror, name, role, members))
        yield from _key_lines(own, "        ")


def _named(mirror: MirrorProposal) -> str:
    """Return where the name of a mirror is from."""
    if mirror.stated is None:
        return "the mirror's name in IRIS or Cache"
    if mirror.name != mirror.stated.name:
        return _comment(f"{mirror.stated.why} has the name {mirror.stated.name}, which cannot be declared here")
    return _reason(Confidence.CERTAIN, mirror.stated.why)


def _address(candidates: Candidates, mirror: MirrorProposal) -> str:
    """Return the line of a mirror's address; it starts with # if it is open."""
    virtual = mirror.stated.virtual_address if mirror.stated else Stated()
    if virtual.text:
        return f"address: {{kind: {virtual.text}}}  # {_reason(Confidence.CERTAIN, virtual.why)}"
    if virtual.question:
        return f"# address: {{kind: secondary-ip}}  # {_comment(virtual.question)}"
    if mirror.balanced:
        return "address: {kind: load-balancer}  # a load balancer sends traffic to its members"
    if second := _second_address(candidates, mirror):
        return f"address: {{kind: secondary-ip}}  # {_reason(Confidence.GUESS, second)}"
    return "# address: {kind: none}  # no load balancer sends traffic to its members: or secondary-ip?"


def _roster_lines(
    candidates: Candidates, mirror: MirrorProposal, name: str, role: Role, members: Sequence[Member]
) -> Iterator[str]:
    """Yield the lines of the members of a mirror in one role, with what CPFs leave open."""
    questions = [f"# - NAME  # {_comment(question)}" for question in mirror.questions[role]]
    if members:
        yield f"{name}:"
        yield from (f"  - {_line(candidates, member)}" for member in members)
        yield from (f"  {question}" for question in questions)
    elif address := _outside_arbiter(mirror, role):
        assert mirror.stated is not None  # noqa: S101 - it has the address
        yield f"{name}: {{address: {_scalar(address)}}}  # {_reason(Confidence.LIKELY, mirror.stated.arbiter.why)}"
    elif questions:
        yield f"# {name}:"
        yield from (f"#   {question.removeprefix('# ')}" for question in questions)
    elif role in mirror.absent:
        yield f"{name}: none  # {_reason(*mirror.absent[role])}"
    else:
        or_else = ": or {address: NAME}, if it is outside of Azure" if name == _ARBITER else ""
        yield f"# {name}: none  # none was found{or_else}"


def _tier_lines(candidates: Candidates, proposal: DeploymentProposal) -> Iterator[str]:
    if not proposal.tiers:
        yield "    # tiers: none  # no web, application or print server was found"
        return
    yield "    tiers:"
    for (role, product), members in proposal.tiers.items():
        yield f"      - role: {role}"
        if product:
            yield f"        product: {_scalar(product)}"
        yield "        members:"
        yield from (f"          - {_line(candidates, member)}" for member in members)
    for role in _lacking_tiers(proposal):
        yield f"      # - {{role: {role}, members: none}}  # none was found"


def _line(candidates: Candidates, member: Member) -> str:
    """Return a member, by its name if that is unique, with confidence and reasons."""
    vm = member.vm.resource
    name = vm.name
    plain = _PLAIN.fullmatch(name) and name.lower() not in _SPECIAL and candidates.names[name.lower()] == 1
    return f"{_scalar(name if plain else vm.id)}  # {_reason(member.confidence, member.why)}"


def _reason(confidence: Confidence, why: str) -> str:
    return _comment(f"{confidence.name.lower()}: {why}")


def _comment(text: str) -> str:
    """Return a text as a YAML comment: one line, without control characters, shortened."""
    shown = printable(text)
    return shown if len(shown) <= _MAX_COMMENT else f"{shown[:_MAX_COMMENT]}..."


def _scalar(text: str) -> str:
    """Return a text as a YAML scalar that is read back unchanged."""
    if _PLAIN.fullmatch(text) and text.lower() not in _SPECIAL:
        return text
    if _GUID.fullmatch(text):
        return text
    kept = (c if c.isascii() and c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in text)
    return f'"{"".join(kept)}"'
