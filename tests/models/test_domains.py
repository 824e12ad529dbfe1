import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from models.datasets.manifest import ManifestColumns, read_manifest
from models.domains import Check, DomainSplit, check_split, confounded, load_split, plain, save_split
from models.errors import ModelsError
from models.images import ImageRecord

CLASSES = ("healthy", "ill")
VALUES = ("old", "new")
FRACTIONS = (0.6, 0.2, 0.2)


def record(number: int, label: str, scanner: str, patient: str | None = None) -> ImageRecord:
    attributes = {"scanner": scanner} if scanner else {}
    return ImageRecord(f"site/{number}", Path(f"{number}.png"), label, attributes, patient)


def records_of(cells: dict[tuple[str, str], int]) -> list[ImageRecord]:
    pairs = [cell for cell, count in cells.items() for _ in range(count)]
    return [record(n, label, value, f"p{n}") for n, (label, value) in enumerate(pairs)]


def by_id(record: ImageRecord) -> str:
    """Content of an image that has no copies."""
    return record.id


def split_of(records: list[ImageRecord], **options: object) -> DomainSplit:
    settings = {"name": "s", "classes": CLASSES, "attribute": "scanner", "values": VALUES, "seed": 0}
    return confounded(records, **({"digest": by_id} | settings | options))  # type: ignore[arg-type]


def check(split: DomainSplit, name: str) -> Check:
    return next(check for check in split.checks if check.name == name)


CELLS = {("healthy", "old"): 100, ("ill", "new"): 140, ("healthy", "new"): 30, ("ill", "old"): 50}


def test_each_part_has_its_cells_in_equal_numbers() -> None:
    records = records_of(CELLS)
    split = split_of(records)
    known = {record.id: (record.label, record.attributes["scanner"]) for record in records}
    cells = {part: Counter(known[image] for image in ids) for part, ids in split.parts.items()}
    assert cells == {
        "train": {("healthy", "old"): 60, ("ill", "new"): 60},
        "validation": {("healthy", "old"): 20, ("ill", "new"): 20},
        "in_domain": {("healthy", "old"): 20, ("ill", "new"): 20},
        "shifted": {("healthy", "new"): 30, ("ill", "old"): 30},
    }
    assert all(check.passed for check in split.checks)
    assert check(split, "cell_counts").counts["train/ill/new"] == 60


def test_labels_follow_the_order_of_the_classes() -> None:
    split = split_of(records_of(CELLS))
    assert set(split.label) == set(split.ids)
    expected = [CLASSES.index(split.label[image]) for image in split.shifted]
    assert split.targets(split.shifted).tolist() == expected


def test_the_order_of_the_records_does_not_matter_and_the_seed_does() -> None:
    records = records_of(CELLS)
    assert split_of(records) == split_of(records[::-1])
    assert split_of(records).train != split_of(records, seed=1).train


def test_maximum_limits_train_alone() -> None:
    split = split_of(records_of(CELLS), maximum=25)
    assert {part: len(ids) for part, ids in split.parts.items()} == {
        "train": 50,
        "validation": 40,
        "in_domain": 40,
        "shifted": 60,
    }


def test_by_source_uses_the_name_of_the_data_set() -> None:
    one = [ImageRecord(f"one/{n}", Path("x"), CLASSES[n % 2], {}, f"one/{n}") for n in range(80)]
    two = [ImageRecord(f"two/{n}", Path("x"), CLASSES[n % 2], {}, f"two/{n}") for n in range(80)]
    split = split_of(one + two, attribute="dataset", values=("one", "two"))
    assert {image.split("/")[0] for image in split.train if split.label[image] == "healthy"} == {"one"}
    assert {image.split("/")[0] for image in split.shifted if split.label[image] == "healthy"} == {"two"}


def test_mixed_patients_go_to_the_scarce_shifted_part() -> None:
    cells = {("healthy", "old"): 90, ("ill", "new"): 90, ("healthy", "new"): 10, ("ill", "old"): 10}
    records = records_of(cells)
    mixed = [
        record(1000 * place + 2 * n + side, label, VALUES[side], f"{label}{n}")
        for place, label in enumerate(CLASSES, start=1)
        for n in range(8)
        for side in range(2)
    ]
    split = split_of(records + mixed)
    assert len(split.shifted) == 36
    assert check(split, "patient_overlap").counts["train/shifted"] == 0


def test_train_keeps_half_of_a_class_whose_patients_are_all_mixed() -> None:
    mixed = [
        record(1000 * place + 2 * n + side, label, VALUES[side], f"{label}{n}")
        for place, label in enumerate(CLASSES)
        for n in range(40)
        for side in range(2)
    ]
    split = split_of(mixed)
    assert {part: len(ids) for part, ids in split.parts.items()} == {
        "train": 24,
        "validation": 8,
        "in_domain": 8,
        "shifted": 40,
    }


def test_copies_are_used_once_and_contradictions_never() -> None:
    records = records_of(CELLS)
    copy = replace(records[0], id="site/copy", patient="p-copy")
    contradiction = replace(records[1], id="site/liar", label="ill", patient="p-liar")
    content = {"site/copy": records[0].id, "site/liar": records[1].id}
    split = split_of([*records, copy, contradiction], digest=lambda r: content.get(r.id, r.id))
    assert not {records[1].id, "site/liar"} & set(split.ids)
    assert len({records[0].id, "site/copy"} & set(split.ids)) <= 1
    assert check(split, "conflicting_labels").passed
    assert check(split, "conflicting_labels").counts == {"images": 1, "copies_in_split": 0}
    duplicates = check(split, "duplicate_images")
    assert duplicates.passed
    assert duplicates.counts["copies_left_out"] == len({records[0].id, "site/copy"} & set(split.ids))


@pytest.mark.parametrize("attribute", ["scanner", ""])
def test_a_copy_under_a_class_of_no_interest_contradicts_all_the_same(attribute: str) -> None:
    records = records_of(CELLS)
    liars = [
        replace(each, id=f"{each.id}-liar", path=Path("copies", each.path), label="other")
        for each in records[:20]
    ]
    options = {"name": "s", "classes": CLASSES, "seed": 0, "digest": lambda r: r.id.removesuffix("-liar")}
    made: DomainSplit = (
        split_of([*records, *liars], digest=options["digest"])
        if attribute
        else plain([*records, *liars], **options)  # type: ignore[arg-type]
    )
    assert not {record.id for record in records[:20]} & set(made.ids)
    assert check(made, "conflicting_labels").counts == {"images": 20, "copies_in_split": 0}


def test_one_file_under_a_class_and_under_a_word_of_another_table_is_no_contradiction() -> None:
    records = records_of(CELLS)
    broader = [replace(each, id=f"broad/{each.id}", label="abnormal") for each in records[:20]]
    made = split_of([*records, *broader], digest=lambda r: r.id.removeprefix("broad/"))
    assert made.parts == split_of(records).parts
    assert check(made, "conflicting_labels").counts == {"images": 0, "copies_in_split": 0}


def families(content: dict[str, str]) -> list[ImageRecord]:
    """Sixty patients with four images; every second of a class is the one before under another name."""
    records = [
        ImageRecord(f"site/{p}_{n}", Path("x"), CLASSES[p % 2], {"scanner": VALUES[p // 2 % 2]}, f"p{p}")
        for p in range(60)
        for n in range(4)
    ]
    content |= {f"site/{p + 4}_0": f"site/{p}_0" for p in range(56) if p % 8 < 4}
    return records


@pytest.mark.parametrize("known", [True, False])
def test_patients_who_share_an_image_are_one_and_the_image_is_named(known: bool) -> None:
    content: dict[str, str] = {}
    records = families(content)
    if not known:  # the copy that is kept says nothing of its patient
        records = [replace(each, patient=None) if each.id in content.values() else each for each in records]

    def digest(record: ImageRecord) -> str:
        return content.get(record.id, record.id)

    def person(image: str) -> int:
        number = int(image.removeprefix("site/").split("_")[0])
        if known:
            return number - 4 if number % 8 >= 4 else number
        return number + 4 if image in content.values() else number

    for made in (
        split_of(records, digest=digest),
        plain(records, name="s", classes=CLASSES, seed=0, digest=digest),
    ):
        people = [{person(image) for image in ids} for ids in made.parts.values()]
        assert sum(map(len, people)) == len(set().union(*people))
        overlap = check(made, "patient_overlap")
        assert not overlap.fatal
        if known:
            assert overlap.counts["images_of_several_patients"] == 2 * len(content)
            assert f"{2 * len(content)} images are filed under several patients" in overlap.message


def test_images_without_a_patient_are_said_to_be_unsure() -> None:
    records = [replace(record, patient=None) for record in records_of(CELLS)]
    overlap = check(split_of(records), "patient_overlap")
    assert (overlap.passed, overlap.fatal) == (False, False)
    assert "260 of 260 images have no patient id" in overlap.message


def test_small_groups_are_reported() -> None:
    cells = {("healthy", "old"): 20, ("ill", "new"): 20, ("healthy", "new"): 30, ("ill", "old"): 50}
    sizes = check(split_of(records_of(cells)), "cell_counts")
    assert (sizes.passed, sizes.fatal) == (False, False)
    assert "validation/healthy 4" in sizes.message


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"classes": ("healthy", "sick")},
            r"no image has the class sick; there are ill \(190\), healthy \(130\)",
        ),
        ({"classes": ("ill", "ill")}, "two or more different names for class, not ill, ill"),
        ({"attribute": "view"}, "no image has the attribute view; there are dataset, scanner"),
        ({"values": ("old", "newer")}, r"value of scanner newer; there are new \(170\), old \(150\)"),
        ({"values": ("old", "old")}, "two or more different names for value of scanner"),
        ({"fractions": (0.6, 0.2, 0.3)}, "add up to 1, not 0.6, 0.2, 0.3"),
        ({"fractions": (1.0, 0.0, 0.0)}, "must be positive"),
        (
            {"minimum": 31},
            "at least 31 images in every cell, there are healthy/old 100, ill/new 140, healthy/new 30",
        ),
    ],
)
def test_what_cannot_be_split_is_explained(options: dict[str, object], message: str) -> None:
    with pytest.raises(ModelsError, match=message):
        split_of(records_of(CELLS), **options)


def test_an_id_given_twice_is_refused() -> None:
    records = records_of(CELLS)
    with pytest.raises(ModelsError, match="1 image ids occur twice"):
        split_of([*records, records[3]])


def test_too_few_patients_for_every_part_are_refused() -> None:
    records = [record(n, CLASSES[n % 2], VALUES[n // 2 % 2], f"p{n % 4}") for n in range(80)]
    with pytest.raises(ModelsError, match=r"leaves no image of .* for validation"):
        split_of(records)


def test_a_plain_split_keeps_class_shares_and_patients_together() -> None:
    records = records_of({("healthy", ""): 200, ("ill", ""): 50, ("odd", ""): 20})
    records = [replace(record, patient=f"q{n // 2}") for n, record in enumerate(records)]
    split = plain(records, name="p", classes=("healthy", "ill", "odd"), seed=3, digest=by_id)
    assert split.shifted == ()
    assert {part: Counter(split.label[i] for i in ids) for part, ids in list(split.parts.items())[:3]} == {
        "train": {"healthy": 120, "ill": 30, "odd": 12},
        "validation": {"healthy": 40, "ill": 10, "odd": 4},
        "in_domain": {"healthy": 40, "ill": 10, "odd": 4},
    }
    assert check(split, "patient_overlap").passed
    assert "validation/odd 4" in check(split, "cell_counts").message


def spoilt(split: DomainSplit, records: list[ImageRecord], contents: dict[str, str]) -> dict[str, Check]:
    return {c.name: c for c in check_split(split, records, digest=lambda r: contents.get(r.id, r.id))}


def test_the_checks_find_what_is_put_wrong_by_hand() -> None:
    records = records_of(CELLS)
    split = split_of(records)
    one, other = split.train[0], split.in_domain[0]
    patient = next(record.patient for record in records if record.id == one)
    shared = [replace(record, patient=patient) if record.id == other else record for record in records]
    overlap = spoilt(split, shared, {})["patient_overlap"]
    assert (overlap.passed, overlap.fatal, overlap.counts["train/in_domain"]) == (False, True, 1)
    copies = spoilt(split, records, {one: other})["duplicate_images"]
    assert (copies.passed, copies.fatal, copies.counts["across_parts"]) == (False, True, 1)
    ill = next(image for image in split.train if split.label[image] == "ill")
    healthy = next(image for image in split.train if split.label[image] == "healthy")
    conflict = spoilt(split, records, {ill: healthy})
    assert conflict["conflicting_labels"].counts == {"images": 1, "copies_in_split": 2}
    assert conflict["duplicate_images"].counts["within_a_part"] == 1


def test_a_shifted_part_that_repeats_a_cell_of_train_is_fatal() -> None:
    records = records_of(CELLS)
    split = split_of(records)
    unmoved = replace(split, train=split.train[1:], shifted=(*split.shifted, split.train[0]))
    sizes = spoilt(unmoved, records, {})["cell_counts"]
    assert (sizes.passed, sizes.fatal) == (False, True)
    assert "repeats cells of train" in sizes.message


def test_a_split_of_other_data_is_refused() -> None:
    records = records_of(CELLS)
    split = split_of(records)
    fewer = [record for record in records if record.id != split.train[0]]
    with pytest.raises(ModelsError, match="1 images of split s are not in the data"):
        check_split(split, fewer, digest=by_id)


def test_a_split_survives_its_file(tmp_path: Path) -> None:
    split = split_of(records_of(CELLS))
    save_split(split, tmp_path / "deep" / "s.json")
    assert load_split(tmp_path / "deep" / "s.json") == split
    assert json.loads((tmp_path / "deep" / "s.json").read_text())["attribute"] == "scanner"


@pytest.mark.parametrize("content", [None, "{", "[]", '{"format": 2}', '{"format": 1, "name": "s"}'])
def test_a_file_that_is_no_split_is_named(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "s.json").write_text(content)
    with pytest.raises(ModelsError, match=r"s\.json"):
        load_split(tmp_path / "s.json")


def random_records(random: Random, *, size: int, patients: int) -> list[ImageRecord]:
    return [
        record(
            n,
            random.choice([*CLASSES, *CLASSES, "other"]),
            random.choice([*VALUES, *VALUES, "third", ""]),
            random.choice([None, *(f"p{number}" for number in range(patients))]),
        )
        for n in range(size)
    ]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), size=st.integers(60, 200), patients=st.integers(12, 200))
def test_random_records_keep_every_promise(seed: int, size: int, patients: int) -> None:
    random = Random(seed)
    records = random_records(random, size=size, patients=patients)
    content = {record.id: str(random.randrange(4 * size)) for record in records}
    try:
        split = split_of(records, minimum=1, seed=seed, digest=lambda r: content[r.id])
    except ModelsError:
        event("refused")
        return
    known = {record.id: record for record in records}
    parts = split.parts
    expected = {"healthy": "old", "ill": "new"}
    seen_patients: dict[str, str] = {}
    for part, ids in parts.items():
        assert len(set(ids)) == len(ids)
        labels = Counter(known[image].label for image in ids)
        assert labels["healthy"] == labels["ill"] == len(ids) / 2 > 0
        for image in ids:
            aligned = known[image].attributes["scanner"] == expected[known[image].label or ""]
            assert aligned == (part != "shifted")
            patient = known[image].patient
            if patient is not None:
                assert seen_patients.setdefault(patient, part) == part
    assert len({content[image] for image in split.ids}) == len(split.ids)
    labels_of: dict[str, set[str | None]] = {}
    for one in records:
        if one.label in CLASSES:
            labels_of.setdefault(content[one.id], set()).add(one.label)
    assert all(len(labels_of[content[image]]) == 1 for image in split.ids)


@pytest.mark.real
def test_real_patients_stay_in_one_part(shared_data: Path) -> None:
    columns = ManifestColumns(id="image_id", patient="patient_id", attributes=("view",))
    records = read_manifest(shared_data / "xray/nih/metadata.csv", name="nih", columns=columns)
    names = ("no_finding", "pneumonia")
    split = confounded(records, name="nih-view", classes=names, attribute="view", values=("AP", "PA"), seed=0)
    assert all(check.passed for check in split.checks)
    assert check(split, "duplicate_images").counts["copies_left_out"] == 1
    patients = [{image.split("/")[1].split("_")[0] for image in ids} for ids in split.parts.values()]
    assert sum(len(part) for part in patients) == len(set().union(*patients))
