import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from typer.testing import CliRunner

from models.datasets.library import all_data_sets
from models.errors import ModelsError
from models.images import ImageRecord
from models.splits.paper import recipe_named
from models.splits.paper.building import labelled
from pipelines.commands.data import app
from pipelines.config.loading import load_config
from pipelines.errors import PipelineError
from pipelines.library.page import data_sets_page
from pipelines.stages.images import read_dataset

HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)
ROOT = Path(__file__).resolve().parents[2]


def call(*words: str | Path) -> str:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def chosen(*classes: str, attribute: str = "", values: tuple[str, ...] = ()) -> list[str]:
    words = [word for name in classes for word in ("--class", name)]
    words += ["--attribute", attribute] if attribute else []
    return words + [word for value in values for word in ("--value", value)]


def picture(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def nih(tmp_path: Path) -> Path:
    """Twelve images of eight patients; the last image is not at hand."""
    labels = ["No Finding", "Effusion", "Effusion|Mass", "Atelectasis"] * 3
    rows = [
        f"{n:08d}_000.png,{label},0,{n % 8},{20 + 5 * n},{'FM'[n % 2]},{'PA' if n < 6 else 'AP'},1,1,1,1"
        for n, label in enumerate(labels)
    ]
    root = tmp_path / "nih"
    root.mkdir()
    (root / "Data_Entry_2017_v2020.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    for n in range(11):
        picture(root / f"images/{n:08d}_000.png", n)
    return root


@pytest.fixture
def openi(tmp_path: Path) -> Path:
    root = tmp_path / "openi"
    for n in range(12):
        mesh = "normal" if n % 2 else "Cardiomegaly"
        path = root / f"ecgen-radiology/{n}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            f'<e><uId id="CXR{n}"/><AbstractText Label="FINDINGS">Report {n}.</AbstractText>'
            f'<MeSH><major>{mesh}</major></MeSH><parentImage id="CXR{n}_1"/></e>'
        )
        picture(root / f"CXR{n}_1.png", n)
    return root


def records(config: Path) -> dict[str, list[ImageRecord]]:
    """Every data set of a configuration, read as a run reads it."""
    return {dataset.name: read_dataset(dataset) for dataset in load_config(config).datasets}


def test_every_data_set_is_listed() -> None:
    names = [each.facts.name for each in all_data_sets()]
    assert [each["name"] for each in json.loads(call("list", "--json"))] == names
    table = call("list")
    assert all(name in table for name in names)


def test_one_data_set_is_told_in_full() -> None:
    told = call("list", "mimic-cxr-jpg")
    assert "377,110" in told
    assert "may not be sent" in " ".join(told.split())
    assert json.loads(call("list", "kermany-pneumonia", "--json"))["licence"] == "CC BY 4.0"


def test_a_check_counts_what_is_at_hand(nih: Path) -> None:
    held = json.loads(call("check", "nih-chestxray14", nih, "--json"))
    assert (held["listed"], held["at_hand"], held["published"], held["patients"]) == (12, 11, 112120, 8)
    label = {each["value"]: each["images"] for each in held["label"]["values"]}
    assert label == {"No Finding": 3, "Effusion": 3, "Atelectasis": 2}
    assert held["label"]["unknown"] == 3
    told = call("check", "nih-chestxray14", nih)
    assert "11 of 12 listed images are at hand; its owner published 112,120" in told
    assert "Effusion 3, No Finding 3, Atelectasis 2" in told


def test_a_prepared_set_is_read_by_a_run_as_its_columns_say(nih: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = [*chosen("Effusion", "Atelectasis"), "--json"]
    told = json.loads(call("prepare", "nih-chestxray14", nih, out, *words))
    assert (told["images"], told["missing"], told["labelled"], told["complete"]) == (11, 1, 8, True)
    (found,) = [each for name, each in records_without_placeholder(out / "nih-chestxray14.toml").items()]
    assert [record.label for record in found].count("Effusion") == 6
    assert [record.label for record in found].count("Atelectasis") == 2
    assert found[0].attributes["view"] == "PA"
    assert all(record.path.is_file() for record in found)
    assert found[0].path.resolve() == nih / "images/00000000_000.png"


def records_without_placeholder(config: Path) -> dict[str, list[ImageRecord]]:
    whole = load_config(config)
    assert whole.grounding.datasets == ("reports",)
    with pytest.raises(ModelsError, match=r"no table at .*grounding\.csv"):
        read_dataset(whole.datasets[1])
    return {dataset.name: read_dataset(dataset) for dataset in whole.datasets[:1]}


def test_a_confounded_split_stands_in_the_configuration(nih: Path, tmp_path: Path) -> None:
    words = chosen("Effusion", "No Finding", attribute="sex", values=("F", "M"))
    call("prepare", "nih-chestxray14", nih, tmp_path / "out", *words, "--table", "csv")
    config = load_config(tmp_path / "out/nih-chestxray14.toml")
    (split,) = config.splits
    assert (split.attribute, split.values, split.classes) == ("sex", ("F", "M"), ("Effusion", "No Finding"))
    assert [each.name for each in config.classes if each.normal] == ["No Finding"]
    assert config.datasets[0].manifest == tmp_path / "out/nih-chestxray14.csv"


def test_reports_of_the_set_itself_ground_on_the_other_half_of_patients(openi: Path, tmp_path: Path) -> None:
    call("prepare", "open-i", openi, tmp_path / "out")
    found = records(tmp_path / "out/open-i.toml")
    audited, grounding = found["open-i"], found["open-i-concepts"]
    assert {record.path for record in audited}.isdisjoint(record.path for record in grounding)
    assert len(audited) + len(grounding) == 12
    assert {record.label for record in grounding} == {None}
    assert all(record.report and record.report.startswith("Report") for record in grounding)


def test_another_prepared_set_can_ground_the_concepts(nih: Path, openi: Path, tmp_path: Path) -> None:
    call("prepare", "open-i", openi, tmp_path / "prepared/openi")
    call("prepare", "nih-chestxray14", nih, tmp_path / "out", "--reports", tmp_path / "prepared/openi")
    found = records(tmp_path / "out/nih-chestxray14.toml")
    assert (len(found["nih-chestxray14"]), len(found["open-i"])) == (11, 12)
    assert load_config(tmp_path / "out/nih-chestxray14.toml").grounding.datasets == ("open-i",)


def test_a_set_without_two_classes_gives_a_section_alone(openi: Path, tmp_path: Path) -> None:
    for n in range(1, 12, 2):
        (openi / f"CXR{n}_1.png").unlink()
    told = json.loads(call("prepare", "open-i", openi, tmp_path / "out", "--json"))
    assert not told["complete"]
    text = (tmp_path / "out/open-i.toml").read_text()
    assert "[[datasets]]" in text
    assert "[[splits]]" not in text


def test_a_split_of_the_paper_brings_classes_and_columns(nih: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ["--recipe", "nih-pos", "--strength", "0.9", "--json"]
    made = json.loads(call("prepare", "nih-chestxray14", nih, out, *words))
    assert made["labelled"] == 8
    assert [tuple(each.values()) for each in made["cells"]] == [
        ("Atelectasis", "PA", 1),
        ("Atelectasis", "AP", 1),
        ("Effusion", "PA", 3),
        ("Effusion", "AP", 3),
    ]
    told = call("prepare", "nih-chestxray14", nih, out, *words[:-1])
    cells = "Atelectasis/PA 1, Atelectasis/AP 1, Effusion/PA 3, Effusion/AP 3"
    assert f"by class and value: {cells}." in " ".join(told.split())
    assert f"A run wants 10 images in each cell of the split, there are {cells}: add" in " ".join(
        told.split()
    )
    assert "Then, with these in place: knobo run" in " ".join(told.split())
    config = load_config(out / "nih-chestxray14.toml")
    (split,) = config.splits
    assert (split.kind, split.recipe, split.strength) == ("paper", "NIH-pos", 0.9)
    found = labelled(recipe_named("NIH-pos"), read_dataset(config.datasets[0]))
    assert [record.label for record in found].count("Effusion") == 6
    assert [record.label for record in found].count("Atelectasis") == 2


def test_a_recipe_one_of_whose_cells_is_empty_is_refused_before_anything_is_written(
    nih: Path, tmp_path: Path
) -> None:
    message = r"Atelectasis/M 2, Atelectasis/F 0, Effusion/M 3, Effusion/F 3; fetch the whole"
    with pytest.raises(PipelineError, match=message):
        call("prepare", "nih-chestxray14", nih, tmp_path / "out", "--recipe", "NIH-sex")
    assert not (tmp_path / "out").exists()


def test_an_edited_configuration_is_never_written_over(nih: Path, tmp_path: Path) -> None:
    call("prepare", "nih-chestxray14", nih, tmp_path / "out")
    config = tmp_path / "out/nih-chestxray14.toml"
    edited = config.read_text() + "\n# mine\n"
    config.write_text(edited)
    with pytest.raises(PipelineError, match=r"nih-chestxray14\.toml is there and differs .*move it away or"):
        call("prepare", "nih-chestxray14", nih, tmp_path / "out")
    assert config.read_text() == edited


def test_images_of_another_prepared_set_join_the_split(nih: Path, openi: Path, tmp_path: Path) -> None:
    call("prepare", "open-i", openi, tmp_path / "openi")
    words = ["--recipe", "NIH-age", "--beside"]
    call("prepare", "nih-chestxray14", nih, tmp_path / "out", *words, tmp_path / "openi")
    config = load_config(tmp_path / "out/nih-chestxray14.toml")
    (split,) = config.splits
    assert split.datasets == ("nih-chestxray14", "open-i")
    assert [len(read_dataset(dataset)) for dataset in config.datasets[:2]] == [11, 12]


def test_equal_copies_give_equal_bytes(nih: Path, tmp_path: Path) -> None:
    for out in ("a", "b"):
        call("prepare", "nih-chestxray14", nih, tmp_path / out)
    for name in ("nih-chestxray14.parquet", "nih-chestxray14.toml"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_preparing_again_follows_the_same_link_and_no_other(nih: Path, openi: Path, tmp_path: Path) -> None:
    call("prepare", "nih-chestxray14", nih, tmp_path / "out")
    call("prepare", "nih-chestxray14", nih, tmp_path / "out")
    with pytest.raises(PipelineError, match="files is there and leads elsewhere"):
        call("prepare", "open-i", openi, tmp_path / "out")


def test_preparing_into_the_copy_itself_needs_no_link(nih: Path) -> None:
    call("prepare", "nih-chestxray14", nih, nih)
    images = pq.read_table(nih / "nih-chestxray14.parquet").column("image").to_pylist()
    assert images[0] == "images/00000000_000.png"
    assert not (nih / "files").exists()


def test_an_archive_is_unpacked_on_the_way(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8), dtype=np.uint8)
    np.savez(
        tmp_path / "pneumoniamnist.npz", train_images=pixels, train_labels=np.array([[0], [1], [0], [1]])
    )
    call("prepare", "medmnist", tmp_path / "pneumoniamnist.npz", tmp_path / "out")
    (found,) = records_without_placeholder(tmp_path / "out/medmnist.toml").values()
    assert [record.label for record in found] == ["normal", "pneumonia", "normal", "pneumonia"]
    with Image.open(found[2].path) as image:
        assert np.array_equal(np.asarray(image), pixels[2])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (chosen("Edema", "Effusion"), "no image at hand has the class Edema alone; there are"),
        (chosen("Flu"), "no image at hand has the class Flu alone"),
        (chosen(attribute="race"), "no attribute 'race'; there are sex, age"),
        (chosen(attribute="sex", values=("F",)), "needs two classes and two values"),
        (
            chosen("Effusion", "No Finding", attribute="view", values=("PA", "LL")),
            "no image has view LL; there are AP, PA",
        ),
        (["--recipe", "NIH-sex", *chosen("Effusion")], "the recipe NIH-sex brings its classes and attribute"),
        (["--beside", "."], "holds no prepared data set"),
        (["--table", "xlsx"], "a table is parquet or csv, not 'xlsx'"),
        (["--reports", "."], "holds no prepared data set with reports"),
        (["--strength", "0.9"], "--strength is that of a confounder"),
        (["--value", "F"], "--value is one of an attribute"),
        (["--recipe", "NIH-sex", "--value", "F"], "--value is one of an attribute"),
        (["--allow-unmentioned"], "--allow-unmentioned is for findings as classes"),
        (["--recipe", "ISIC-sex"], "the recipe ISIC-sex is one of isic-archive, not of nih-chestxray14"),
    ],
)
def test_what_a_copy_has_not_is_said(nih: Path, tmp_path: Path, words: list[str], message: str) -> None:
    with pytest.raises(PipelineError, match=message):
        call("prepare", "nih-chestxray14", nih, tmp_path / "out", *words)


def test_a_place_that_cannot_be_written_into_is_refused_before_anything_is(nih: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PipelineError, match="file is a file; give a folder"):
        call("prepare", "nih-chestxray14", nih, tmp_path / "file")
    with pytest.raises(PipelineError, match="lies inside the copy"):
        call("prepare", "nih-chestxray14", nih, nih / "out")
    assert not (nih / "out").exists()


def test_what_a_run_still_lacks_is_said(nih: Path, openi: Path, tmp_path: Path) -> None:
    told = call("prepare", "nih-chestxray14", nih, tmp_path / "nih")
    assert "grounding.csv is a placeholder" in told
    assert "Then, with these in place: knobo run" in told
    told = call("prepare", "open-i", openi, tmp_path / "openi")
    assert "placeholder" not in told
    assert "Then: knobo run" in told


@pytest.mark.parametrize(
    ("archive", "modality", "source", "lexicon"),
    [
        ("dermamnist", "dermoscopy", "demo-handbook:skin", ("skin",)),
        ("pneumoniamnist", "chest X-ray", "demo-handbook:chest_xray", ("chest_xray",)),
        ("octmnist", "retinal OCT", "literature", ()),
    ],
)
def test_handbook_and_lexicon_are_those_of_what_an_archive_shows(
    tmp_path: Path, archive: str, modality: str, source: str, lexicon: tuple[str, ...]
) -> None:
    path = tmp_path / f"{archive}.npz"
    np.savez(path, train_images=np.zeros((2, 8, 8), np.uint8), train_labels=np.array([[0], [1]]))
    told = call("prepare", "medmnist", path, tmp_path / "out")
    config = load_config(tmp_path / "out/medmnist.toml")
    assert (config.modality, config.annotation.lexicon) == (modality, lexicon)
    (literature,) = config.literature
    assert str(getattr(literature, "path", "")).endswith(source)
    assert ("No handbook is shipped" in told) == (not lexicon)


def test_a_copy_without_images_is_no_success(nih: Path) -> None:
    for path in (nih / "images").iterdir():
        path.unlink()
    with pytest.raises(PipelineError, match="no image of nih-chestxray14 is at hand"):
        call("check", "nih-chestxray14", nih)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("isic-archive", "put metadata.csv and the images there"),
        ("nih-chestxray14", "put Data_Entry_2017_v2020.csv or Data_Entry_2017.csv and the images there"),
        ("medmnist", "put one there, such as dermamnist_224.npz"),
    ],
)
def test_of_an_empty_folder_is_said_what_belongs_into_it(tmp_path: Path, name: str, wanted: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelsError, match=wanted):
        call("check", name, tmp_path / "empty")


def test_the_page_of_data_sets_is_what_their_facts_say() -> None:
    assert (ROOT / "docs" / "data_sets.md").read_text("utf-8") == data_sets_page(), (
        "write it anew: python -m pipelines.library.page > docs/data_sets.md"
    )
