"""Evaluate every mutation of the known-good deployments with and without the findings of the unchanged deployment.

    python tests/tools/reuse.py [NAME ...] [--part I/N]

Prints each mutation after which a finding with reuse is not as from scratch, and exits with 1 if there is any. It takes
an hour; `tests/evaluation/test_reuse.py` tries a part of them.
"""

from __future__ import annotations

import argparse
import sys

from auditor.authoring import fixtures
from auditor.authoring.sensitivity import Sensitivity
from auditor.errors import InputError
from auditor.evaluation.engine import Detail
from tests import estates
from tests.evaluation.reusing import Remembered


def main() -> int:
    """Compare, and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=list(estates.KNOWN_GOOD))
    parser.add_argument("--part", default="0/1")
    options = parser.parse_args()
    part, of = map(int, options.part.split("/"))
    tried = wrong = moved = findings = 0
    for name in options.names:
        rules = estates.rules(estates.KNOWN_GOOD[name])
        good = Sensitivity(fixtures.known_good(name), rules)
        plain = good.fixture.topology()
        declared = good.fixture.decoder.deployments(good.fixture.declared)
        remembered = [Remembered(plain.graph.snapshot, declared, plain.as_of, rules, detail) for detail in Detail]
        for mutation in good.mutations[part::of]:
            try:
                snapshot = good.mutated(mutation).graph.snapshot
            except InputError:
                continue
            tried += 1
            for each in remembered:
                compared = each.compare(snapshot, declared, plain.as_of)
                moved += compared.moved
                findings += compared.findings
                if compared.differences:
                    wrong += 1
                    print(f"{name}: {mutation}", *compared.differences, sep="\n    ", flush=True)
        print(f"{name}: {tried} mutations, {wrong} wrong, {moved} of {findings} findings evaluated again", flush=True)
    return int(wrong > 0 or not tried)


if __name__ == "__main__":
    sys.exit(main())
