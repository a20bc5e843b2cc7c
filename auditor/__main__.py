"""The program `auditor`, also as `python -m auditor`."""

import gc
import sys

from auditor.cli import ending
from auditor.cli.main import main


def run() -> int:
    """Run the command line as a process of its own, without the garbage collector, and end it; see `ending.end`.

    Almost nothing becomes garbage before the end of a run. A scan of 3,000 VMs to SARIF takes 6.6 instead of 9.5
    seconds of CPU time.
    """
    gc.disable()
    ending.plan()
    return ending.end(main())


if __name__ == "__main__":
    sys.exit(run())
