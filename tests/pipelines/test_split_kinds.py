import json
import pickle
from pathlib import Path

import pytest
from typer.testing import CliRunner

from models.domains import DomainSplit
from models.errors import ModelsError
from models.images import ImageRecord
from pipelines.cli import app
from pipelines.config import SplitSection
from pipelines.errors import PipelineError
from pipelines.images_table import ImagesTable
from pipelines.stages.split import make_split

LUNG = ("Atelectasis", "Effusion")


def table_of(records: list[ImageRecord]) -> ImagesTable:
    return ImagesTable(tuple(records), ("nih",) * len(records), tuple(record.id for record in records))


def nih(sexes: str = "MF", per_cell: int = 40) -> ImagesTable:
    """Images of the two findings by two sexes, each of a patient of its own."""
    cells = [(label, sex) for label in LUNG for sex in sexes for _ in range(per_cell)]
    return table_of(
        [
            ImageRecord(
                f"nih/{n:08d}_000",
                Path(f"/nih/{n:08d}_000.png"),
                None,
                {"sex": sex, **{name: str(int(name == label)) for name in LUNG}},
                f"nih/{n}",
            )
            for n, (label, sex) in enumerate(cells)
        ]
    )


def made(table: ImagesTable, **settings: object) -> DomainSplit:
    section = SplitSection.model_validate({"name": "s", "datasets": ["nih"], "classes": LUNG} | settings)
    return make_split(section, table, table.digest_by_path(), seed=0)


def test_a_recipe_of_the_paper_is_made_anew() -> None:
    table = nih()
    split = made(table, kind="paper", recipe="NIH-sex", strength=0.8)
    sex = {record.id: record.attributes["sex"] for record in table.records}
    aligned = [
        sex[image] == "MF"[label]
        for image, label in zip(split.train, split.targets(split.train), strict=True)
    ]
    assert abs(sum(aligned) - 0.8 * len(split.train)) <= 1
    assert len(split.train) > 60
    assert split.attribute == "sex"


def test_the_shifted_part_of_a_weaker_confounding_is_reversed_all_the_same() -> None:
    records = [
        ImageRecord(record.id, record.path, LUNG[record.attributes["Effusion"] == "1"], record.attributes)
        for record in nih().records
    ]
    split = made(table_of(records), attribute="sex", values=["M", "F"], strength=0.75)
    sex = {record.id: record.attributes["sex"] for record in records}
    assert {(split.label[image], sex[image]) for image in split.shifted} == {
        ("Atelectasis", "F"),
        ("Effusion", "M"),
    }


@pytest.mark.parametrize(("keep_overlap", "train"), [(True, 20), (False, 18)])
def test_published_files_with_and_without_shared_patients(
    tmp_path: Path, keep_overlap: bool, train: int
) -> None:
    table = nih("M", per_cell=40)
    ids = [record.id.removeprefix("nih/") for record in table.records]
    parts = {"train": (0, 10), "val": (10, 25), "test": (25, 40)}
    listed = {
        part: {
            label: [f"NIH-CXR/images/{name}.png" for name in ids[40 * place + start : 40 * place + stop]]
            for place, label in enumerate(LUNG)
        }
        for part, (start, stop) in parts.items()
    }
    for part, content in listed.items():
        (tmp_path / f"class2images_{part}.p").write_bytes(pickle.dumps(content))
    owners = {0: 25, 1: 26}  # two patients of train were seen again for test
    shared = table_of(
        [
            ImageRecord(r.id, r.path, None, r.attributes, f"nih/{owners.get(n, n)}")
            for n, r in enumerate(table.records)
        ]
    )
    split = made(shared, kind="released", files=tmp_path, keep_overlap=keep_overlap)
    assert (len(split.train), len(split.validation), len(split.in_domain)) == (train, 30, 30)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"kind": "paper", "recipe": "NIH-old"}, ModelsError, "no confounded split named NIH-old"),
        ({"kind": "paper", "recipe": "NIH-age"}, PipelineError, "are No Finding, Has Finding, not Atel"),
        ({"kind": "released", "files": "/nowhere"}, ModelsError, "has no class2images_train.p"),
    ],
)
def test_settings_that_do_not_fit_are_explained(
    settings: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        made(nih(), **settings)


def test_the_counts_of_published_files_are_printed(tmp_path: Path) -> None:
    folder = tmp_path / "UWaterloo"
    folder.mkdir()
    for part, size in (("train", 99), ("val", 10), ("test", 10)):
        paths = {
            label: [f"UWaterloo/{label}/dermis/{part}{n}_orig.jpg" for n in range(size)]
            for label in ("melanoma", "not melanoma")
        }
        (folder / f"class2images_{part}.p").write_bytes(pickle.dumps(paths))
    shown = CliRunner().invoke(app, ["released", str(folder)])
    assert "test entries of melanoma" in shown.output
    assert "Not as published: train entries of not melanoma." in shown.output
    printed = CliRunner().invoke(app, ["released", str(folder), "--json"])
    counts = {row["what"]: (row["found"], row["published"]) for row in json.loads(printed.output)["counts"]}
    assert counts["train entries of not melanoma"] == (99, 67)
    assert counts["entries whose name tells no patient"] == (238, None)
