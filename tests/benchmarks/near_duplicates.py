"""Which planted copies the search for near-duplicates finds on real images, and which pairs it takes for one.

python tests/benchmarks/near_duplicates.py [--table FILE]

Twenty images of a kind of picture are changed in each of the ways below. A variant counts as found as the
search would find it: it lies among the nearest neighbours of its original in the features, or the original
among its own, and the two agree well enough. False alarms are counted on neighbours drawn by chance from all
that the search compares; the highest agreement among them shows how far they stay away.
"""

import argparse
import csv
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from figures import Figure, report
from near_variants import variants
from numpy.typing import NDArray

from models.encoders import Encoder
from models.features.extraction import extract
from models.features.store import FeatureStore
from models.features.table import FeatureTable
from models.images import ImageRecord, image_digest, open_image
from models.splits.checks.near.agreement import agreements
from models.splits.checks.near.neighbours import NEAREST, directions, nearest_pairs, sum_of_rows
from models.splits.checks.near.search import ONE_PICTURE
from models.splits.checks.near.thumbnails import thumbnail
from pipelines.config import EncoderSection
from pipelines.stages.encode import configured_encoder

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
SOURCES = {
    "xray": ("xray/iu", "xray/nih", "xray/guangzhou"),
    "skin": ("skin/ham10000", "skin/ph2", "skin/nci_moles"),
}
PLANTED, DRAWN = 20, 2_500
NOT_LOOKED_FOR = ("mirrored", "rotated by 3 degrees")


@dataclass(frozen=True, slots=True)
class Search:
    """What was found on one kind of picture.

    Attributes:
        images: That were searched.
        found: Share of the variants by the way they were made.
        candidates: Pairs whose pixels the search would compare.
        drawn: Agreement of those of them that were drawn by chance `(m,)`.
    """

    images: int
    found: Mapping[str, float]
    candidates: int
    drawn: NDArray[np.float32]


def records_of(folders: Sequence[str]) -> list[ImageRecord]:
    """Images of some folders, of equal files the first; X-rays from the front."""
    found: dict[str, ImageRecord] = {}
    for folder in folders:
        with (DATA / folder / "metadata.csv").open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                path = DATA / folder / row["image"]
                if row.get("projection") != "Lateral":
                    found.setdefault(
                        image_digest(path), ImageRecord(f"{folder}/{row['image']}", path, None, {})
                    )
    return list(found.values())


def planted(records: Sequence[ImageRecord], folder: Path) -> dict[str, list[ImageRecord]]:
    """Variants of every record by the way they are made, in the order of the records."""
    made: dict[str, list[ImageRecord]] = {way: [] for way in variants()}
    for number, record in enumerate(records):
        image = open_image(record.path)
        for place, (way, change) in enumerate(variants().items()):
            path = folder / f"{number}-{place}.png"
            change(image).save(path)
            made[way].append(ImageRecord(path.name, path, None, {}))
    return made


def are_near(table: FeatureTable, originals: Sequence[str], copies: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Whether each copy `(b, d)` or its original is among the nearest of the other."""
    mean = sum_of_rows(table.values) / len(table.values)
    every, asked = directions(table.values, mean), directions(copies, mean)
    place = {image: row for row, image in enumerate(table.ids)}
    own = np.array([place[image] for image in originals])
    of_originals = every[own] @ every.T
    of_originals[np.arange(len(own)), own] = -1
    least = np.partition(of_originals, -NEAREST, axis=1)[:, -NEAREST]
    reached = asked @ every.T
    cosine = reached[np.arange(len(own)), own]
    nearer = np.sum(reached > cosine[:, None], axis=1)
    near: NDArray[np.bool_] = np.logical_or(nearer < NEAREST, cosine > least)
    return near


def agreement(first: Sequence[ImageRecord], second: Sequence[ImageRecord]) -> NDArray[np.float32]:
    """Of images laid over each other, pair by pair `(n,)`."""
    small = {record.path: thumbnail(record.path) for record in (*first, *second)}
    pictures = [[small[record.path] for record in side] for side in (first, second)]
    return agreements(*(np.stack([each for each in side if each is not None]) for side in pictures))


def search(records: Sequence[ImageRecord], encoder: Encoder, folder: Path) -> Search:
    """Plants, searches, and compares neighbours drawn by chance."""
    store, generator = FeatureStore(folder / "store"), np.random.default_rng(0)
    table = extract(records, encoder, store, target=folder / "features")
    chosen = [records[row] for row in generator.permutation(len(records))[:PLANTED]]
    copies = planted(chosen, folder)
    every_copy = [copy for made in copies.values() for copy in made]
    of_copies = extract(every_copy, encoder, store, target=folder / "features-of-copies")
    originals = [record.id for record in chosen]
    found = {
        way: np.mean(
            are_near(table, originals, of_copies.rows([copy.id for copy in made]))
            & (agreement(chosen, made) >= ONE_PICTURE)
        ).item()
        for way, made in copies.items()
    }
    pairs = nearest_pairs(table.values, np.arange(len(records)))
    drawn = generator.permutation(pairs)[:DRAWN].T
    record_of = {record.id: record for record in records}
    one, other = ([record_of[table.ids[row]] for row in side] for side in drawn)
    return Search(len(records), found, len(pairs), agreement(one, other))


def figures_of(name: str, searched: Search) -> dict[str, Figure]:
    """How much is found, and how far false alarms stay away."""
    looked_for = {way: share for way, share in searched.found.items() if way not in NOT_LOOKED_FOR}
    hardest = min(looked_for, key=lambda way: looked_for[way])
    what = f"{PLANTED} variants of each of {len(looked_for)} kinds among {searched.images:,} images"
    pairs = f"{len(searched.drawn):,} pairs drawn from the {searched.candidates:,} whose pixels are compared"
    return {
        f"near_duplicates.{name}_found": Figure(np.mean(list(looked_for.values())).item(), "share", what),
        f"near_duplicates.{name}_least_found": Figure(looked_for[hardest], "share", f"{hardest}; {what}"),
        f"near_duplicates.{name}_false_alarms": Figure(
            int(np.sum(searched.drawn >= ONE_PICTURE)), "pairs", f"of {pairs}"
        ),
        f"near_duplicates.{name}_highest": Figure(
            searched.drawn.max().item(), "agreement", f"of {pairs}; one picture from {ONE_PICTURE} on"
        ),
    }


def table_of(searched: Mapping[str, Search]) -> str:
    """Share found of every kind of variant, in Markdown."""
    lines = [f"| variant | {' | '.join(searched)} |", "| --- " * (1 + len(searched)) + "|"]
    for way in variants():
        shares = " | ".join(f"{each.found[way]:.0%}" for each in searched.values())
        lines.append(f"| {way} | {shares} |")
    return "\n".join(lines) + "\n"


def measure() -> dict[str, Figure]:
    """Of X-rays and of skin lesions; the table where it is asked for."""
    absent = [folder for folders in SOURCES.values() for folder in folders if not (DATA / folder).is_dir()]
    if absent:
        print(f"skipped: there are no images at {DATA / absent[0]}")
        return {}
    options = argparse.ArgumentParser()
    options.add_argument("--table", type=Path, help="file to write the share of every kind of variant to")
    encoder, searched = configured_encoder(EncoderSection()), {}
    for name, folders in SOURCES.items():
        with tempfile.TemporaryDirectory(prefix="knobo-near-") as folder:
            searched[name] = search(records_of(folders), encoder, Path(folder))
    asked = options.parse_known_args()[0].table
    if asked:
        asked.write_text(table_of(searched), encoding="utf-8")
    return {key: figure for name in searched for key, figure in figures_of(name, searched[name]).items()}


if __name__ == "__main__":
    report(measure())
