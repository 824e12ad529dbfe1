from collections import Counter
from pathlib import Path
from random import Random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from models.domains import DomainSplit, PartSizes, confounded
from models.errors import ModelsError
from models.images import ImageRecord
from models.splits.strength import largest, nearest

CLASSES = ("healthy", "ill")
VALUES = ("old", "new")
SIZES = PartSizes(train=200, validation=40, in_domain=40, shifted=60)


def records_of(cells: dict[tuple[str, str], int], *, images_a_patient: int = 1) -> list[ImageRecord]:
    """As many images as asked for in each cell; a patient's images lie one after the other."""
    pairs = [cell for cell, count in cells.items() for _ in range(count)]
    return [
        ImageRecord(f"s/{n}", Path(f"{n}"), label, {"scanner": value}, f"p{n // images_a_patient}")
        for n, (label, value) in enumerate(pairs)
    ]


def split_of(records: list[ImageRecord], **options: object) -> DomainSplit:
    given = {"name": "s", "classes": CLASSES, "attribute": "scanner", "values": VALUES, "seed": 0}
    return confounded(records, **({"digest": lambda r: r.id} | given | options))  # type: ignore[arg-type]


def cells_of(split: DomainSplit, records: list[ImageRecord]) -> dict[str, Counter[tuple[str, str]]]:
    value = {record.id: record.attributes["scanner"] for record in records}
    return {part: Counter((split.label[i], value[i]) for i in ids) for part, ids in split.parts.items()}


PLENTY = {(label, value): 500 for label in CLASSES for value in VALUES}


def test_each_class_keeps_its_value_in_the_share_asked_for() -> None:
    records = records_of(PLENTY)
    cells = cells_of(split_of(records, strength=0.9, sizes=SIZES), records)
    kept = {part: cells[part]["healthy", "old"] for part in cells}
    assert kept == {"train": 180, "validation": 36, "in_domain": 36, "shifted": 0}
    assert cells["train"] == {
        ("healthy", "old"): 180,
        ("healthy", "new"): 20,
        ("ill", "new"): 180,
        ("ill", "old"): 20,
    }
    assert cells["shifted"] == {("healthy", "new"): 60, ("ill", "old"): 60}


@pytest.mark.parametrize("images_a_patient", [1, 3])
def test_the_shifted_images_are_the_same_at_every_strength(images_a_patient: int) -> None:
    records = records_of(PLENTY, images_a_patient=images_a_patient)
    splits = [split_of(records, strength=s, sizes=SIZES) for s in (1.0, 0.95, 0.8, 0.6, 0.5)]
    assert len({split.shifted for split in splits}) == 1
    assert {len(split.train) for split in splits} == {400}


def test_scarce_opposite_images_make_train_smaller_and_not_the_confounding_stronger() -> None:
    scarce = {("healthy", "old"): 400, ("ill", "new"): 400, ("healthy", "new"): 40, ("ill", "old"): 40}
    records = records_of(scarce)
    split = split_of(records, strength=0.8)
    cells = cells_of(split, records)
    for part in ("train", "validation", "in_domain"):
        size = sum(cells[part].values()) // 2
        assert cells[part]["ill", "new"] == cells[part]["healthy", "old"] == nearest(size, 0.8)
    assert len(split.shifted) == 40, "half of the opposite images stay"
    assert cells["train"]["ill", "old"] == 12, "its fraction of the other half"


def test_a_small_train_part_takes_few_images_from_the_shifted_part() -> None:
    records = records_of(PLENTY)
    split = split_of(records, strength=0.8, maximum=30)
    assert cells_of(split, records)["train"] == {
        ("healthy", "old"): 24,
        ("healthy", "new"): 6,
        ("ill", "new"): 24,
        ("ill", "old"): 6,
    }
    assert len(split.shifted) >= 2 * (500 - 1.1 * 0.2 * 30 / 0.6)


def test_opposite_images_of_patients_that_train_anyway_cost_the_shifted_part_nothing() -> None:
    mixed = [
        ImageRecord(f"s/{label}{n}{value}", Path("x"), label, {"scanner": value}, f"{label}{n}")
        for label in CLASSES
        for n in range(100)
        for value in VALUES
    ]
    full, weaker = split_of(mixed), split_of(mixed, strength=0.9)
    assert weaker.shifted == tuple(sorted(weaker.shifted))
    assert set(weaker.shifted) == set(full.shifted)
    assert sum(cells_of(weaker, mixed)["train"].values()) >= len(full.train)


@pytest.mark.parametrize("strength", [0.5, 0.7, 0.95, 1.0])
def test_confounding_of_any_strength_passes_the_checks(strength: float) -> None:
    split = split_of(records_of(PLENTY, images_a_patient=2), strength=strength, sizes=SIZES)
    assert not [check for check in split.checks if check.fatal and not check.passed]


@pytest.mark.parametrize("strength", [0.49, 1.01, -1.0])
def test_a_share_that_is_no_confounding_is_refused(strength: float) -> None:
    with pytest.raises(ModelsError, match=r"a share from 0.5 to 1, not"):
        split_of(records_of(PLENTY), strength=strength)


@given(most=st.integers(0, 60), rest=st.integers(0, 60), strength=st.sampled_from([0.5, 0.8, 0.9, 0.95, 1.0]))
def test_the_largest_class_is_the_largest_by_trying_all(most: int, rest: int, strength: float) -> None:
    tried = [
        size
        for size in range(121)
        if nearest(size, strength) <= most and size - nearest(size, strength) <= rest
    ]
    assert largest(most, rest, strength) == max(tried)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    strength=st.sampled_from([0.5, 0.75, 0.9, 0.95, 1.0]),
    sized=st.booleans(),
    patients=st.integers(20, 300),
)
def test_random_records_keep_every_promise(seed: int, strength: float, sized: bool, patients: int) -> None:
    random = Random(seed)
    records = [
        ImageRecord(
            f"s/{n}",
            Path("x"),
            random.choice(CLASSES),
            {"scanner": random.choice([*VALUES, *VALUES, "third"])},
            random.choice([None, f"p{random.randrange(patients)}"]),
        )
        for n in range(300)
    ]
    sizes = PartSizes(40, 10, 10, 20) if sized else None
    try:
        split = split_of(records, strength=strength, sizes=sizes, seed=seed, minimum=1)
    except ModelsError:
        event("refused")
        return
    known = {record.id: record for record in records}
    assert len(set(split.ids)) == len(split.ids)
    part_of: dict[str, str] = {}
    for part, ids in split.parts.items():
        for image in ids:
            patient = known[image].patient
            assert patient is None or part_of.setdefault(patient, part) == part
    for part, cells in cells_of(split, records).items():
        size = sum(cells.values()) // 2
        aligned = 0 if part == "shifted" else nearest(size, strength)
        assert cells["healthy", "old"] == cells["ill", "new"] == aligned
        assert cells["healthy", "new"] == cells["ill", "old"] == size - aligned
        assert sizes is None or size <= getattr(sizes, part)
    assert split == split_of(records[::-1], strength=strength, sizes=sizes, seed=seed, minimum=1)
