import gzip
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.datasets.manifest import ManifestColumns, read_manifest
from models.datasets.tables import read_columns
from models.errors import ModelsError

TABLE = """image,uid,patient,dx,sex,age,findings,impression
a.png,1,p1,0,F,40,Clear lungs.,Normal.
sub/b.png,2,p1,1,M,,"Effusion, left.",
c.png,3,,1,F,60,,
d.png,4,p4,,M,50,,
"""
COLUMNS = ManifestColumns(
    id="uid", label="dx", patient="patient", report=("findings", "impression"), attributes=("sex", "age")
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "sub/b.png", "c.png", "d.png"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "table.csv").write_text(TABLE)
    return tmp_path


def test_every_column_lands_in_its_field(folder: Path) -> None:
    first, second, third, fourth = read_manifest(folder / "table.csv", name="site", columns=COLUMNS)
    assert (first.id, first.path, first.label, first.patient) == ("site/1", folder / "a.png", "0", "site/p1")
    assert first.report == "Clear lungs.\n\nNormal."
    assert first.attributes == {"sex": "F", "age": "40"}
    assert second.report == "Effusion, left."
    assert second.attributes == {"sex": "M"}
    assert (third.patient, third.report) == (None, None)
    assert fourth.label is None


def test_without_an_id_column_the_path_is_the_id(folder: Path) -> None:
    records = read_manifest(folder / "table.csv", name="site", columns=ManifestColumns(label=None))
    assert [record.id for record in records][:2] == ["site/a.png", "site/sub/b.png"]
    assert {record.label for record in records} == {None}


def test_a_filter_keeps_rows_whose_cells_are_allowed(folder: Path) -> None:
    where = {"sex": ["F"], "dx": ["0", "1"]}
    records = read_manifest(folder / "table.csv", name="s", columns=COLUMNS, where=where)
    assert [record.id for record in records] == ["s/1", "s/3"]


def test_labels_are_translated(folder: Path) -> None:
    names = {"0": "benign", "1": "malignant"}
    records = read_manifest(folder / "table.csv", name="s", columns=COLUMNS, label_map=names)
    assert [record.label for record in records] == ["benign", "malignant", "malignant", None]


def test_a_label_outside_the_map_is_refused(folder: Path) -> None:
    with pytest.raises(ModelsError, match=r"2 labels of .* not in the label map \(1\)"):
        read_manifest(folder / "table.csv", name="s", columns=COLUMNS, label_map={"0": "benign"})


@pytest.mark.parametrize("name", ["table.tsv", "table.csv.gz", "bom.csv", "table.parquet"])
def test_other_forms_of_the_table_give_the_same_records(folder: Path, name: str) -> None:
    expected = read_manifest(folder / "table.csv", name="s", columns=COLUMNS)
    if name == "table.tsv":
        (folder / name).write_text(TABLE.replace('"Effusion, left."', "Effusion; left.").replace(",", "\t"))
    if name == "table.csv.gz":
        (folder / name).write_bytes(gzip.compress(TABLE.encode()))
    if name == "bom.csv":
        (folder / name).write_bytes(b"\xef\xbb\xbf" + TABLE.replace("\n", "\r\n").encode())
    if name == "table.parquet":
        write_typed_parquet(folder / name)
    records = read_manifest(folder / name, name="s", columns=COLUMNS)
    assert [record.attributes for record in records] == [record.attributes for record in expected]
    assert [(r.id, r.path, r.label, r.patient) for r in records] == [
        (r.id, r.path, r.label, r.patient) for r in expected
    ]


def write_typed_parquet(path: Path) -> None:
    table = {
        "image": ["a.png", "sub/b.png", "c.png", "d.png"],
        "uid": [1, 2, 3, 4],
        "patient": ["p1", "p1", None, "p4"],
        "dx": [0.0, 1.0, 1.0, math.nan],
        "sex": ["F", "M", "F", "M"],
        "age": [40.0, None, 60.0, 50.0],
        "findings": ["", "", "", ""],
        "impression": [None, None, None, None],
    }
    pq.write_table(pa.table(table), path)


def test_truth_values_of_parquet_are_spelt_out(folder: Path) -> None:
    pq.write_table(pa.table({"image": ["a.png", "c.png"], "label": [True, False]}), folder / "t.parquet")
    assert [record.label for record in read_manifest(folder / "t.parquet", name="s")] == ["true", "false"]


@pytest.mark.parametrize("image", ["../outside.png", "sub/../../outside.png", "/etc/hosts", "", "a\0.png"])
def test_a_path_out_of_the_root_is_refused(folder: Path, image: str) -> None:
    (folder.parent / "outside.png").write_bytes(b"x")
    (folder / "table.csv").write_text(f'image,label\n"{image}",x\n')
    with pytest.raises(ModelsError, match=r"outside|without an image path|cannot be read"):
        read_manifest(folder / "table.csv", name="s")


def test_a_root_elsewhere_can_be_named(folder: Path) -> None:
    (folder / "sub" / "table.csv").write_text("image,label\na.png,x\n")
    (record,) = read_manifest(folder / "sub" / "table.csv", name="s", root=folder)
    assert record.path == folder / "a.png"


def test_a_missing_column_lists_those_there_are(folder: Path) -> None:
    with pytest.raises(ModelsError, match="no column view; its columns are image, uid, patient"):
        read_manifest(
            folder / "table.csv", name="s", columns=ManifestColumns(label="dx", attributes=("view",))
        )
    pq.write_table(pa.table({"image": ["a.png"], "dx": ["1"]}), folder / "t.parquet")
    with pytest.raises(ModelsError, match="no column label; its columns are image, dx"):
        read_manifest(folder / "t.parquet", name="s")


def test_missing_images_are_counted(folder: Path) -> None:
    (folder / "a.png").unlink()
    (folder / "c.png").unlink()
    with pytest.raises(ModelsError, match=r"2 of 4 images .* do not exist \(first .*a\.png\)"):
        read_manifest(folder / "table.csv", name="s", columns=COLUMNS)


def test_an_id_given_twice_is_refused(folder: Path) -> None:
    (folder / "table.csv").write_text("image,id,label\na.png,1,x\nc.png,1,y\n")
    with pytest.raises(ModelsError, match=r"1 image ids more than once \(s/1\)"):
        read_manifest(folder / "table.csv", name="s", columns=ManifestColumns(id="id"))


def test_a_filter_that_leaves_nothing_shows_the_values(folder: Path) -> None:
    with pytest.raises(ModelsError, match=r"no row of .* passes the filter: sex has F, M"):
        read_manifest(folder / "table.csv", name="s", columns=COLUMNS, where={"sex": ["female"]})


def test_many_values_are_counted_and_not_shown(folder: Path) -> None:
    rows = "".join(f"a.png,{n},Jane Doe {n}\n" for n in range(30))
    (folder / "table.csv").write_text("image,label,person\n" + rows)
    with pytest.raises(ModelsError, match="person has 30 different values"):
        read_manifest(folder / "table.csv", name="s", where={"person": ["x"]})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no column image"),
        (b"image,label\n", "no rows"),
        (b"image,label\na.png\n", "row 2 .* has 1 cells, the header has 2"),
        (b'image,label\n"a.png,x\n', "cannot be read as a table"),
        (b"image,label\na.png,\xff\n", "not UTF-8"),
    ],
)
def test_a_damaged_table_is_named(folder: Path, content: bytes, message: str) -> None:
    (folder / "table.csv").write_bytes(content)
    with pytest.raises(ModelsError, match=message):
        read_manifest(folder / "table.csv", name="s")


@pytest.mark.parametrize("name", ["gone.csv", "table.xlsx", "torn.parquet", "torn.csv.gz"])
def test_an_unusable_file_is_named(folder: Path, name: str) -> None:
    if name != "gone.csv":
        (folder / name).write_bytes(b"PAR1 torn")
    with pytest.raises(ModelsError, match=name.replace(".", r"\.")):
        read_manifest(folder / name, name="s")


def test_a_neighbour_whose_name_begins_alike_is_outside_the_root(folder: Path) -> None:
    neighbour = folder.with_name(f"{folder.name}-more")
    neighbour.mkdir()
    (neighbour / "a.png").write_bytes(b"x")
    (folder / "table.csv").write_text(f"image,label\n../{neighbour.name}/a.png,x\n")
    with pytest.raises(ModelsError, match="lies outside"):
        read_manifest(folder / "table.csv", name="s")


@pytest.mark.parametrize("name", ["t.csv", "t.tab", "t.parquet", "t"])
def test_an_optional_column_is_empty_where_the_table_lacks_it(tmp_path: Path, name: str) -> None:
    if name == "t.parquet":
        pq.write_table(pa.table({"b": [1.0, None], "a": ["x", "y"]}), tmp_path / name)
    else:
        (tmp_path / name).write_text("b,a\n1,x\n,y\n".replace(",", "\t" if name == "t.tab" else ","))
    cells = read_columns(tmp_path / name, ["a"], optional=["b", "c", "a"])
    assert cells == {"a": ["x", "y"], "b": ["1", ""], "c": ["", ""]}
    with pytest.raises(ModelsError, match="has no column c"):
        read_columns(tmp_path / name, ["a", "c"])


@pytest.mark.real
def test_the_counts_of_a_real_manifest_are_those_of_its_description(shared_data: Path) -> None:
    columns = ManifestColumns(id="image_id", label="label", patient="patient_id", attributes=("sex", "view"))
    records = read_manifest(shared_data / "xray/nih/metadata.csv", name="nih", columns=columns)
    assert len(records) == 694
    assert len({record.patient for record in records}) == 478
    pneumonia_men_pa = {"label": "pneumonia", "sex": "M", "view": "PA"}
    chosen = [r for r in records if {"label": r.label, **r.attributes} == pneumonia_men_pa]
    assert len(chosen) == 109


def test_a_cell_that_says_it_does_not_know_is_no_class_and_no_patient(tmp_path: Path) -> None:
    words = ["a", "nan", "NaN", "NA", "", "unknown", "-1", "?"]
    rows = [f"{n}.png,{word},{word}" for n, word in enumerate(words)]
    (tmp_path / "t.csv").write_text("\n".join(["image,label,patient", *rows]))
    for n in range(len(words)):
        (tmp_path / f"{n}.png").write_bytes(b"x")
    records = read_manifest(tmp_path / "t.csv", name="s", columns=ManifestColumns(patient="patient"))
    assert [record.label for record in records] == ["a", *[None] * 7]
    assert [record.patient for record in records] == ["s/a", None, None, None, None, None, "s/-1", None]
    named = read_manifest(tmp_path / "t.csv", name="s", label_map={"a": "ill", "unknown": "other"})
    assert [record.label for record in named if record.label] == ["ill", "other"]


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("image,label,label,sex,,\na.png,a,b,M,,\n")
    with pytest.raises(ModelsError, match="more than one column label; rename or remove"):
        read_columns(tmp_path / "t.csv", ["image", "label"])
    assert read_columns(tmp_path / "t.csv", ["image", "sex"]) == {"image": ["a.png"], "sex": ["M"]}
