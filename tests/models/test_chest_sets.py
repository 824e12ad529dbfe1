"""The chest X-ray readers on tiny copies in their owners' layouts; every value in them is made up."""

import csv
import gzip
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.datasets.library import DataSet, ImageColumns, all_data_sets, data_set_named
from models.datasets.library.chest.report_labels import OBSERVATIONS
from models.datasets.library.findings import (
    exclusive_labels,
    listed_findings,
    mentioned_labels,
    only_finding,
    with_summary,
)
from models.errors import ModelsError


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(path)


def table(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text, "utf-8")


def workbook(path: Path, rows: list[list[str | int]]) -> None:
    from openpyxl import Workbook  # type: ignore[import-untyped]

    book = Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)


def read(name: str, root: Path) -> ImageColumns:
    return data_set_named(name).read(root)


def row(columns: ImageColumns, image_id: str) -> dict[str, str]:
    place = list(columns.id).index(image_id)
    return {name: column[place] for name, column in columns.by_name().items()}


NIH_HEADER = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,"
    "OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]"
)


@pytest.fixture
def nih(tmp_path: Path) -> Path:
    table(
        tmp_path / "Data_Entry_2017_v2020.csv",
        f"{NIH_HEADER}\n"
        "00000001_000.png,Cardiomegaly,0,1,58,M,PA,2682,2749,0.143,0.143\n"
        "00000001_001.png,Cardiomegaly|Effusion,1,1,030Y,M,AP,2894,2729,0.143,0.143\n"
        "00000002_000.png,No Finding,0,2,411,F,PA,2500,2048,0.168,0.168\n"
        "00000003_000.png,Hernia,0,3,75,F,AP,2582,2991,0.143,0.143\n",
    )
    table(tmp_path / "train_val_list.txt", "00000001_000.png\n00000001_001.png\n00000002_000.png")
    table(tmp_path / "test_list.txt", "00000003_000.png\n")
    picture(tmp_path / "images_001/images/00000001_000.png")
    picture(tmp_path / "images_001/images/00000001_001.png")
    picture(tmp_path / "images_002/images/00000002_000.png")
    return tmp_path


def test_nih_joins_its_table_with_images_in_any_folder(nih: Path) -> None:
    columns = read("nih-chestxray14", nih)
    first = row(columns, "00000001_000")
    assert first["image"] == "images_001/images/00000001_000.png"
    assert (first["label"], first["patient"], first["sex"], first["age"]) == ("Cardiomegaly", "1", "M", "58")
    assert (first["view"], first["age_group"], first["official_split"]) == ("PA", "31-59", "train_val")
    assert (first["Cardiomegaly"], first["Effusion"], first["No Finding"]) == ("1", "0", "0")
    assert row(columns, "00000003_000")["age_group"] == ">=60"
    assert row(columns, "00000003_000")["official_split"] == "test"


def test_an_image_with_two_findings_has_no_single_label(nih: Path) -> None:
    both = row(read("nih-chestxray14", nih), "00000001_001")
    assert (both["label"], both["Cardiomegaly"], both["Effusion"]) == ("", "1", "1")
    assert (both["age"], both["age_group"]) == ("30", "<=30")


def test_a_finding_of_another_name_leaves_what_is_not_listed_unknown() -> None:
    found = listed_findings(["A", "A|Oops", "Oops", ""], ["A", "B"])
    assert found == {"A": ["1", "1", "", ""], "B": ["0", "", "", ""]}


def test_a_list_of_nih_that_is_not_utf8_is_named(nih: Path) -> None:
    (nih / "test_list.txt").write_bytes(b"\xff\xfe1.png")
    with pytest.raises(ModelsError, match=r"test_list\.txt is not UTF-8"):
        read("nih-chestxray14", nih)


def test_an_age_that_no_human_has_is_unknown(nih: Path) -> None:
    healthy = row(read("nih-chestxray14", nih), "00000002_000")
    assert (healthy["age"], healthy["age_group"], healthy["label"]) == ("", "", "No Finding")
    assert (healthy["No Finding"], healthy["Has Finding"]) == ("1", "0")


def test_an_image_that_is_not_at_hand_gives_no_record(nih: Path) -> None:
    columns = read("nih-chestxray14", nih)
    assert row(columns, "00000003_000")["image"] == ""
    records = list(columns.records(nih, name="nih"))
    assert [record.id for record in records] == [f"nih/{name}" for name in columns.at_hand().id]
    assert len(records) == 3
    assert records[0].path.is_file()
    assert records[0].patient == "nih/1"
    assert "age" not in records[2].attributes
    assert records[1].label is None


def test_the_older_table_of_nih_has_a_comma_more(nih: Path) -> None:
    (nih / "Data_Entry_2017_v2020.csv").unlink()
    table(
        nih / "Data_Entry_2017.csv",
        f"{NIH_HEADER},\n00000001_000.png,Hernia,0,1,058Y,M,PA,2682,2749,0.143,0.143,\n",
    )
    assert row(read("nih-chestxray14", nih), "00000001_000")["age"] == "58"


def test_another_folder_is_named_with_what_it_holds(nih: Path) -> None:
    with pytest.raises(ModelsError, match=r"images_001 has no Data_Entry_2017_v2020.csv or .* but images;"):
        read("nih-chestxray14", nih / "images_001")
    with pytest.raises(ModelsError, match="there is no folder"):
        read("nih-chestxray14", nih / "gone")


CHEXPERT_HEADER = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *OBSERVATIONS]


def chexpert_row(path: str, view: tuple[str, str], **states: str) -> list[str]:
    cells: dict[str, str] = {name.replace(" ", "_"): "" for name in OBSERVATIONS} | states
    return [path, "Female", "71", *view, *cells.values()]


@pytest.fixture
def chexpert(tmp_path: Path) -> Path:
    rows = {
        "train": [
            chexpert_row(
                "CheXpert-v1.0/train/patient00001/study1/view1_frontal.jpg",
                ("Frontal", "AP"),
                Edema="1.0",
                Atelectasis="-1.0",
                Pneumothorax="0.0",
            ),
            chexpert_row(
                "CheXpert-v1.0/train/patient00001/study1/view2_lateral.jpg", ("Lateral", ""), No_Finding="1.0"
            ),
        ],
        "valid": [
            chexpert_row(
                "CheXpert-v1.0/valid/patient64541/study1/view1_frontal.jpg",
                ("Frontal", "PA"),
                **dict.fromkeys([name.replace(" ", "_") for name in OBSERVATIONS], "0.0"),
            )
        ],
    }
    for part, lines in rows.items():
        with (tmp_path / f"{part}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([CHEXPERT_HEADER, *lines])
        for line in lines:
            picture(tmp_path / line[0].split("/", 1)[1])
    workbook(
        tmp_path / "CHEXPERT DEMO.xlsx",
        [
            ["PATIENT", "GENDER", "AGE_AT_CXR", "PRIMARY_RACE", "ETHNICITY"],
            ["patient00001", "Female", 71, "White, non-Hispanic", "Non-Hispanic/Non-Latino"],
            ["patient64541", "Female", 71, "Unknown", "Unknown"],
        ],
    )
    return tmp_path


def test_chexpert_keeps_blank_and_uncertain_observations_unknown(chexpert: Path) -> None:
    first = row(read("chexpert", chexpert), "train/patient00001/study1/view1_frontal")
    assert (first["Edema"], first["Pneumothorax"]) == ("1", "0")
    assert (first["Atelectasis"], first["Cardiomegaly"]) == ("", "")
    assert first["uncertain_findings"] == "Atelectasis"
    assert (first["No Finding"], first["Has Finding"]) == ("0", "1")


def test_chexpert_says_of_no_finding_only_what_follows(chexpert: Path) -> None:
    columns = read("chexpert", chexpert)
    clear = row(columns, "train/patient00001/study1/view2_lateral")
    assert (clear["No Finding"], clear["Has Finding"], clear["Edema"]) == ("1", "0", "")
    nothing = row(columns, "valid/patient64541/study1/view1_frontal")
    assert (nothing["No Finding"], nothing["Has Finding"]) == ("", "")


def test_chexpert_takes_race_from_the_workbook_and_views_from_two_columns(chexpert: Path) -> None:
    columns = read("chexpert", chexpert)
    assert list(columns.attributes["race"]) == ["White", "White", ""]
    assert list(columns.attributes["view"]) == ["AP", "LL", "PA"]
    assert list(columns.patient) == ["patient00001", "patient00001", "patient64541"]
    assert list(columns.attributes["official_split"]) == ["train", "train", "valid"]
    assert len(columns.at_hand()) == 3


def test_chexpert_may_lie_in_the_batches_of_its_owner(chexpert: Path) -> None:
    expected = read("chexpert", chexpert)
    first = chexpert / "CheXpert-v1.0 batch 1 (validate & csv)"
    first.mkdir()
    for name in ("train.csv", "valid.csv", "valid"):
        (chexpert / name).rename(first / name)
    (chexpert / "train").rename(chexpert / "CheXpert-v1.0 batch 2 (train 1)")
    columns = read("chexpert", chexpert)
    assert len(columns.at_hand()) == 3
    assert (columns.id, columns.findings, columns.attributes) == (
        expected.id,
        expected.findings,
        expected.attributes,
    )


def test_chexpert_without_the_workbook_knows_no_race(chexpert: Path) -> None:
    (chexpert / "CHEXPERT DEMO.xlsx").unlink()
    assert set(read("chexpert", chexpert).attributes["race"]) == {""}


@pytest.fixture
def mimic(tmp_path: Path) -> Path:
    table(
        tmp_path / "mimic-cxr-2.0.0-metadata.csv.gz",
        "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns\n"
        "aa-1,10000032,50414267,CHEST (PA AND LAT),PA,3056,2544\n"
        "aa-2,10000032,50414267,CHEST (PA AND LAT),LATERAL,3056,2544\n"
        "bb-1,11000011,51000000,CHEST (PORTABLE AP),,2544,3056\n",
    )
    table(
        tmp_path / "mimic-cxr-2.0.0-split.csv.gz",
        "dicom_id,study_id,subject_id,split\naa-1,50414267,10000032,train\naa-2,50414267,10000032,train\n"
        "bb-1,51000000,11000011,validate\n",
    )
    cells = dict.fromkeys(sorted(OBSERVATIONS), "") | {"Edema": "-1.0", "Pneumonia": "1.0"}
    table(
        tmp_path / "mimic-cxr-2.0.0-chexpert.csv.gz",
        f"subject_id,study_id,{','.join(cells)}\n10000032,50414267,{','.join(cells.values())}\n",
    )
    picture(tmp_path / "files/p10/p10000032/s50414267/aa-1.jpg")
    picture(tmp_path / "files/p11/p11000011/s51000000/bb-1.jpg")
    table(tmp_path / "files/p10/p10000032/s50414267.txt", " FINAL REPORT\n Lungs are clear.\n")
    return tmp_path


def test_mimic_joins_images_with_the_labels_and_the_report_of_their_study(mimic: Path) -> None:
    columns = read("mimic-cxr-jpg", mimic)
    first = row(columns, "aa-1")
    assert first["image"] == "files/p10/p10000032/s50414267/aa-1.jpg"
    assert (first["patient"], first["view"], first["official_split"]) == ("10000032", "PA", "train")
    assert (first["Pneumonia"], first["Edema"], first["Fracture"]) == ("1", "", "")
    assert first["uncertain_findings"] == "Edema"
    assert first["report"] == "FINAL REPORT\n Lungs are clear."
    assert row(columns, "aa-2")["view"] == "LL"


def test_a_study_of_mimic_without_labels_or_report_is_unknown_throughout(mimic: Path) -> None:
    other = row(read("mimic-cxr-jpg", mimic), "bb-1")
    assert {other[name] for name in OBSERVATIONS} == {""}
    assert (other["Has Finding"], other["report"], other["view"]) == ("", "", "")


def test_reports_of_mimic_are_read_when_they_are_asked_for(mimic: Path) -> None:
    columns = read("mimic-cxr-jpg", mimic).at_hand()
    report = mimic / "files/p10/p10000032/s50414267.txt"
    report.write_text("Changed since.")
    records = list(columns.records(mimic, name="mimic"))
    assert [record.report for record in records] == ["Changed since.", None]


def test_reports_of_mimic_may_not_leave() -> None:
    held = [each.facts for each in all_data_sets() if each.facts.access == "credentialed"]
    assert {facts.name for facts in held} >= {"mimic-cxr-jpg", "vindr-cxr"}
    assert not any(facts.external_llm_allowed for facts in held)


@pytest.mark.parametrize("above", ["", "chest_xray", "ChestXRay2017/chest_xray"])
def test_the_pneumonia_set_reads_patients_off_file_names(tmp_path: Path, above: str) -> None:
    root = tmp_path / above
    for path in (
        "train/PNEUMONIA/person12_bacteria_46.jpeg",
        "test/PNEUMONIA/person12_virus_3.jpeg",
        "train/NORMAL/NORMAL2-IM-0383-0001-0002.jpeg",
        "val/NORMAL/IM-0117-0001.jpeg",
        "train/PNEUMONIA/VIRUS-2040583-0001.jpeg",
        "train/NORMAL/other.jpeg",
    ):
        picture(root / path)
    picture(root / "__MACOSX/chest_xray/train/NORMAL/IM-0117-0001.jpeg")
    columns = read("kermany-pneumonia", tmp_path)
    assert dict(zip(columns.id, columns.patient, strict=True)) == {
        "train/PNEUMONIA/person12_bacteria_46": "person12",
        "test/PNEUMONIA/person12_virus_3": "person12",
        "train/NORMAL/NORMAL2-IM-0383-0001-0002": "NORMAL2-IM-0383",
        "val/NORMAL/IM-0117-0001": "IM-0117",
        "train/PNEUMONIA/VIRUS-2040583-0001": "2040583",
        "train/NORMAL/other": "",
    }
    assert Counter(columns.label) == {"pneumonia": 3, "normal": 3}
    assert Counter(columns.attributes["cause"]) == {"bacteria": 1, "virus": 2, "": 3}
    assert Counter(columns.attributes["official_split"]) == {"train": 4, "test": 1, "val": 1}
    assert all((tmp_path / image).is_file() for image in columns.image)


def test_copies_of_the_pneumonia_set_within_itself_count_once(tmp_path: Path) -> None:
    picture(tmp_path / "chest_xray/train/NORMAL/IM-0117-0001.jpeg")
    picture(tmp_path / "chest_xray/chest_xray/train/NORMAL/IM-0117-0001.jpeg")
    assert len(read("kermany-pneumonia", tmp_path)) == 1


def test_the_radiography_database_takes_sources_from_its_workbooks(tmp_path: Path) -> None:
    root = tmp_path / "COVID-19_Radiography_Dataset"
    picture(root / "COVID/images/COVID-1.png")
    picture(root / "COVID/masks/COVID-1.png")
    picture(root / "Viral Pneumonia/images/Viral Pneumonia-7.png")
    picture(root / "Normal/images/Normal-3.png")
    workbook(
        root / "Normal.metadata.xlsx",
        [
            ["FILE NAME", "FORMAT", "SIZE", "URL"],
            ["NORMAL-3", "PNG", "256*256", "https://example.org/children"],
        ],
    )
    columns = read("covid-qu", tmp_path)
    labels = dict(zip(columns.id, columns.label, strict=True))
    assert labels == {
        "COVID-1": "COVID-19",
        "Viral Pneumonia-7": "viral pneumonia",
        "Normal-3": "normal",
    }
    sources = dict(zip(columns.id, columns.attributes["source"], strict=True))
    assert sources == {
        "COVID-1": "",
        "Viral Pneumonia-7": "",
        "Normal-3": "https://example.org/children",
    }


def test_the_extended_covid_set_passes_over_masks_and_repeats(tmp_path: Path) -> None:
    whole = tmp_path / "Lung Segmentation Data/Lung Segmentation Data"
    picture(whole / "Train/COVID-19/images/covid_1.png")
    picture(whole / "Train/COVID-19/lung masks/covid_1.png")
    picture(whole / "Test/Non-COVID/images/non_covid (2).png")
    picture(
        tmp_path / "Infection Segmentation Data/Infection Segmentation Data/Train/COVID-19/images/covid_1.png"
    )
    columns = read("covid-qu-ex", tmp_path)
    assert list(zip(columns.label, columns.attributes["official_split"], strict=True)) == [
        ("other infection", "test"),
        ("COVID-19", "train"),
    ]


OPENI_XML = """<?xml version="1.0" encoding="utf-8"?>
<eCitation><uId id="CXR7"/><MedlineCitation><Article><Abstract>
<AbstractText Label="COMPARISON">None.</AbstractText>
<AbstractText Label="INDICATION">Cough</AbstractText>
<AbstractText Label="FINDINGS">Heart is
 large.</AbstractText>
<AbstractText Label="IMPRESSION">Cardiomegaly.</AbstractText>
</Abstract></Article></MedlineCitation>
<MeSH>{headings}</MeSH>
<parentImage id="CXR7_IM-1-1001"><panel type="single"/></parentImage>
<parentImage id="CXR7_IM-1-2001"/>
</eCitation>
"""


@pytest.mark.parametrize(
    ("headings", "label", "cardiomegaly", "opacity"),
    [
        (["Cardiomegaly/mild", "Opacity/lung/base/left"], "abnormal", "1", "1"),
        (["normal"], "normal", "0", "0"),
        (["Opacity/pleura"], "abnormal", "0", "0"),
        (["No Indexing"], "", "", ""),
        (["Technical Quality of Image Unsatisfactory "], "", "", ""),
        (["Technical Quality of Image Unsatisfactory", "Cardiomegaly"], "abnormal", "1", ""),
        ([], "", "", ""),
    ],
)
def test_openi_labels_follow_the_headings_that_people_gave(
    tmp_path: Path, headings: list[str], label: str, cardiomegaly: str, opacity: str
) -> None:
    marked = "".join(f"<major>{each}</major>" for each in headings) + "<automatic>cough</automatic>"
    table(tmp_path / "ecgen-radiology/7.xml", OPENI_XML.format(headings=marked))
    picture(tmp_path / "NLMCXR_png/CXR7_IM-1-1001.png")
    columns = read("open-i", tmp_path)
    assert list(columns.id) == ["CXR7_IM-1-1001", "CXR7_IM-1-2001"]
    assert list(columns.image) == ["NLMCXR_png/CXR7_IM-1-1001.png", ""]
    first = row(columns, "CXR7_IM-1-1001")
    assert (first["label"], first["Cardiomegaly"], first["Lung Opacity"]) == (label, cardiomegaly, opacity)
    assert (first["patient"], first["report"]) == ("7", "Heart is large.\n\nCardiomegaly.")


def test_an_entity_in_a_report_is_not_expanded(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    text = OPENI_XML.replace(
        "<eCitation>", f'<!DOCTYPE x [<!ENTITY e SYSTEM "{tmp_path}/secret">]><eCitation>'
    )
    table(tmp_path / "7.xml", text.format(headings="").replace("Cardiomegaly.", "A&e;B"))
    assert "secret" not in row(read("open-i", tmp_path), "CXR7_IM-1-1001")["report"]


def test_a_torn_report_is_named(tmp_path: Path) -> None:
    table(tmp_path / "7.xml", "<eCitation><uId")
    with pytest.raises(ModelsError, match=r"7\.xml is not valid XML"):
        read("open-i", tmp_path)


def test_openi_also_comes_as_the_tables_of_kaggle(tmp_path: Path) -> None:
    table(
        tmp_path / "indiana_reports.csv",
        "uid,MeSH,Problems,image,indication,comparison,findings,impression\n"
        "1,normal,normal,PA and lateral,cough,None.,,Normal chest.\n"
        "2,Cardiomegaly/borderline;Opacity/lung,Cardiomegaly,Chest,pain,None.,Large heart.,Failure.\n",
    )
    table(
        tmp_path / "indiana_projections.csv",
        "uid,filename,projection\n1,1_IM-0001-4001.dcm.png,Frontal\n2,2_IM-0652-2001.dcm.png,Lateral\n",
    )
    picture(tmp_path / "images/images_normalized/1_IM-0001-4001.dcm.png")
    columns = read("open-i", tmp_path)
    assert list(columns.id) == ["1_IM-0001-4001", "2_IM-0652-2001"]
    assert list(columns.label) == ["normal", "abnormal"]
    assert list(columns.report) == ["Normal chest.", "Large heart.\n\nFailure."]
    assert list(columns.attributes["projection"]) == ["Frontal", "Lateral"]
    assert list(columns.image) == ["images/images_normalized/1_IM-0001-4001.dcm.png", ""]


VINDR_NAMES = "Cardiomegaly,Pneumonia,Other diseases,No finding"


@pytest.mark.parametrize("folder", ["", "annotations/"])
def test_vindr_keeps_what_its_readers_agree_on(tmp_path: Path, folder: str) -> None:
    table(
        tmp_path / f"{folder}image_labels_train.csv",
        f"image_id,rad_id,{VINDR_NAMES}\na,R1,1,0,0,0\na,R2,1,1,0,0\nb,R1,0,0,0,1\na,R3,1,0,0,0\n"
        "b,R2,0,0,0,1\nb,R9,0,0,0,1\n",
    )
    table(
        tmp_path / f"{folder}image_labels_test.csv",
        f"image_id,{VINDR_NAMES.replace('diseases', 'disease')}\nc,0,1,0,0\n",
    )
    picture(tmp_path / "train/a.png")
    (tmp_path / "test").mkdir()
    (tmp_path / "test/c.dicom").write_bytes(b"x")
    columns = read("vindr-cxr", tmp_path)
    first, second, third = (row(columns, name) for name in "abc")
    assert (first["Cardiomegaly"], first["Pneumonia"], first["No Finding"]) == ("1", "", "0")
    assert (second["No Finding"], second["Has Finding"], second["readers"]) == ("1", "0", "3")
    assert (third["Pneumonia"], third["official_split"], third["readers"]) == ("1", "test", "1")
    assert list(columns.image) == ["train/a.png", "", "test/c.dicom"]
    assert third["COPD"] == ""


def test_summaries_agree_with_every_case_counted_out() -> None:
    states = ["1", "0", ""]
    cases = [(a, b, none) for a in states for b in states for none in states]
    made = with_summary(
        {"A": [c[0] for c in cases], "B": [c[1] for c in cases], "No Finding": [c[2] for c in cases]}
    )
    for place, (a, b, none) in enumerate(cases):
        some, clear = "1" in {a, b}, none == "1"
        expected = ("", "") if some == clear else (("0", "1") if some else ("1", "0"))
        assert (made["No Finding"][place], made["Has Finding"][place]) == expected


def test_labels_among_findings_need_the_others_known_or_unmentioned() -> None:
    findings = {"A": ["1", "1", "1", "0", "1"], "B": ["0", "", "1", "1", ""], "C": ["1", "1", "0", "0", "0"]}
    doubtful = ["", "", "", "", "B|C"]
    assert exclusive_labels(findings, ["A", "B"]) == ["A", "", "", "B", ""]
    assert mentioned_labels(findings, ["A", "B"], doubtful=doubtful) == ["A", "A", "", "B", ""]
    assert only_finding(findings) == ["", "", "", "B", ""]


@pytest.mark.parametrize("data_set", all_data_sets(), ids=lambda each: each.facts.name)
def test_facts_are_whole(data_set: DataSet) -> None:
    facts = data_set.facts
    written = (
        facts.title,
        facts.modality,
        facts.licence,
        facts.terms,
        facts.citation,
        facts.url,
        facts.layout,
    )
    assert all(written)
    assert facts.url.startswith("https://")
    assert facts.images is None or facts.images > 0
    named = [each.name for each in facts.classes]
    assert len(set(named)) == len(named)
    counted = [each.images for each in facts.classes if each.images is not None]
    if facts.images and len(counted) == len(named) and not facts.findings and counted:
        assert sum(counted) <= facts.images


def test_names_are_distinct_and_an_unknown_one_lists_them() -> None:
    names = [each.facts.name for each in all_data_sets()]
    assert len(set(names)) == len(names)
    with pytest.raises(ModelsError, match="no data set 'nih'; knobo knows nih-chestxray14, chexpert"):
        data_set_named("nih")


@pytest.mark.real
def test_real_findings_of_nih_are_split_as_in_the_derived_table(shared_data: Path, tmp_path: Path) -> None:
    """The table made from NIH's release lists the findings raw and, apart, as 14 columns."""
    source = shared_data / "xray/nih64/metadata.csv"
    with source.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    lines = [NIH_HEADER]
    for each in rows:
        cells = [f"{each['image_id']}.png", each["finding_labels"], each["follow_up"], each["patient_id"]]
        lines.append(",".join([*cells, each["age"], each["sex"], each["view"], "1", "1", "1", "1"]))
    table(tmp_path / "Data_Entry_2017_v2020.csv", "\n".join(lines) + "\n")
    (tmp_path / "images").symlink_to(shared_data / "xray/nih64/images")
    columns = read("nih-chestxray14", tmp_path)
    assert len(columns) == len(rows) == 974
    for name in ("effusion", "pneumonia", "pleural_thickening", "hernia"):
        assert list(columns.findings[name.title()]) == [each[name] for each in rows]
    assert list(columns.attributes["sex"]) == [each["sex"] for each in rows]
    assert len(set(columns.patient)) == 263
    clear = [each["label"] == "normal" for each in rows]
    assert [cell == "1" for cell in columns.findings["No Finding"]] == clear


@pytest.mark.real
def test_real_studies_of_openi_are_labelled_as_in_the_derived_table(
    shared_data: Path, tmp_path: Path
) -> None:
    with (shared_data / "xray/iu/metadata.csv").open(encoding="utf-8") as file:
        rows = [each for each in csv.DictReader(file) if each["projection"] == "Frontal"]
    with (tmp_path / "indiana_reports.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["uid", "MeSH", "findings", "impression"])
        writer.writerows([e["uid"], e["mesh"], e["findings"], e["impression"]] for e in rows)
    with (tmp_path / "indiana_projections.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["uid", "filename", "projection"])
        writer.writerows([e["uid"], Path(e["image"]).name, e["projection"]] for e in rows)
    (tmp_path / "images").symlink_to(shared_data / "xray/iu/images")
    columns = read("open-i", tmp_path)
    assert len(columns.at_hand()) == 2500
    expected = ["" if each["label"] == "unindexed" else each["label"] for each in rows]
    assert list(columns.label) == expected
