"""Recommendations of Azure Advisor, read live."""

from __future__ import annotations

import pytest

from auditor.cli import exit_codes
from auditor.cli.main import main
from tests.arm import ArmServer, Fault
from tests.sources.live import live
from tests.sources.test_advice import GUID, nested, recommendation

pytestmark = pytest.mark.slow

SUBSCRIPTION = "00000000-0000-0000-0000-000000000003"
PATH = f"/subscriptions/{SUBSCRIPTION}/providers/Microsoft.Advisor/recommendations"


def conflicts(server: ArmServer) -> int:
    arguments = ["--subscription", SUBSCRIPTION, "--arm-endpoint", server.url, "--ca-bundle", server.ca_file]
    return main(["rules", "conflicts", "--profile", "article-2018", *arguments])


def test_every_page_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    estate = live.estate_of("demo")
    estate.add(*(nested(recommendation(GUID[:-1] + str(number))) for number in range(5)))
    with ArmServer(estate, page_size=2) as server, live.signed_in(server):
        assert conflicts(server) == exit_codes.OK
        asked = [entry for entry in server.log if "Advisor" in entry.path]
    assert len(asked) == 3
    assert {entry.method for entry in asked} == {"GET"}
    text = capsys.readouterr().out
    assert "open recommendations of Azure Advisor: 5" in text
    assert text.count("az advisor recommendation disable") == 5


@pytest.mark.parametrize("fault", [Fault.FORBIDDEN, Fault.CONFLICT])
def test_a_list_that_was_not_read_is_not_taken_for_empty(fault: Fault, capsys: pytest.CaptureFixture[str]) -> None:
    with ArmServer(live.estate_of("demo"), faults={PATH: fault}) as server, live.signed_in(server):
        assert conflicts(server) == exit_codes.INCOMPLETE
    assert "not read: Microsoft.Advisor/recommendations" in capsys.readouterr().out
