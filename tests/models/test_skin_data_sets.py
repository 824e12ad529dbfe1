import csv
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest
from PIL import Image

from models.datasets.library import DataSet, all_data_sets
from models.datasets.library.columns import ImageColumns
from models.datasets.library.skin import SKIN
from models.datasets.library.skin.bcn20000 import BCN20000
from models.datasets.library.skin.derm7pt import CRITERIA, DERM7PT
from models.datasets.library.skin.ham10000 import HAM10000
from models.datasets.library.skin.isic_archive import ISIC_ARCHIVE
from models.datasets.library.skin.melanoma_10000 import MELANOMA_10000
from models.datasets.library.skin.pad_ufes_20 import PAD_UFES_20
from models.datasets.library.skin.ph2 import PH2
from models.datasets.library.skin.uwaterloo import UWATERLOO
from models.errors import ModelsError
from models.images import open_image

PH2_TABLE = """||   Name ||  Histological Diagnosis || Clinical Diagnosis || Asymmetry | Pigment Network | \
Dots/Globules | Streaks | Regression Areas | Blue-Whitish Veil || Colors  ||
|| IMD003 ||                         ||                  0 ||         0 |               T |             A |       A |                A |                 A ||  4      ||
|| IMD417 ||               Melanoma  ||                  2 ||         2 |              AT |            AT |       P |                P |                 P || 1  3  6 ||

Legends:
0 - Common Nevus || 1 - Atypical Nevus || 2 - Melanoma
"""  # noqa: E501  # as wide as the owner's


def put(root: Path, names: Iterable[str]) -> None:
    """Files that are there."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def table(path: Path, rows: Sequence[Mapping[str, str]], delimiter: str = ",") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=delimiter)
        writer.writeheader()
        writer.writerows(rows)


def row(columns: ImageColumns, number: int) -> dict[str, str]:
    """What one image has."""
    return {name: column[number] for name, column in columns.by_name().items() if column[number]}


def test_every_skin_set_is_known_by_a_name_of_its_own_with_its_facts() -> None:
    names = [data_set.facts.name for data_set in all_data_sets()]
    assert len(set(names)) == len(names)
    for data_set in SKIN:
        facts = data_set.facts
        assert all((facts.licence, facts.terms, facts.citation, facts.layout, facts.title)), facts.name
        assert facts.url.startswith("https://")
        counts = [known.images for known in facts.classes]
        assert None in counts or sum(filter(None, counts)) == facts.images, facts.name


def test_isic_takes_the_finest_diagnosis_and_leaves_indeterminate_lesions_unlabelled(tmp_path: Path) -> None:
    put(tmp_path, ["ISIC_1.jpg", "ISIC_2.jpg", "ISIC_3.JPG", "licenses/CC-0.txt"])
    rows = [
        (
            "ISIC_1",
            "Hospital Clínic de Barcelona",
            "Malignant",
            "Melanoma",
            "",
            "IP_9",
            "IL_1",
            "III",
            "85.0",
        ),
        ("ISIC_2", "Medical University of Vienna", "Indeterminate", "", "AIMP", "", "IL_1", "I", ""),
        ("ISIC_3", "A clinic", "Benign", "", "Nevus", "", "IL_2", "VI", "30"),
        ("ISIC_4", "A clinic", "", "", "", "", "", "", ""),
    ]
    names = ["isic_id", "attribution", "diagnosis_1", "diagnosis_2", "diagnosis_3", "patient_id", "lesion_id"]
    names += ["fitzpatrick_skin_type", "age_approx"]
    table(tmp_path / "metadata.csv", [dict(zip(names, cells, strict=True)) for cells in rows])
    columns = ISIC_ARCHIVE.read(tmp_path)
    assert row(columns, 0) == {
        "image": "ISIC_1.jpg",
        "id": "ISIC_1",
        "label": "malignant",
        "patient": "IP_9",
        "age": "85",
        "age_group": ">=70",
        "skin_type": "III",
        "skin_type_group": "III-V",
        "source": "barcelona",
        "diagnosis": "Melanoma",
    }
    assert list(columns.label) == ["malignant", "", "benign", ""]
    assert list(columns.patient) == ["IP_9", "IP_9", "IL_2", ""]  # the lesion tells whose the second image is
    assert list(columns.image) == ["ISIC_1.jpg", "ISIC_2.jpg", "ISIC_3.JPG", ""]
    assert list(columns.attributes["source"]) == ["barcelona", "vienna", "A clinic", "A clinic"]
    assert list(columns.attributes["age_group"]) == [">=70", "", "<=30", ""]


def test_isic_reads_the_older_columns(tmp_path: Path) -> None:
    put(tmp_path, ["a.jpg", "b.jpg"])
    rows = [
        {"isic_id": "a", "benign_malignant": "malignant", "diagnosis": "melanoma", "sex": "female"},
        {"isic_id": "b", "benign_malignant": "indeterminate/benign", "diagnosis": "", "sex": ""},
    ]
    table(tmp_path / "metadata.csv", rows)
    columns = ISIC_ARCHIVE.read(tmp_path)
    assert row(columns, 0)["diagnosis"] == "melanoma"
    assert list(columns.label) == ["malignant", ""]
    assert list(columns.attributes["sex"]) == ["F", ""]


HAM_ROWS = [
    ("HAM_1", "ISIC_1", "mel", "histo", "80.0", "male", "scalp", "vidir_modern"),
    ("HAM_1", "ISIC_2", "mel", "histo", "80.0", "male", "scalp", "vidir_modern"),
    ("HAM_2", "ISIC_3", "nv", "follow_up", "", "unknown", "unknown", "rosendahl"),
]
HAM_NAMES = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization", "dataset")


@pytest.mark.parametrize(
    ("name", "delimiter"),
    [("HAM10000_metadata.csv", ","), ("HAM10000_metadata.tab", "\t"), ("HAM10000_metadata", ",")],
)
def test_ham10000_keeps_lesions_together_in_every_form_of_its_table(
    tmp_path: Path, name: str, delimiter: str
) -> None:
    put(tmp_path, ["HAM10000_images_part_1/ISIC_1.jpg", "HAM10000_images_part_2/ISIC_2.jpg"])
    rows = [dict(zip(HAM_NAMES, cells, strict=True)) for cells in HAM_ROWS]
    table(tmp_path / name, rows, delimiter)
    columns = HAM10000.read(tmp_path)
    assert row(columns, 0) == {
        "image": "HAM10000_images_part_1/ISIC_1.jpg",
        "id": "ISIC_1",
        "label": "mel",
        "patient": "HAM_1",
        "sex": "M",
        "age": "80",
        "age_group": ">=70",
        "site": "scalp",
        "source": "vidir_modern",
        "confirmation": "histo",
    }
    assert row(columns, 2) == {
        "id": "ISIC_3",
        "label": "nv",
        "patient": "HAM_2",
        "source": "rosendahl",
        "confirmation": "follow_up",
    }
    assert [record.patient for record in columns.records(tmp_path, name="ham")] == ["ham/HAM_1"] * 2


def test_ham10000_without_the_column_of_sources_leaves_them_unknown(tmp_path: Path) -> None:
    rows = [dict(zip(HAM_NAMES[:-1], cells[:-1], strict=True)) for cells in HAM_ROWS]
    table(tmp_path / "HAM10000_metadata.csv", rows)
    assert list(HAM10000.read(tmp_path).attributes["source"]) == ["", "", ""]


def test_bcn20000_has_a_part_without_labels(tmp_path: Path) -> None:
    put(tmp_path, ["BCN_20k_train/bcn_20k_train/BCN_1.jpg", "BCN_20k_test/bcn_20k_test/BCN_2.jpg"])
    train = {
        "bcn_filename": "BCN_1.jpg",
        "age_approx": "55.0",
        "anatom_site_general": "anterior torso",
        "diagnosis": "MEL",
        "lesion_id": "BCN_0003884",
        "capture_date": "2012-05-16",
        "sex": "male",
        "split": "train",
    }
    table(tmp_path / "bcn_20k_train.csv", [train])
    assert len(BCN20000.read(tmp_path)) == 1
    test = {"bcn_filename": "BCN_2.jpg", "lesion_id": "BCN_7", "split": "test"}
    table(tmp_path / "bcn_20k_test.csv", [test])
    columns = BCN20000.read(tmp_path)
    assert row(columns, 0) == {
        "image": "BCN_20k_train/bcn_20k_train/BCN_1.jpg",
        "id": "BCN_1",
        "label": "MEL",
        "patient": "BCN_0003884",
        "sex": "M",
        "age": "55",
        "age_group": "31-69",
        "site": "anterior torso",
        "site_group": "torso",
        "year": "2012",
        "official_split": "train",
    }
    assert row(columns, 1) == {
        "image": "BCN_20k_test/bcn_20k_test/BCN_2.jpg",
        "id": "BCN_2",
        "patient": "BCN_7",
        "official_split": "test",
    }


def test_pad_ufes_says_yes_no_or_nothing_of_each_sign(tmp_path: Path) -> None:
    put(tmp_path, ["images/imgs_part_1/imgs_part_1/PAT_46_881_14.png"])
    first = {
        "patient_id": "PAT_46",
        "lesion_id": "881",
        "age": "55",
        "gender": "FEMALE",
        "fitspatrick": "3.0",
        "region": "NECK",
        "diagnostic": "BCC",
        "itch": "True",
        "grew": "UNK",
        "hurt": "False",
        "changed": "",
        "bleed": "FALSE",
        "elevation": "TRUE",
        "img_id": "PAT_46_881_14.png",
        "biopsed": "True",
    }
    second = dict.fromkeys(first, "") | {"img_id": "b.png", "patient_id": "PAT_1", "diagnostic": "NEV"}
    table(tmp_path / "metadata.csv", [first, second])
    columns = PAD_UFES_20.read(tmp_path)
    assert {name: column[0] for name, column in columns.findings.items()} == {
        "itch": "1",
        "grew": "",
        "hurt": "0",
        "changed": "",
        "bleed": "0",
        "elevation": "1",
    }
    assert {name: column[0] for name, column in columns.attributes.items()} == {
        "sex": "F",
        "age": "55",
        "age_group": "31-69",
        "site": "neck",
        "skin_type": "III",
        "skin_type_group": "III-V",
        "confirmation": "biopsy",
    }
    assert row(columns, 1) == {"id": "b", "patient": "PAT_1", "label": "NEV"}


def test_melanoma_10000_reads_parts_and_classes_from_folders_once(tmp_path: Path) -> None:
    put(
        tmp_path,
        [
            "melanoma_cancer_dataset/train/benign/melanoma_0.jpg",
            "melanoma_cancer_dataset/test/malignant/melanoma_10105.jpg",
            "zz/train/benign/melanoma_0.jpg",
            "other/melanoma_1.jpg",
        ],
    )
    columns = MELANOMA_10000.read(tmp_path)
    assert list(columns.id) == ["test/malignant/melanoma_10105", "train/benign/melanoma_0"]
    assert list(columns.label) == ["malignant", "benign"]
    assert list(columns.attributes["official_split"]) == ["test", "train"]
    assert columns.image[1] == "melanoma_cancer_dataset/train/benign/melanoma_0.jpg"


def test_uwaterloo_passes_over_the_contours(tmp_path: Path) -> None:
    one = "Skin Image Data Set-1/skin_data/melanoma/dermis/D1"
    two = "Skin Image Data Set-2/skin_data/notmelanoma/dermquest/D1"
    put(tmp_path, [f"{one}_orig.jpg", f"{one}_contour.png", f"{two}_orig.jpg", f"{two}_contour.png"])
    columns = UWATERLOO.read(tmp_path)
    assert list(columns.id) == ["melanoma-dermis-D1", "not_melanoma-dermquest-D1"]
    assert list(columns.label) == ["melanoma", "not_melanoma"]
    assert list(columns.attributes["source"]) == ["dermis", "dermquest"]
    assert columns.image[0] == f"{one}_orig.jpg"


def ph2_tree(root: Path) -> None:
    (root / "PH2_dataset.txt").write_text(PH2_TABLE, encoding="utf-8")
    for name, colour in (("IMD003", (200, 120, 80)), ("IMD417", (60, 30, 20))):
        for kind, file in (("Dermoscopic_Image", name), ("lesion", f"{name}_lesion")):
            folder = root / "PH2 Dataset images" / name / f"{name}_{kind}"
            folder.mkdir(parents=True)
            Image.new("RGB", (7, 5), colour).save(folder / f"{file}.bmp")


def test_ph2_reads_its_own_table_of_signs(tmp_path: Path) -> None:
    ph2_tree(tmp_path)
    columns = PH2.read(tmp_path)
    assert row(columns, 1) == {
        "image": "PH2 Dataset images/IMD417/IMD417_Dermoscopic_Image/IMD417.bmp",
        "id": "IMD417",
        "label": "melanoma",
        "asymmetry": "2",
        "pigment_network": "AT",
        "dots_globules": "AT",
        "streaks": "1",
        "regression_areas": "1",
        "blue_whitish_veil": "1",
        "color_white": "1",
        "color_red": "0",
        "color_light_brown": "1",
        "color_dark_brown": "0",
        "color_blue_gray": "0",
        "color_black": "1",
    }
    assert list(columns.label) == ["common_nevus", "melanoma"]
    assert [columns.findings[name][0] for name in ("streaks", "color_dark_brown")] == ["0", "1"]


def test_ph2_bitmaps_become_png_of_the_same_pixels_that_a_run_can_open(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    ph2_tree(source)
    told: list[tuple[int, int]] = []
    assert PH2.unpack is not None
    assert PH2.unpack(source, target, lambda done, total: told.append((done, total))) == target
    assert told == [(1, 2), (2, 2)]
    before, after = PH2.read(source), PH2.read(target)
    assert list(after.image) == ["images/IMD003.png", "images/IMD417.png"]
    assert (after.label, after.findings, after.attributes) == (
        before.label,
        before.findings,
        before.attributes,
    )
    for old, new in zip(before.image, after.image, strict=True):
        with Image.open(source / old) as image:
            assert open_image(target / new).tobytes() == image.convert("RGB").tobytes()
    assert PH2.unpack(target, tmp_path / "unused", None) == target  # nothing left to write
    assert not (tmp_path / "unused").exists()


def test_a_damaged_bitmap_of_ph2_is_named(tmp_path: Path) -> None:
    ph2_tree(tmp_path)
    next(tmp_path.rglob("IMD003.bmp")).write_bytes(b"BM damaged")
    assert PH2.unpack is not None
    with pytest.raises(ModelsError, match=r"IMD003\.bmp is not a readable bitmap"):
        PH2.unpack(tmp_path, tmp_path / "target", None)


def derm7pt_rows(count: int) -> list[dict[str, str]]:
    diagnoses = ("melanoma (in situ)", "blue nevus", "lentigo", "seborrheic keratosis", "unheard of")
    plain = dict.fromkeys(CRITERIA, "absent")
    return [
        plain
        | {
            "case_num": str(number + 1),
            "diagnosis": diagnoses[number % 5],
            "level_of_diagnostic_difficulty": "low",
            "elevation": "flat",
            "location": "back",
            "sex": "male",
            "derm": f"NEL/Nel{number}.jpg",
            "clinic": f"NEL/NEL{number}.JPG",
        }
        for number in range(count)
    ]


def test_derm7pt_gives_two_images_a_case_that_stay_together(tmp_path: Path) -> None:
    table(tmp_path / "meta/meta.csv", derm7pt_rows(5))
    for part, rows in (("train", (0, 3)), ("valid", (1,)), ("test", (2, 4))):
        table(tmp_path / f"meta/{part}_indexes.csv", [{"indexes": str(number)} for number in rows])
    put(tmp_path, ["images/NEL/Nel0.jpg", "images/nel/NEL10.JPG", "images/Nel/nel1.JPG"])
    columns = DERM7PT.read(tmp_path)
    assert len(columns) == 10
    classes = ["melanoma", "nevus", "miscellaneous", "seborrheic keratosis", ""]
    assert list(columns.label) == classes * 2
    assert list(columns.patient) == ["1", "2", "3", "4", "5"] * 2
    assert columns.attributes["official_split"][:5] == ["train", "validation", "test", "train", "test"]
    assert columns.image[:2] == ["images/NEL/Nel0.jpg", "images/Nel/nel1.JPG"]
    assert columns.attributes["image_type"][4:6] == ["dermoscopic", "clinical"]
    assert len(set(columns.id)) == 10


@pytest.mark.parametrize("index", ["-1", "5", "one", ""])
def test_a_row_number_that_derm7pt_has_not_is_named(tmp_path: Path, index: str) -> None:
    table(tmp_path / "meta/meta.csv", derm7pt_rows(5))
    table(tmp_path / "meta/train_indexes.csv", [{"indexes": "0", "x": "1"}, {"indexes": index, "x": "1"}])
    with pytest.raises(ModelsError, match=f"train_indexes.csv names row '{index}' of .*, which has 0 to 4"):
        DERM7PT.read(tmp_path)


def test_derm7pt_of_the_shared_table_has_the_counts_of_its_paper(shared_data: Path) -> None:
    columns = DERM7PT.read(shared_data / "skin/derm7pt_meta")
    published = {known.name: known.images for known in DERM7PT.facts.classes}
    assert Counter(columns.label) == published
    assert Counter(columns.attributes["official_split"]) == {"train": 826, "validation": 406, "test": 790}
    assert Counter(columns.attributes["sex"]) == {"F": 1044, "M": 978}
    assert not any(columns.image)  # the images may not be passed on


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_ham10000_of_real_images_in_the_owners_layout_reads_as_the_shared_table_says(
    shared_data: Path, tmp_path: Path
) -> None:
    rows = rows_of(shared_data / "skin/ham10000/metadata.csv")
    owner = ("lesion_id", "image_id", "label", "dx_type", "age", "sex", "site", "source")
    cells = [{new: line[old] for new, old in zip(HAM_NAMES, owner, strict=True)} for line in rows]
    table(tmp_path / "HAM10000_metadata.csv", cells)
    (tmp_path / "HAM10000_images_part_1").symlink_to(shared_data / "skin/ham10000/images")
    columns = HAM10000.read(tmp_path)
    assert Counter(zip(columns.label, columns.attributes["source"], strict=True)) == Counter(
        (line["label"], line["source"]) for line in rows
    )
    letters = {"female": "F", "male": "M", "unknown": ""}
    assert list(columns.attributes["sex"]) == [letters[line["sex"]] for line in rows]
    assert list(columns.attributes["site"]) == [line["site"].replace("unknown", "") for line in rows]
    assert all(columns.image)
    assert {record.path.name for record in columns.records(tmp_path, name="ham")} == {
        Path(line["image"]).name for line in rows
    }


def test_ph2_of_real_signs_in_the_owners_layout_reads_as_the_shared_table_says(
    shared_data: Path, tmp_path: Path
) -> None:
    rows = rows_of(shared_data / "skin/ph2/metadata.csv")
    codes = {"common_nevus": "0", "atypical_nevus": "1", "melanoma": "2"}
    colours = [name for name in rows[0] if name.startswith("color_")]
    levels = (
        "asymmetry",
        "pigment_network",
        "dots_globules",
        "streaks",
        "regression_areas",
        "blue_whitish_veil",
    )
    lines = [
        f"|| {line['image_id']} || {line['histological_diagnosis']} || {codes[line['label']]} || "
        + " | ".join(line[name] for name in levels)
        + f" || {'  '.join(str(n) for n, name in enumerate(colours, start=1) if line[name] == '1')} ||"
        for line in rows
    ]
    (tmp_path / "PH2_dataset.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (tmp_path / "images").symlink_to(shared_data / "skin/ph2/images")
    columns = PH2.read(tmp_path)
    for name in ("label", "asymmetry", "pigment_network", "dots_globules", *colours):
        assert list(columns.by_name()[name]) == [line[name] for line in rows], name
    assert list(columns.findings["streaks"]) == [{"P": "1", "A": "0"}[line["streaks"]] for line in rows]
    assert all(columns.image)


@pytest.mark.parametrize("data_set", SKIN, ids=[known.facts.name for known in SKIN])
def test_a_folder_of_another_layout_is_refused_in_one_sentence(data_set: DataSet, tmp_path: Path) -> None:
    (tmp_path / "something.txt").write_text("x", encoding="utf-8")
    with pytest.raises(ModelsError, match="give the folder"):
        data_set.read(tmp_path)
