from collections import Counter
from itertools import product
from pathlib import Path
from random import Random

import pytest

from models.datasets.library import data_set_named
from models.domains import DomainSplit
from models.errors import ModelsError
from models.images import ImageRecord
from models.splits.paper import RECIPES, Recipe, labelled, made_anew, recipe_named, shortfalls
from models.splits.paper.building import reversed_pairing
from models.splits.released import PUBLISHED

SMALL = recipe_named("NIH-pos")


def image(number: int, patient: int, attributes: dict[str, str], label: str | None = None) -> ImageRecord:
    return ImageRecord(f"d/{number}", Path(f"/{number}"), label, attributes, f"d/{patient}")


def findings_of(recipe: Recipe, label: str, value: str) -> dict[str, str]:
    """The columns of an image that shows one class alone, as the owner of that value's data names them."""
    place = -1 if value == "stanford" else 0
    shown = {names[place]: "1" if name == label else "0" for name, names in recipe.findings.items()}
    return {recipe.attribute: value} | shown


def owners_records(recipe: Recipe, counts: dict[tuple[str, str], int], *, seed: int = 0) -> list[ImageRecord]:
    """Images of a recipe's cells; patients have up to three images, some in two cells, some of odd value."""
    random = Random(seed)
    records: list[ImageRecord] = []
    for (label, value), count in counts.items():
        start = len(records)
        while len(records) - start < count:
            patient = len(records) if random.random() < 0.98 else random.randrange(len(records) + 1)
            attributes = findings_of(recipe, label, value)
            for _ in range(random.randint(1, 3)):
                records.append(image(len(records), patient, attributes, label))
    odd = findings_of(recipe, recipe.classes[0], recipe.values[0]) | {recipe.attribute: "neither"}
    return [*records, *(image(len(records) + n, 10**6 + n, odd, recipe.classes[0]) for n in range(30))]


def plenty(recipe: Recipe) -> dict[tuple[str, str], int]:
    """Half as many again as the parts take."""
    sizes = recipe.sizes
    need = {
        (label, value): sizes.here if label_place == value_place else sizes.shifted + sizes.here // 10
        for (label_place, label), (value_place, value) in product(
            enumerate(recipe.classes), enumerate(recipe.values)
        )
    }
    return {cell: round(1.3 * count) for cell, count in need.items()}


def made(recipe: Recipe, records: list[ImageRecord], **options: object) -> DomainSplit:
    return made_anew(recipe, records, **({"seed": 0, "digest": lambda r: r.id} | options))  # type: ignore[arg-type]


def cells_of(recipe: Recipe, records: list[ImageRecord], split: DomainSplit) -> dict[str, Counter[str]]:
    value = {record.id: record.attributes[recipe.attribute] for record in records}
    return {
        part: Counter(f"{split.label[one]} {value[one]}" for one in ids) for part, ids in split.parts.items()
    }


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_a_split_has_its_published_sizes_and_no_patient_twice(recipe: Recipe) -> None:
    records = owners_records(recipe, plenty(recipe))
    split = made(recipe, records, strength=0.95)
    published = next(published for published in PUBLISHED if published.name == recipe.name)
    train, val, test = published.totals
    assert [len(ids) for ids in split.parts.values()] == [train, val, val, test]
    assert shortfalls(recipe, split) == {}
    (one, other), (first, second) = recipe.classes, recipe.values
    cells = cells_of(recipe, records, split)
    assert cells["shifted"] == {f"{one} {second}": test / 2, f"{other} {first}": test / 2}
    assert cells["train"][f"{one} {first}"] == cells["train"][f"{other} {second}"] == 0.95 * train / 2
    patient = {record.id: record.patient for record in records}
    parts = [{patient[each] for each in ids} for ids in split.parts.values()]
    assert sum(map(len, parts)) == len(set().union(*parts))
    assert not [check for check in split.checks if check.fatal and not check.passed]


def test_the_shifted_images_do_not_depend_on_the_strength() -> None:
    records = owners_records(SMALL, plenty(SMALL))
    splits = [made(SMALL, records, strength=strength) for strength in (1.0, 0.95, 0.9)]
    assert len({split.shifted for split in splits}) == 1
    assert [len(split.train) for split in splits] == [3000] * 3


def test_what_the_patients_do_not_suffice_for_is_counted() -> None:
    counts = plenty(SMALL) | {("Atelectasis", "AP"): 60, ("Effusion", "PA"): 60}
    split = made(SMALL, owners_records(SMALL, counts))
    missing = shortfalls(SMALL, split)
    assert set(missing) == {"shifted/Atelectasis", "shifted/Effusion"}
    assert missing["shifted/Effusion"] == 150 - len(split.shifted) // 2


def test_the_pairing_can_be_turned_round() -> None:
    turned = reversed_pairing(SMALL)
    records = owners_records(SMALL, plenty(turned))
    cells = cells_of(SMALL, records, made(turned, records))
    assert set(cells["train"]) == {"Atelectasis AP", "Effusion PA"}
    assert reversed_pairing(turned) == SMALL


@pytest.mark.parametrize(
    ("attributes", "label"),
    [
        ({"Atelectasis": "1", "Effusion": "0"}, "Atelectasis"),
        ({"Atelectasis": "0", "Effusion": "1"}, "Effusion"),
        ({"Atelectasis": "1", "Effusion": "1"}, None),
        ({"Atelectasis": "0", "Effusion": "0"}, None),
        ({}, None),
        ({"Atelectasis": "1"}, "Atelectasis"),
        ({"Pleural Effusion": "1", "Atelectasis": "0"}, "Effusion"),
        ({"Atelectasis": "1", "uncertain_findings": "Edema|Pleural Effusion"}, None),
        ({"Atelectasis": "1", "uncertain_findings": "Edema"}, "Atelectasis"),
        ({"uncertain_findings": "Atelectasis"}, None),
    ],
)
def test_an_image_is_of_a_class_where_its_finding_is_sure_and_the_other_is_not_there(
    attributes: dict[str, str], label: str | None
) -> None:
    (record,) = labelled(SMALL, [image(1, 1, attributes, "whatever")])
    assert record.label == label


def test_a_label_of_the_data_set_is_the_class_where_no_finding_is_asked_for() -> None:
    records = [image(1, 1, {}, "benign"), image(2, 2, {}, None)]
    assert labelled(recipe_named("ISIC-sex"), records) == records


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_recipes_ask_for_what_the_data_sets_have(recipe: Recipe) -> None:
    published = next(published for published in PUBLISHED if published.name == recipe.name)
    assert recipe.attribute == published.attribute
    assert len(set(published.counts.values())) == 1
    for place, name in enumerate(recipe.data_sets):
        facts = data_set_named(name).facts
        known = {each.name for each in (*facts.classes, *facts.findings)} | {"Has Finding"}
        assert recipe.attribute in facts.attributes
        for label in recipe.classes:
            assert recipe.findings.get(label, (label,))[-1 if place else 0] in known


def test_every_confounded_set_of_the_paper_has_a_recipe() -> None:
    confounded = [published.name for published in PUBLISHED if published.attribute]
    assert [recipe.name for recipe in RECIPES] == confounded
    assert recipe_named("isic-Color").values == ("I", "III-V")
    with pytest.raises(ModelsError, match="no confounded split named NIH-CXR; it has NIH-sex, NIH-age"):
        recipe_named("NIH-CXR")


def test_the_page_on_splits_names_every_recipe_and_every_overlap() -> None:
    page = (Path(__file__).parents[2] / "docs/splits.md").read_text("utf-8")
    for recipe in RECIPES:
        sizes = f"{recipe.sizes.train}/{recipe.sizes.validation}/{recipe.sizes.shifted}"
        names = f"{', '.join(recipe.data_sets)} | {', '.join(recipe.classes)}"
        confounder = f"`{recipe.attribute}` {', '.join(recipe.values)}"
        assert f"| {recipe.name} | {names} | {confounder} | {sizes} |" in page
    for published in PUBLISHED:
        if published.test_in_train is not None:
            name = f"{published.name}{' (by the name)' if published.name == 'pneumonia' else ''}"
            val = (
                ""
                if published.val_in_train is None
                else f"{published.val_in_train} of {published.totals[1]} "
            )
            assert f"| {name} | {published.test_in_train} of {published.totals[2]} | {val}|" in page
