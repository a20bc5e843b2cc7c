"""Settings of all tests, and fixtures that several folders share."""

from __future__ import annotations

import gc
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from tests.arm import ArmServer

# The time of an example depends on the computer. The result of a run depends on neither chance nor an earlier run: the
# same sources pass or fail everywhere. `--hypothesis-profile explore` looks for what the fixed examples do not show.
settings.register_profile("auditor", deadline=None, database=None, derandomize=True)
settings.register_profile("explore", deadline=None, database=None, derandomize=False, max_examples=1000)
settings.register_profile("quick", settings.get_profile("auditor"), max_examples=10)
settings.load_profile("auditor")

# Tests keep many objects, which the garbage collector would visit again and again: a tenth of the time of a run.
gc.set_threshold(50_000, 50, 50)

# A shell lets what it starts in the background ignore these two, which child processes inherit. A handler is not
# inherited: the programs that tests start can be interrupted as in the foreground.
for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, lambda *_: None)):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, handler)


@pytest.fixture
def arm_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ArmServer]:
    """Run Azure Resource Manager for the known-good `trakcare-current`, with the login in the environment."""
    from tests import estates  # noqa: PLC0415 - most tests need neither this nor a web server
    from tests.arm import ArmServer, Estate  # noqa: PLC0415

    with ArmServer(Estate.from_body(estates.body_of("trakcare-current"))) as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """Run a Dask cluster of two workers, which repeats no task by itself; return the address of its scheduler."""
    import dask  # noqa: PLC0415 - takes half a second, and two modules need it
    from distributed import LocalCluster  # noqa: PLC0415

    # Several processes of the tests may each have a cluster at the same time: none takes a fixed port.
    options = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        LocalCluster(2, threads_per_worker=1, scheduler_kwargs=options) as local,  # type: ignore[no-untyped-call]
    ):
        yield local.scheduler_address


def pytest_collection_finish() -> None:
    """Keep what collecting created out of garbage collections: it stays until the end."""
    gc.freeze()
