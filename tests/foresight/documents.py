"""What is foreseen, as documents: of made-up deployments as they are played, and made-up results."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from auditor import bundled
from auditor.foresight import build
from auditor.foresight.document import Foresight
from auditor.losses import play, possible
from auditor.losses.foreseen import Because, Effect, Foreseen
from auditor.losses.loss import Loss, LossKind
from auditor.losses.objectives import compare
from auditor.losses.site import Seconds, Site
from auditor.snapshot.known import Cause, Read, Unknown

DECLARED = (bundled.DEMO / bundled.DEPLOYMENT).read_text(encoding="utf-8")
OBJECTIVES = re.compile(r"^    objectives:\n(?:      .*\n)+", re.MULTILINE)
"""Those of the demo."""


def foresight(*sites: Site, lose: tuple[str, ...] = (), pairs: bool = False) -> Foresight:
    """Return what is foreseen of all losses, or of some."""

    def deployment(site: Site) -> Any:
        lost = [possible.named(site, text) for text in lose]
        assert not any(isinstance(loss, Unknown) for loss in lost)
        found = (play.foresee(site, [one for one in lost if isinstance(one, Loss)]),) if lost else play.single(site)
        return build.deployment(
            site,
            found,
            play.pairs(site) if pairs else None,
            [one for one in compare(site, found, every=not lose) if one.worst or not lose],
        )

    return build.foresight(
        map(deployment, sites), taken_at="2026-11-01", scopes=["/subscriptions/1"], lose=lose, first=""
    )


def made_up(where: Site) -> Foresight:
    """Return made-up results for the objectives and assumptions of a deployment, with every effect."""
    lag = Unknown(Cause.VALUE, "its lag is not known")
    placed = Unknown(Cause.GAP, "the zone of arbiter was not read")

    def seen(kind: LossKind, name: str, effect: Effect, seconds: Seconds | None = None, **further: Any) -> Foreseen:
        return Foreseen((Loss(kind, name),), "together", further.pop("first", ""), effect, seconds, **further)

    found = (
        seen(LossKind.VM, "db-a", Effect.SERVES, Seconds(17, 29), rpo=Seconds(0, 0)),
        seen(LossKind.VM, "db-b", Effect.SERVES, Seconds(0, 0), rpo=Seconds(0, 0)),
        seen(
            LossKind.ZONE,
            "westeurope/1",
            Effect.STOPS,
            Seconds(2400, 2590),
            first="db-a",
            because=(Because("DB has no primary", (Read("id", "zones", ["1"]),)), Because("no print server is left")),
            statements=("O9",),
            unless="unless db-a is lost before arbiter",
        ),
        seen(
            LossKind.ZONE,
            "westeurope/2",
            Effect.UNKNOWN,
            unknown=(placed,),
            completions=("serves if nothing else is lost", "stops if arbiter is lost too"),
        ),
        seen(LossKind.REGION, "westeurope", Effect.STOPS, Seconds(2400, 2590), rpo=lag, because=(Because("all is"),)),
        seen(LossKind.PROFILE, "tm", Effect.LOST, because=(Because("the domain name of tm does not resolve"),)),
        seen(LossKind.LOAD_BALANCER, "lb", Effect.STOPS),
        seen(LossKind.LINK, "westeurope/1-2", Effect.SERVES, Seconds(8, math.inf), rpo=Seconds(0, 0)),
        seen(LossKind.ARBITER_NETWORK, "DB", Effect.SERVES, Seconds(0, 0), rpo=Seconds(0, 0)),
    )
    done = build.deployment(where, found, None, compare(where, found))
    return build.foresight([done], taken_at="2026-11-01", scopes=["/subscriptions/1"], lose=(), first="")


def with_objectives(folder: Path, objectives: str) -> list[str]:
    """Return options that read the demo with other objectives for its first deployment, "" for none."""
    file = folder / "deployment.yaml"
    stated = f"    objectives: {objectives}\n" if objectives else ""
    changed, number = OBJECTIVES.subn(stated, DECLARED)
    assert number == 1
    file.write_text(changed, encoding="utf-8")
    return ["--snapshot", str(bundled.DEMO / bundled.INVENTORY), "--deployment", str(file)]
