"""What `/api/monitor/metrics` returns: metrics in the text format of Prometheus, by an allow-list of names."""

from __future__ import annotations

import math
import re
from typing import Any, Final

from auditor.snapshot.guest_kinds import GuestKind
from auditor.sources.guest.content import Builder, Content
from auditor.sources.guest.text import lines

NAMES: Final = (
    "iris_ecp_conn",
    "iris_jrn_free_space",
    "iris_license_days_remaining",
    "iris_mirror_failover_ready",
    "iris_mirror_member_type",
    "iris_mirror_missing_databases",
    "iris_mirror_status",
)
LINE: Final = re.compile(r"(?P<name>iris_\w{1,64})(?:\{(?P<labels>[^}]*)\})?\s+(?P<value>\S+)(?:\s+\d+)?")
LABELS: Final = ("id", "dir", "name")
_LABEL: Final = re.compile(rf'(?:^|,)\s*({"|".join(LABELS)})="([^"\\]{{0,512}})"')
_MOST: Final = {"iris_mirror_failover_ready": 1, "iris_mirror_member_type": 7, "iris_mirror_status": 9}
"""The largest values of metrics whose numbers stand for states."""
_VALUE: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,9})?")


def parse(whole: str) -> Content:
    """Return the metrics whose names are kept; one that is absent may have been cut off, so that it means nothing."""
    builder = Builder(GuestKind.METRICS)
    found: list[dict[str, Any]] = []
    for line in lines(whole):
        match = LINE.fullmatch(line.text.strip())
        if match is None or match["name"] not in NAMES:
            continue
        most = _MOST.get(match["name"], math.inf)
        if not line.ended or not _VALUE.fullmatch(match["value"]) or float(match["value"]) > most:
            builder.miss("metrics[*]", f"line {line.number} is malformed")
            continue
        labels = {label[1]: label[2] for label in _LABEL.finditer(match["labels"] or "")}
        number = float(match["value"])
        value = int(number) if number.is_integer() else number
        found.append({"name": match["name"], **({"labels": labels} if labels else {}), "value": value})
    builder.properties["metrics"] = found
    return builder.content()
