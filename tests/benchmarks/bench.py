"""Runs every benchmark in a process of its own and gathers the figures in `bench.json`.

python tests/benchmarks/bench.py [NAME ...] [--out bench.json]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).parent
BENCHMARKS = (
    "grounding",
    "knobo_fit",
    "linear_methods",
    "extract",
    "features_memory",
    "annotation_gold",
    "pubmed_api",
    "pubmed_bulk",
    "endpoint_faults",
    "retrieval_pubmedqa",
    "annotation_speed",
    "index",
    "bootstrap",
    "coverage",
    "false_positives",
    "manifest",
    "near_duplicates",
    "refresh",
    "runners",
    "api_load",
)


def figures_of(name: str) -> object:
    """What one benchmark measured; it prints for itself.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "figures.json"
        subprocess.run([sys.executable, FOLDER / f"{name}.py", "--json", written], check=True)
        return json.loads(written.read_text("utf-8"))


def merged(first: object, second: object) -> object:
    """Two trees of figures as one; the second wins where both have a leaf."""
    if not isinstance(first, dict) or not isinstance(second, dict):
        return second
    return first | {key: merged(first.get(key), value) for key, value in second.items()}


def main() -> None:
    """All benchmarks, or those named; what others measured before stays in the file."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("names", nargs="*", metavar="NAME", help=", ".join(BENCHMARKS))
    options.add_argument("--out", type=Path, default=Path("bench.json"))
    arguments = options.parse_args()
    for name in arguments.names or BENCHMARKS:
        if name not in BENCHMARKS:
            options.error(f"no benchmark {name}; there are {', '.join(BENCHMARKS)}")
        started = time.perf_counter()
        print(f"== {name}", flush=True)
        found = figures_of(name)
        before = json.loads(arguments.out.read_text("utf-8")) if arguments.out.exists() else {}
        arguments.out.write_text(json.dumps(merged(before, found), indent=1) + "\n", encoding="utf-8")
        print(f"   {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
