"""Writes split files in the format published with KnoBo that overlap exactly as its files were found to do.

The files themselves are not part of this project: these are made up, path by path, with the counts of the
published ones.
"""

import pickle
from collections import Counter
from itertools import combinations
from pathlib import Path
from random import Random

from models.splits.released.published import Published

Parts = dict[str, dict[str, list[str]]]
PLACES = {"train": 0, "val": 1, "test": 2}
BY_PATIENT = ("NIH-CXR", "CheXpert-v1.0", "pneumonia", "PAD-UFES-20")


def write_released(folder: Path, parts: Parts, *, protocol: int = 4) -> Path:
    """The three files of a split, as published below `splits`."""
    (folder / "splits").mkdir(parents=True)
    for part, listed in parts.items():
        (folder / f"splits/class2images_{part}.p").write_bytes(pickle.dumps(listed, protocol))
    return folder


def folder_of(published: Published, part: str, label: str) -> str:
    """Data set that gives the images of a class in a part."""
    if published.name == "NIH-CheXpert":
        return "NIH-CXR" if (label == "Atelectasis") == (part != "test") else "CheXpert-v1.0"
    if published.name == "CheXpert-race":
        return "CheXpert-v1.0"
    if published.name.startswith("NIH"):
        return "NIH-CXR"
    return "ISIC" if published.name.startswith("ISIC") else published.name


def image_path(folder: str, label: str, patient: int, number: int) -> str:
    """Path of the `number`-th image of a patient, in the manner of its data set."""
    names = {
        "NIH-CXR": f"images_{patient % 12 + 1:03d}/images/{patient:08d}_{number:03d}.png",
        "CheXpert-v1.0": f"train/patient{patient:05d}/study{number}/view1_frontal.jpg",
        "pneumonia": f"images/train/PNEUMONIA/person{patient}_bacteria_{patient * 100 + number}.jpeg"
        if label == "PNEUMONIA"
        else f"images/train/NORMAL/IM-{patient:04d}-{number:04d}.jpeg",
        "open-i": f"images/{patient}_IM-{patient:04d}-{1000 + number}.dcm.png",
        "PAD-UFES-20": f"images/PAT_{patient}_{2 * patient}_{number}.png",
        "COVID-QU": f"images/{label}-{patient}.png",
        "vindr-cxr": f"images/{patient:032x}.png",
        "Melanoma": f"train/{label}/melanoma_{patient}.jpg",
        "UWaterloo": f"{label.replace(' ', '')}/dermis/{patient}_orig.jpg",
    }
    return f"{folder}/{names.get(folder, f'images/ISIC_{patient:07d}.jpg')}"


class Paths:
    """Gives out images: of new patients, or further ones of patients that are already in train."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.patients = 0
        self.images: Counter[int] = Counter()
        self.trained: dict[str, list[int]] = {}

    def another(self, folder: str, label: str, patient: int) -> str:
        self.images[patient] += 1
        return image_path(folder, label, patient, self.images[patient])

    def new(self, folder: str, label: str, part: str) -> str:
        """An image of a new patient, or in train now and then of one that came before."""
        known = self.trained.setdefault(folder, [])
        if part == "train" and known and folder in BY_PATIENT[:2] and self.random.random() < 0.4:
            return self.another(folder, label, self.random.choice(known))
        self.patients += 1
        if part == "train" and not (folder == "pneumonia" and label == "NORMAL"):
            known.append(self.patients)
        return self.another(folder, label, self.patients)

    def known(self, folder: str, label: str) -> str:
        """A new image of a patient that train has."""
        return self.another(folder, label, self.random.choice(self.trained[folder]))


def with_overlaps(published: Published, *, seed: int = 0) -> Parts:
    """Paths of the three parts with the counts and overlaps of a published split."""
    paths = Paths(seed)
    parts: Parts = {part: {label: [] for label in published.counts} for part in PLACES}
    place_conflicts(parts, published, paths)
    for part, place in PLACES.items():
        wanted = {"train": 0, "val": published.val_in_train, "test": published.test_in_train}[part] or 0
        if published.shared:
            wanted = 0  # the shared images are the shared patients
        for label in sorted(published.counts, key=lambda name: name == "NORMAL"):
            folder, listed = folder_of(published, part, label), parts[part][label]
            for _ in range(published.counts[label][place] - len(listed)):
                listed.append(paths.known(folder, label) if wanted > 0 else paths.new(folder, label, part))
                wanted -= 1
            paths.random.shuffle(listed)
        assert wanted <= 0
    return parts


def place_conflicts(parts: Parts, published: Published, paths: Paths) -> None:
    """Images that occur twice, each time under another class."""
    first, second = list(published.counts)[:2]
    for places, number in zip(combinations(PLACES, 2), published.shared or (0, 0, 0), strict=True):
        for _ in range(number):
            path = paths.new(published.name, first, places[1])
            parts[places[0]][first].append(path)
            parts[places[1]][second].append(path)
    for part, number in zip(PLACES, published.within or (0, 0, 0), strict=True):
        for _ in range(number):
            path = paths.new(published.name, first, "val")
            parts[part][first].append(path)
            parts[part][second].append(path)
