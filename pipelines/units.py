"""Units of training: one method on one split, trained once and kept until something it rests on changes."""

import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from models.evaluation.predictions import Predictions, read_predictions, write_predictions
from models.files import write_text
from pipelines.digests import content_digest
from pipelines.directories import new_directory

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Unit:
    """Work that is done as a whole or not at all.

    Attributes:
        place: Folder of its models below the root, e.g. `knobo/iu-age`; predictions and a note lie beside it.
        key: Digest of all that the models rest on.
        train: Trains, saves the models into the folder given, and predicts what the audit reads.
    """

    place: str
    key: str
    train: Callable[[Path], Predictions]

    def folder(self, root: Path) -> Path:
        """Of the models."""
        return root / self.place

    def predictions(self, root: Path) -> Path:
        """What they say of the reported images."""
        return self.folder(root).with_name(f"{self.folder(root).name}.parquet")

    def note(self, root: Path) -> Path:
        """What the models rest on, and what they were when they were saved."""
        return self.folder(root).with_name(f"{self.folder(root).name}.json")


def complete(units: Sequence[Unit], root: Path, *, progress: Progress) -> None:
    """Trains the units that are not trained yet."""
    for done, unit in enumerate(units, start=1):
        if not is_trained(unit, root):
            train(unit, root)
        progress(done, len(units))


def train(unit: Unit, root: Path) -> None:
    """Trains one; the note comes last, so that a unit without one counts as not begun."""
    unit.note(root).unlink(missing_ok=True)
    with new_directory(unit.folder(root)) as folder:
        found = unit.train(folder)
    write_predictions(unit.predictions(root), [found])
    write_text(unit.note(root), json.dumps({"key": unit.key, "content": content(unit, root)}) + "\n")


def is_trained(unit: Unit, root: Path) -> bool:
    """Whether its models rest on what they would rest on now, and are as they were saved."""
    try:
        noted = json.loads(unit.note(root).read_bytes())
    except (OSError, ValueError):
        return False
    return isinstance(noted, dict) and noted == {"key": unit.key, "content": content(unit, root)}


def content(unit: Unit, root: Path) -> list[str | None]:
    """Digests of models and predictions; None for what is not there."""
    paths = (unit.folder(root), unit.predictions(root))
    return [content_digest(path) if path.exists() else None for path in paths]


def gather(units: Sequence[Unit], root: Path) -> list[Predictions]:
    """The predictions of all units, those of one method and split joined along the seeds."""
    found: dict[tuple[str, str], list[Predictions]] = {}
    for unit in units:
        for each in read_predictions(unit.predictions(root)):
            found.setdefault((each.method, each.split), []).append(each)
    return [joined(parts) for parts in found.values()]


def joined(parts: Sequence[Predictions]) -> Predictions:
    """One set of predictions from those of several seeds."""
    first = parts[0]
    return Predictions(
        method=first.method,
        split=first.split,
        seeds=tuple(seed for part in parts for seed in part.seeds),
        ids=first.ids,
        probabilities=np.concatenate([part.of(first.ids) for part in parts]),
    )


def remove_others(units: Iterable[Unit], root: Path) -> None:
    """Clears the root of everything that no unit keeps there."""
    kept: set[Path] = set()
    for unit in units:
        kept |= {unit.folder(root), unit.predictions(root), unit.note(root)}
    parents = {parent for path in kept for parent in path.parents}
    sweep(root, kept=kept, parents=parents)


def sweep(folder: Path, *, kept: set[Path], parents: set[Path]) -> None:
    """See `remove_others`: descends only into folders that hold something kept."""
    for path in sorted(folder.iterdir()):
        if path in kept:
            continue
        if path in parents and path.is_dir():
            sweep(path, kept=kept, parents=parents)
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
