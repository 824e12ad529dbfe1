"""What a benchmark measures, and the one file that all of them write.

A benchmark defines `measure() -> dict[str, Figure]`, keyed like `index.recall_at_10`, and ends with
`report(measure())`: printed for people, and written as JSON where `--json FILE` is given.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes:
        value: The number.
        unit: E.g. `records/s`, `GB`, `ratio`.
        how: One sentence: on what, against what, with what settings.
    """

    value: float
    unit: str
    how: str


def report(figures: Mapping[str, Figure]) -> None:
    """Print the figures, and write them where the command line asks for it."""
    options = argparse.ArgumentParser()
    options.add_argument("--json", type=Path, help="file to write")
    for key, figure in figures.items():
        print(f"{key}: {figure.value:.4g} {figure.unit} ({figure.how})")
    path = options.parse_known_args()[0].json  # a benchmark may have options of its own
    if path:
        path.write_text(json.dumps(nested(figures), indent=1) + "\n", encoding="utf-8")


def nested(figures: Mapping[str, Figure]) -> dict[str, object]:
    """`{"a.b": figure}` as `{"a": {"b": {"value": ...}}}`."""
    tree: dict[str, object] = {}
    for key, figure in figures.items():
        *groups, leaf = key.split(".")
        place = tree
        for group in groups:
            inner = place.setdefault(group, {})
            assert isinstance(inner, dict), f"{key} is both a figure and a group"
            place = inner
        place[leaf] = asdict(figure)
    return tree
