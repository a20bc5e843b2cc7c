"""What is foreseen of made-up deployments, as documents."""

from __future__ import annotations

from typing import Any

from auditor.foresight import build
from auditor.foresight.document import Foresight
from auditor.losses import play, possible
from auditor.losses.loss import Loss
from auditor.losses.objectives import compare
from auditor.losses.site import Site
from auditor.snapshot.known import Unknown


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
            [one for one in compare(site, found) if not lose or (one.worst and not one.by_zone)],
        )

    return build.foresight(
        map(deployment, sites), taken_at="2026-11-01", scopes=["/subscriptions/1"], lose=lose, first=""
    )
