from collections import Counter
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from random import Random

import numpy as np
import pytest
from scipy.stats import chi2_contingency

from models.domains import DomainSplit, confounded
from models.errors import ModelsError
from models.images import ImageRecord
from models.splits.checks import (
    CheckFinding,
    Listing,
    Placed,
    inspect,
    inspect_as_made,
    inspect_split,
    load_findings,
    save_findings,
    tolerated,
)
from models.splits.checks.mixtures import p_value

CLASSES = ("healthy", "ill")
PARTS = ("train", "validation", "in_domain", "shifted")


def clean_records(*, size: int = 400) -> list[ImageRecord]:
    random = Random(0)
    return [
        ImageRecord(
            f"site/{n}",
            Path(f"{n}.png"),
            CLASSES[n % 2],
            {"scanner": random.choice(["old", "new"]), "view": random.choice(["AP", "PA"])},
            f"site/p{n // 2 * 2 + n % 2}",
        )
        for n in range(size)
    ]


def split_of(records: list[ImageRecord]) -> DomainSplit:
    return confounded(
        records,
        name="s",
        classes=CLASSES,
        attribute="scanner",
        values=("old", "new"),
        seed=0,
        digest=lambda record: record.id,
    )


def found(
    split: DomainSplit, records: list[ImageRecord], contents: dict[str, str] | None = None
) -> dict[str, CheckFinding]:
    findings = inspect_split(split, records, digest=lambda r: (contents or {}).get(r.id, r.id))
    return {finding.name: finding for finding in findings}


def test_nothing_is_found_in_clean_data() -> None:
    records = clean_records()
    findings = found(split_of(records), records).values()
    assert [finding.severity for finding in findings] == ["passed"] * 7
    assert not any(finding.images for finding in findings)


def test_planted_patients_are_all_named_by_their_images_and_never_by_their_ids() -> None:
    records = clean_records()
    split = split_of(records)
    patient_of = {record.id: record.patient for record in records}
    planted = dict(zip(split.shifted[:7], split.train[:7], strict=True))
    shared = [
        replace(record, patient=patient_of[planted[record.id]]) if record.id in planted else record
        for record in records
    ]
    overlap = found(split, shared)["patient_overlap"]
    assert (overlap.severity, overlap.images) == ("error", tuple(sorted(planted)))
    assert overlap.counts["train/shifted"] == overlap.counts["shifted images of train patients"] == 7
    assert not any(f"{patient} " in f"{overlap.message} " for patient in patient_of.values())


def test_patients_in_two_parts_are_seen_through_an_image_that_they_share() -> None:
    records = clean_records()
    split = split_of(records)
    patient_of = {record.id: record.patient for record in records}
    one, other = (
        split.shifted[0],
        next(i for i in split.train if split.label[i] == split.label[split.shifted[0]]),
    )
    copy = replace(records[0], id="site/copy", label=split.label[one], patient=patient_of[other])
    overlap = found(split, [*records, copy], {"site/copy": one})["patient_overlap"]
    assert overlap.severity == "error"
    assert overlap.counts["train/shifted"] == 1
    assert {one, "site/copy"} <= set(overlap.images)


def test_planted_copies_are_all_found_between_parts_and_within_one() -> None:
    records = clean_records()
    split = split_of(records)
    across = dict(zip(split.in_domain[:3], split.train[:3], strict=True))
    within = {split.train[10]: split.train[11]}
    copies = found(split, records, across | within)["duplicate_images"]
    assert copies.severity == "error"
    assert copies.images == tuple(sorted({*across, *across.values(), *within, *within.values()}))
    assert copies.counts["train/in_domain"] == copies.counts["across_parts"] == 3
    assert copies.counts["within train"] == copies.counts["within_a_part"] == 1
    alone = found(split, records, within)["duplicate_images"]
    assert alone.severity == "warning"


def test_a_contradiction_in_the_split_is_an_error_and_one_outside_a_warning() -> None:
    records = clean_records()
    split = split_of(records)
    label = {record.id: record.label for record in records}
    ill, healthy = (next(i for i in split.train if label[i] == name) for name in ("ill", "healthy"))
    inside = found(split, records, {ill: healthy})["conflicting_labels"]
    assert (inside.severity, inside.images) == ("error", tuple(sorted((ill, healthy))))
    liar = replace(records[0], id="site/liar", label="ill" if label[healthy] == "healthy" else "healthy")
    outside = found(split, [*records, liar], {"site/liar": healthy})["conflicting_labels"]
    assert (outside.severity, outside.images) == ("warning", tuple(sorted((healthy, "site/liar"))))


def test_copies_and_contradictions_that_were_left_out_are_named() -> None:
    records = clean_records()
    split = split_of(records)
    spare = [record for record in records if record.id not in set(split.ids)]
    one, other = (next(record.id for record in spare if record.label == name) for name in CLASSES)
    findings = found(split, records, {one: other})
    assert findings["conflicting_labels"].severity == "passed"
    assert findings["conflicting_labels"].images == tuple(sorted((one, other)))
    copied = found(split, records, {one: split.train[0]})["duplicate_images"]
    assert (copied.severity, copied.images) == ("passed", tuple(sorted((one, split.train[0]))))
    assert one in copied.message


def test_unknown_labels_and_values_are_counted_and_never_become_a_class() -> None:
    records = clean_records()
    split = split_of(records)
    inside = set(split.ids)
    spare = [record for record in records if record.id not in inside]
    blank = [replace(record, id=f"{record.id}-blank", label=None) for record in records[:50]]
    several = found(split, [*records, *blank])["unknown_labels"]
    assert (several.severity, several.counts["without_label"]) == ("warning", 50)
    assert several.counts["without_label_in_split"] == 0
    few = found(split, [*records, *blank[:5]])["unknown_labels"]
    assert few.severity == "passed"
    assert len(spare) + len(inside) == len(records)


def test_an_unequal_class_is_said_with_the_share_that_guessing_it_gets() -> None:
    images = [
        Placed(part, ImageRecord(f"{part}/{n}", Path("x"), "ill" if n < 10 else "healthy", {}, None), "")
        for part in PARTS[:3]
        for n in range(50)
    ]
    findings = {f.name: f for f in inspect(Listing("s", CLASSES, "", PARTS, tuple(images)))}
    imbalance = findings["class_imbalance"]
    assert (imbalance.severity, imbalance.counts["train always largest"]) == ("warning", 80)
    assert "4.0 times" in imbalance.message


def test_a_group_with_few_images_is_a_warning_that_names_them_and_an_empty_one_is_not() -> None:
    sizes = {"train": (40, 4), "validation": (20, 12), "in_domain": (20, 0), "shifted": (3, 30)}
    images = tuple(
        Placed(part, ImageRecord(f"{part}/{label}{n}", Path("x"), label, {"scanner": value}, None), "")
        for part, (usual, rare) in sizes.items()
        for label, values in zip(CLASSES, (("old", "new"), ("new", "old")), strict=True)
        for n, value in enumerate([values[0]] * usual + [values[1]] * rare)
    )
    cells = {f.name: f for f in inspect(Listing("s", CLASSES, "scanner", PARTS, images))}["cell_counts"]
    assert cells.severity == "warning"
    assert cells.message == (
        "fewer than 10 images of shifted/healthy/old 3, shifted/ill/new 3, train/healthy/new 4, "
        "train/ill/old 4, too few to say anything"
    )
    named = {f"train/{label}{n}" for label in CLASSES for n in range(40, 44)}
    assert set(cells.images) == named | {f"shifted/{label}{n}" for label in CLASSES for n in range(3)}


def test_another_attribute_that_moves_with_the_confounder_is_named() -> None:
    records = clean_records()
    moved = [
        replace(
            record,
            attributes={
                **record.attributes,
                "view": {"old": "AP", "new": "PA"}[record.attributes["scanner"]],
            },
        )
        for record in records
    ]
    mixture = found(split_of(moved), moved)["attribute_mixture"]
    assert mixture.severity == "warning"
    assert "view in shifted" in mixture.message
    assert mixture.counts["shifted: view"] == 100
    assert "in_domain" not in mixture.message


def test_the_test_of_mixtures_agrees_with_scipy() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        train, other = generator.integers(1, 40, (2, 1, 4)).astype(float)
        expected = chi2_contingency(np.concatenate((train, other)), correction=False).pvalue
        assert p_value(train, other) == pytest.approx(expected, rel=1e-9)


def test_a_listing_may_hold_an_id_twice_as_published_splits_do() -> None:
    random = Random(1)
    images = tuple(
        Placed(
            part,
            ImageRecord(f"i{number}", Path("x"), random.choice(CLASSES), {}, f"p{number % 97}"),
            f"i{number}",
        )
        for part in ("train", "validation", "shifted")
        for number in (random.randrange(400) for _ in range(200))
    )
    findings = {
        f.name: f for f in inspect(Listing("s", CLASSES, "", ("train", "validation", "shifted"), images))
    }
    members = {part: [i for i in images if i.part == part] for part in ("train", "validation", "shifted")}
    for one, two in combinations(members, 2):
        shared = {i.content for i in members[one]} & {i.content for i in members[two]}
        assert findings["duplicate_images"].counts.get(f"{one}/{two}", 0) == len(shared)
        patients = {i.record.patient for i in members[one]}
        touched = sum(i.record.patient in patients for i in members[two])
        assert findings["patient_overlap"].counts[f"{two} images of {one} patients"] == touched
    for part, placed in members.items():
        counts = Counter(i.content for i in placed)
        assert findings["duplicate_images"].counts[f"within {part}"] == sum(n - 1 for n in counts.values())
    labels: dict[str, set[str | None]] = {}
    for image in images:
        labels.setdefault(image.content, set()).add(image.record.label)
    conflicts = sum(len(names) > 1 for names in labels.values())
    assert findings["conflicting_labels"].counts["images"] == conflicts


def test_left_out_images_with_the_words_of_their_data_set_contradict_no_recipe() -> None:
    records = clean_records()
    split = split_of(records)
    theirs = [replace(each, label=f"{each.label}|Edema", path=Path("x", each.path)) for each in records]
    copy = replace(theirs[0], id="site/copy", path=Path("copy.png"))
    findings = inspect_as_made(
        split,
        [*theirs, copy],
        digest=lambda r: next(iter(split.train)) if r.id == "site/copy" else r.id,
    )
    conflicts = next(each for each in findings if each.name == "conflicting_labels")
    assert (conflicts.severity, conflicts.counts["images"]) == ("passed", 0)


def test_tolerated_errors_become_warnings_and_say_so() -> None:
    error = CheckFinding("s", "patient_overlap", "error", "patients are in two parts", {}, ("a",))
    (relaxed,) = tolerated([error], {"patient_overlap"})
    assert (relaxed.severity, relaxed.images) == ("warning", ("a",))
    assert relaxed.message == "patients are in two parts (tolerated as configured)"
    assert tolerated([error], {"duplicate_images"}) == (error,)


def test_findings_survive_their_file(tmp_path: Path) -> None:
    records = clean_records()
    findings = inspect_split(split_of(records), records, digest=lambda record: record.id)
    save_findings(tmp_path / "one.json", findings)
    save_findings(tmp_path / "two.json", findings)
    assert load_findings(tmp_path / "one.json") == findings
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()


@pytest.mark.parametrize("content", [None, "{", '{"schema": 2}', '{"schema": 1, "findings": [{}]}', "[]"])
def test_a_file_without_findings_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "checks.json").write_text(content)
    with pytest.raises(ModelsError, match=r"checks\.json"):
        load_findings(tmp_path / "checks.json")
