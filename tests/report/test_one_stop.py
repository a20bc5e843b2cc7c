"""Remedies that stop the same VM, in one stop."""

from __future__ import annotations

from auditor.report.document import RemedyStep
from auditor.report.one_stop import joined
from auditor.rules.model import Disturbance

CHECK = RemedyStep(text="Go on only if vm is the backup.")
WAIT = RemedyStep(text="Wait until vm is back.")


def remedy(*commands: str, vm: str = "vm", choices: dict[str, str] | None = None) -> tuple[RemedyStep, ...]:
    stop = RemedyStep(
        command=f"az vm deallocate -n {vm}", disturbs=Disturbance.RESTARTS, vm=f"/{vm}", choices=choices or {}
    )
    inside = tuple(RemedyStep(command=command) for command in commands)
    return (CHECK, stop, *inside, RemedyStep(command=f"az vm start -n {vm}"), WAIT)


def test_two_disks_of_a_vm_need_one_stop() -> None:
    both = joined(remedy("az disk update -n a"), remedy("az disk update -n b"))
    assert both == remedy("az disk update -n a", "az disk update -n b")
    assert both
    assert joined(both, remedy("az disk update -n c")) == remedy(*(f"az disk update -n {name}" for name in "abc"))


def test_one_size_is_chosen_for_both_reasons() -> None:
    reasons = "enough IOPS", "enough MB/s"
    one, other = (remedy("az vm resize", choices={"SIZE": reason}) for reason in reasons)
    assert joined(one, other) == remedy("az vm resize", choices={"SIZE": "enough IOPS. Also: enough MB/s"})


def test_what_must_not_be_joined_is_not() -> None:
    plain = remedy("az disk update -n a")
    assert joined(plain, remedy("az disk update -n b", vm="other")) is None
    assert joined(plain, (RemedyStep(command="az vm auto-shutdown"),)) is None
    assert joined(plain, (RemedyStep(command="az vm restart", disturbs=Disturbance.RESTARTS, vm="/vm"),)) is None
    assert joined(plain, (RemedyStep(command="az before"), *plain)) is None
    choices = {"GIB": "a size"}
    assert (
        joined(remedy("az disk update -n a", choices=choices), remedy("az disk update -n b", choices=choices)) is None
    )
