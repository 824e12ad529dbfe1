from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from knowledge.annotation.table import AnnotationTable, read_annotations, write_annotations
from knowledge.errors import KnowledgeError


def _table(reports: int, concepts: int, annotator: str, seed: int) -> AnnotationTable:
    rng = np.random.default_rng(seed)
    return AnnotationTable(
        tuple(f"{annotator}-r{i}" for i in range(reports))[::-1],
        tuple(f"c{j + seed}" for j in range(concepts)),
        rng.integers(-1, 2, (reports, concepts)).astype(np.int8),
        rng.random((reports, concepts)).astype(np.float32),
        annotator,
    )


def test_several_tables_with_different_ids_come_back_as_written(tmp_path: Path) -> None:
    tables = [_table(7, 3, "rules", 0), _table(2, 5, "expert:ph2", 1), _table(4, 1, "language_model", 2)]
    write_annotations(tmp_path / "a.parquet", tables)
    for written, read in zip(tables, read_annotations(tmp_path / "a.parquet"), strict=True):
        assert (read.report_ids, read.concept_ids, read.annotator) == (
            written.report_ids,
            written.concept_ids,
            written.annotator,
        )
        np.testing.assert_array_equal(read.answer, written.answer)
        np.testing.assert_array_equal(read.probability, written.probability)
        assert (read.answer.dtype, read.probability.dtype) == (np.int8, np.float32)


def test_the_file_is_readable_by_any_parquet_reader_and_dictionary_encoded(tmp_path: Path) -> None:
    table = _table(3, 2, "rules", 4)
    write_annotations(tmp_path / "a.parquet", [table])
    content = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert content == [
        {
            "report_id": cell.report_id,
            "concept_id": cell.concept_id,
            "answer": int(cell.answer),
            "probability": cell.probability,
            "annotator": "rules",
        }
        for cell in table.rows()
    ]
    group = pq.ParquetFile(tmp_path / "a.parquet").metadata.row_group(0)
    assert "RLE_DICTIONARY" in group.column(0).encodings


def test_nothing_but_the_finished_file_is_left_behind(tmp_path: Path) -> None:
    write_annotations(tmp_path / "a.parquet", [])
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]
    assert read_annotations(tmp_path / "a.parquet") == []


@pytest.mark.parametrize("content", [None, b"not parquet"])
def test_a_missing_or_foreign_file_is_told_by_name(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "a.parquet"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(KnowledgeError, match=r"a\.parquet holds no annotations"):
        read_annotations(path)
