"""The formats of what is foreseen."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import pytest

from auditor.foresight import formats, wording
from auditor.foresight.document import Foresight, Seconds
from auditor.foresight.formats import render
from auditor.losses.loss import LossKind
from auditor.losses.site import Assumption, Objective
from auditor.report import schema
from auditor.report.view import View
from auditor.snapshot.known import Read
from auditor.yaml_documents import validator
from tests.foresight.documents import foresight, made_up
from tests.losses.sites import NEVER, PRIMARY, WHY, site, vm
from tests.report.reports import HOSTILE

OBJECTIVES = {
    "machine": Objective(rto=60, rpo=0),
    "zone": Objective(rto=60),
    "region": Objective(rto=14400, rpo=900),
    "planned": Objective(rto=60),
}
BESIDE = {"arbiter": "1"}
"""The arbiter in the zone of db-a."""
ASSUMED = (Assumption("every backup member is active", (Read("id", "path", 8),)),)
MADE_UP = site(objectives=OBJECTIVES, assumed=ASSUMED)
TABLE = """\
taken 2026-11-01 from 1 subscription

--- hospital -------------------------------------------------------------------

              objective   foreseen                                      outcome
VM or disks   60 s        17 to 29 s (worst: db-a)                      met
              rpo 0 s     no data is lost                               met
zone          60 s        zone 1 of westeurope: stops until a person    BREACHED
                          acts or the zone comes back
                            DB has no primary, if db-a was primary (O9)
                            no print server is left
                            unless db-a is lost before arbiter
                            the guide advises for and against a zone of its own
                            for the arbiter: docs/foresight.md
                            also unknown: zone 2 of westeurope
region        4 h         westeurope: stops until a person acts (40 to  met, by
                          43.2 min until the DR region serves) or the   a person
                          region comes back
                            all is
              rpo 15 min  its lag is not known                          UNKNOWN
                            after the loss of westeurope
planned       60 s        the loss of the whole zone breaches it; Azure UNKNOWN
                          does not show which VMs of a zone fail or
                          restart together
entrances     -           tm: stops until the profile comes back
                            the domain name of tm does not resolve
                            also stops it: lb
networks      -           at least 8 s (worst: the network between
                          zones 1 and 2 of westeurope)
two losses    -           not played; --pairs plays them

Assumed    every backup member is active

auditor: objectives: 1 breached, 2 unknown, 3 met; losses: 1 lost, 3 stops, 1 unknown, 4 serves
"""
ANSWER = """\
Loss       zone 1 of westeurope
Foreseen   stops until a person acts (40 to 43.2 min until the DR region serves)
           or the zone comes back
Because    DB has no primary
           no print server is left
Primary    db-a before the loss, in the worst case
Unless     db-a is lost before arbiter
O9         Primary and arbiter fail at once: it looks like a cut network, so the
           backup does not take over.
Placement  the guide's section on clouds lets the arbiter be in the zone of a
           member, and finds a third zone for it alone out of proportion; its
           section on separate data centres asks for a third place
Loss       zone 2 of westeurope
Foreseen   unknown
Unknown    the zone of arbiter was not read
Either     serves if nothing else is lost
           stops if arbiter is lost too
Objective  zone rto 60 s: BREACHED

Assumed    every backup member is active

auditor: objectives: 1 breached; losses: 1 stops, 1 unknown
"""


def lines(found: Foresight, width: int = 80) -> list[str]:
    return render("terminal", found, View(width=width)).splitlines()


def test_the_terminal_shows_each_kind_with_its_objective_and_the_reason_of_what_stops() -> None:
    assert lines(made_up(MADE_UP))[1:] == TABLE.splitlines()


def test_without_objectives_the_table_says_so_and_has_no_outcome() -> None:
    shown = lines(foresight(site()))
    assert "No objective is declared: the deployment file can state under objectives how" in shown
    assert not any(word in line for line in shown[6:] for word in ("met", "BREACHED", "UNKNOWN"))
    assert shown[-1].startswith("auditor: no objective is declared; losses: ")


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 140])
def test_no_line_is_wider_than_the_terminal_nor_ends_with_spaces(width: int) -> None:
    for where in (site(BESIDE, objectives=OBJECTIVES), site({"arbiter": WHY})):
        for found in (foresight(where, pairs=True), foresight(where, lose=("zone:westeurope/1",))):
            shown = lines(found, width)
            assert max(map(len, shown)) <= width
            assert [line for line in shown if line != line.rstrip()] == []
    assert lines(foresight(site(BESIDE)), 20)
    assert len(lines(foresight(site()), 140)) < len(lines(foresight(site()), 80))


def test_colours_are_those_of_the_outcomes() -> None:
    text = render("terminal", foresight(site(BESIDE, objectives=OBJECTIVES)), View(colour=True))
    for code, shown in (("1;31", "BREACHED"), ("33", "UNKNOWN"), ("32", "met")):
        assert f"\x1b[{code}m{shown}\x1b[0m" in text


def test_a_question_is_answered_in_full() -> None:
    whole = made_up(MADE_UP)
    (deployment,) = whole.deployments
    asked = msgspec.structs.replace(deployment, losses=deployment.losses[2:4], objectives=deployment.objectives[2:3])
    shown = lines(msgspec.structs.replace(whole, deployments=(asked,), lose=("zone:westeurope/1",)))
    assert shown[5:] == ANSWER.splitlines()


def test_an_unknown_placement_has_two_completions() -> None:
    shown = "\n".join(lines(foresight(site({"arbiter": WHY}), lose=("zone:westeurope/1",)), 200))
    assert "Foreseen   unknown\nUnknown    no one knows\nEither     " in shown


def test_pairs_are_named() -> None:
    shown = " ".join(" ".join(lines(foresight(site(), pairs=True))).split())
    assert "two losses - not played; --pairs plays them" in " ".join(" ".join(lines(foresight(site()))).split())
    assert " pairs of losses that it survives alone: " in shown


@pytest.mark.slow
def test_the_json_has_the_shape_of_its_schema_and_is_read_back_as_it_was() -> None:
    shape = validator("foresight")
    for where in (site(BESIDE, objectives=OBJECTIVES, assumed=ASSUMED), site({"arbiter": WHY}, takeover=NEVER)):
        for found in (foresight(where, pairs=True), foresight(where, lose=("machine:db-a+machine:db-b",))):
            text = render("json", found, View())
            assert list(shape.iter_errors(json.loads(text))) == []
            assert msgspec.json.decode(text, type=Foresight) == found


def test_every_part_of_the_schema_is_described() -> None:
    definitions = json.loads(schema.text(Foresight, "Foresight"))["$defs"]
    assert {"Foresight", "Deployment", "Foreseen", "Objective", "Seconds", "Read"} <= definitions.keys()
    for definition in definitions.values():
        assert definition["description"]
        for part in definition.get("properties", {}).values():
            assert part["description"]


def test_what_is_unbounded_is_null_and_an_unknown_has_its_reason() -> None:
    where = site(takeover=NEVER, objectives={"region": Objective(rpo=900)})
    found = foresight(where).deployments[0]
    by_id = {one.loss: one for one in found.losses}
    seconds, lag = by_id["machine:db-a",].seconds, by_id[f"region:{PRIMARY}",].rpo
    assert seconds is not None
    assert seconds.most is None
    assert lag is not None
    assert (lag.least, lag.most, bool(lag.unknown)) == (0, None, True)
    assert found.objectives[0].outcome == "unknown"


@pytest.mark.parametrize("name", formats.FORMATS)
def test_no_name_acts_on_a_terminal_or_in_markdown(name: str) -> None:
    where = site()
    hostile = msgspec.structs.replace(vm("db-a", "1"), name=f"{HOSTILE}+{HOSTILE}")
    bad = msgspec.structs.replace(
        where, name=HOSTILE, vms={**where.vms, "db-a": hostile}, assumed=(Assumption(HOSTILE),)
    )
    shown = render(name, foresight(bad, pairs=True), View(width=300))
    assert "\\x1b" in shown or "\\u001b" in shown
    assert shown.replace("\n", "").isprintable()
    if name == "markdown":
        assert "<script" not in shown
        assert "|alert" not in shown


def test_markdown_has_the_table_and_the_reason_of_each_loss_that_is_not_survived() -> None:
    shown = render("markdown", foresight(site(BESIDE, objectives=OBJECTIVES, assumed=ASSUMED)), View()).splitlines()
    assert shown[0].startswith("## objectives: ")
    assert "### hospital" in shown
    assert "- Assumed: every backup member is active" in shown


def test_what_may_be_missing_has_its_reason() -> None:
    found = foresight(site(undeclared=(WHY,)))
    assert "\nUnknown    no one knows\n" in render("terminal", found, View())
    assert "\n- Unknown: no one knows\n" in render("markdown", found, View())


def test_a_foresight_without_deployments_says_so() -> None:
    for name in ("terminal", "markdown"):
        assert "No deployment is declared" in render(name, foresight(), View())


@pytest.mark.parametrize(
    ("least", "most", "shown"),
    [
        (17, 29, "17 to 29 s"),
        (17, 17, "17 s"),
        (0, math.inf, "an unknown time"),
        (17.5, math.inf, "at least 17.5 s"),
        (190, 190, "190 s"),
        (190, 310, "190 s to 5.2 min"),
        (2590, 2590, "43.2 min"),
        (14400, 14400, "4 h"),
        (86400, 864000, "24 h to 10 days"),
    ],
)
def test_a_time_is_stated_in_a_unit_in_which_it_is_short(least: float, most: float, shown: str) -> None:
    assert wording.duration(Seconds(least, most if math.isfinite(most) else None, None)) == shown


@pytest.mark.parametrize(
    ("loss", "shown"),
    [
        (("machine:vm-a",), "vm-a"),
        (("disk:vm-a", "zone:westeurope/1"), "the disks of vm-a, then zone 1 of westeurope"),
        (("fault-domain:set/0+update-domain:set/1",), "fault domain 0 of set and update domain 1 of set"),
        (("link:westeurope/1-2",), "the network between zones 1 and 2 of westeurope"),
        (("link:westeurope-northeurope",), "the network between westeurope and northeurope"),
        (("link:westeurope/we-az1-we-az2",), "the network between zones we-az1-we-az2 of westeurope"),
        (("endpoint:tm/primary",), "endpoint primary of tm"),
        (("arbiter-network:DB",), "the network of the arbiter of DB"),
        (("arbiter-network:A+B+machine:vm-a+b",), "the network of the arbiter of A+B and vm-a+b"),
        (("fault-domain:/subscriptions/1/resourcegroups/g/providers/x/y/set/0",), "fault domain 0 of set"),
        (("machine:/subscriptions/1/resourcegroups/g/providers/x/y/vm-a",), "vm-a"),
    ],
)
def test_losses_have_names(loss: tuple[str, ...], shown: str) -> None:
    assert wording.names(loss) == shown


def test_every_kind_of_loss_has_words() -> None:
    for kind in LossKind:
        one: Any = foresight(site()).deployments[0].losses[0]
        one = msgspec.structs.replace(one, loss=(f"{kind}:a/b",), outcome="lost")
        assert wording.effect(one).startswith("stops until the ")
