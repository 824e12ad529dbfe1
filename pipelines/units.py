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
        key: Digest of all that a model rests on but its seed.
        seeds: A model each.
        train: Trains some of the seeds, saves their models into the folder given, and predicts what the audit
            reads.
    """

    place: str
    key: str
    seeds: tuple[int, ...]
    train: Callable[[Path, Sequence[int]], Predictions]

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
    """Trains the seeds that are not trained; the note comes last: a unit without one counts as not begun."""
    kept = [predictions] if (predictions := trained_before(unit, root)) else []
    missing = [seed for seed in unit.seeds if not kept or seed not in kept[0].seeds]
    with new_directory(unit.folder(root)) as folder:
        if kept:
            shutil.copytree(unit.folder(root), folder, dirs_exist_ok=True)
        found = joined([*kept, unit.train(folder, missing)])
        unit.note(root).unlink(missing_ok=True)
    write_predictions(unit.predictions(root), [found])
    write_text(unit.note(root), json.dumps(stated(unit, root)) + "\n")


def stated(unit: Unit, root: Path) -> dict[str, object]:
    """What the note of a trained unit says."""
    return {"key": unit.key, "seeds": list(unit.seeds), "content": content(unit, root)}


def noted(unit: Unit, root: Path) -> dict[str, object]:
    """What the note says; nothing where there is none that can be read."""
    try:
        found = json.loads(unit.note(root).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_trained(unit: Unit, root: Path) -> bool:
    """Whether its models rest on what they would rest on now, and are as they were saved."""
    return noted(unit, root) == stated(unit, root)


def trained_before(unit: Unit, root: Path) -> Predictions | None:
    """Predictions of fewer seeds that rest on the same and are as they were saved."""
    found = noted(unit, root)
    if found.get("key") != unit.key or found.get("content") != content(unit, root):
        return None
    (predictions,) = read_predictions(unit.predictions(root))
    return predictions if set(predictions.seeds) < set(unit.seeds) else None


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
