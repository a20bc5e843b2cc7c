"""The program `auditor`, also as `python -m auditor`."""

import gc
import sys

from auditor.cli.main import main


def run() -> int:
    """Run the command line as a process of its own.

    Little that a run makes is garbage before its end: the collector of cycles would only visit it again and again.
    """
    gc.disable()
    return main()


if __name__ == "__main__":
    sys.exit(run())
