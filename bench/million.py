"""One scan of a thousand subscriptions with a million resources, generated part by part, and what it takes.

    python bench/million.py [SUBSCRIPTIONS] [WORKERS] [FOLDER]

The folder, by default a temporary one, keeps the generated snapshot: about 400 MB.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import estate
import msgspec

from auditor.sources.snapshot_folder import MANIFEST, Collection

VMS: Final = 165
"""VMs of a subscription; with them it has about a thousand resources."""
FORMATS: Final = ("json", "terminal")


def generate(folder: Path, subscriptions: int) -> Path:
    """Write a snapshot folder; return the deployment file of all its deployments."""
    deployment = folder.with_suffix(".yaml")
    if (folder / MANIFEST).exists():
        return deployment
    scopes = tuple(estate.scope_of(number) for number in range(1, subscriptions + 1))
    collection: Collection | None = None
    for part in estate.parts(VMS * subscriptions, per_subscription=VMS):
        header = msgspec.structs.replace(part, scopes=scopes, resources=(), listed=frozenset(), deployment="")
        collection = collection or Collection(folder, header)
        collection.add(part)
        deployment.write_text(part.deployment, encoding="utf-8")
    return deployment


def measure(folder: Path, deployment: Path, workers: int) -> None:
    """Scan in a process of its own, and print what that took."""
    outputs = [folder.with_suffix(f".{form}") for form in FORMATS]
    words = ["scan", "--snapshot", folder, "--deployment", deployment, "--workers", workers]
    for form, output in zip(FORMATS, outputs, strict=True):
        words += ["-o", f"{form}={output}"]
    begun = time.perf_counter()
    code = subprocess.run([sys.executable, "-m", "auditor", *map(str, words)], check=False).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    sizes = ", ".join(f"{output.stat().st_size / 1e6:,.0f} MB of {output.suffix[1:]}" for output in outputs)
    print(
        f"{workers} workers: exit code {code}, {time.perf_counter() - begun:.0f} s, "
        f"{used.ru_utime + used.ru_stime:.0f} CPU s, {used.ru_maxrss / 2**20:.2f} GB at most in one process, {sizes}",
        flush=True,
    )


def main() -> None:
    """Generate and scan."""
    subscriptions = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    workers = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with contextlib.ExitStack() as stack:
        where = sys.argv[3] if len(sys.argv) > 3 else stack.enter_context(tempfile.TemporaryDirectory())
        folder = Path(where) / "snapshot"
        begun = time.perf_counter()
        deployment = generate(folder, subscriptions)
        size = sum(file.stat().st_size for file in folder.iterdir())
        print(
            f"{subscriptions} subscriptions, {size / 1e6:,.0f} MB, in {time.perf_counter() - begun:.0f} s", flush=True
        )
        measure(folder, deployment, workers)


if __name__ == "__main__":
    os.nice(10)
    main()
