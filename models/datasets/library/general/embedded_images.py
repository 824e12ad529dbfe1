"""Parquet files with the images inside, as the Hugging Face hub stores them, unpacked to image files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from models.datasets.library.data_set import Progress
from models.datasets.library.reading import reading
from models.datasets.tables import cell_text
from models.errors import ModelsError
from models.files import replacing, write_text

SUFFIX = {b"\x89PNG": ".png", b"\xff\xd8\xff": ".jpg", b"II*\0": ".tif", b"MM\0*": ".tif"}
BATCH = 64


def embedded(source: Path) -> list[Path]:
    """The Parquet files below a folder that hold images."""
    if source.is_file():
        return [source] if source.suffix == ".parquet" and image_column(source) else []
    found = sorted(source.rglob("*.parquet"))
    return [file for file in found if not hidden(file.relative_to(source)) and image_column(file)]


def hidden(path: Path) -> bool:
    """Whether a path lies in a hidden folder or is a hidden file."""
    return any(part.startswith(".") for part in path.parts)


def image_column(file: Path) -> str | None:
    """The first column of the hub's image form: a pair of bytes and path."""
    import pyarrow as pa  # noqa: PLC0415  # folders of files do not need it
    import pyarrow.parquet as pq  # noqa: PLC0415

    with reading(file):
        schema = pq.read_schema(file)
    for field in schema:
        if pa.types.is_struct(field.type) and field.type.get_field_index("bytes") >= 0:
            return str(field.name)
    return None


def unpack_embedded(source: Path, target: Path, progress: Progress | None) -> None:
    """Writes every image below `target`, and a `metadata.jsonl` with the other columns."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    files = embedded(source)
    total = sum(pq.read_metadata(file).num_rows for file in files)
    lines: list[str] = []
    for file in files:
        split = file.stem.split("-")[0]
        shard = place_of(file, source)
        for number, (data, row) in enumerate(rows_of(file)):
            name = f"{split}/{shard}/{number:06d}{suffix_of(data, file)}"
            with replacing(target / name) as out:
                out.write(data)
            lines.append(json.dumps({"official_split": split, **row, "file_name": name}, ensure_ascii=False))
            if progress is not None:
                progress(len(lines), total)
    write_text(target / "metadata.jsonl", "".join(f"{line}\n" for line in lines))


def place_of(file: Path, source: Path) -> str:
    """The way to a file below `source` without its suffix: files of one name lie in several folders."""
    way = Path(file.name) if file == source else file.relative_to(source)
    return way.with_suffix("").as_posix()


def rows_of(file: Path) -> Iterator[tuple[bytes, dict[str, str]]]:
    """The bytes and the other single values of each row; numbers of classes become their names."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    column = image_column(file)
    assert column is not None, "only files with images are unpacked"
    with reading(file), pq.ParquetFile(file) as table:
        names = class_names(table.schema_arrow.metadata or {})
        for batch in table.iter_batches(batch_size=BATCH):
            for row in batch.to_pylist():
                image = row.pop(column)
                yield (
                    (image or {}).get("bytes") or b"",
                    {key: named(value, names.get(key)) for key, value in row.items() if single(value)},
                )


def class_names(metadata: dict[bytes, bytes]) -> dict[str, list[str]]:
    """Names by column, as the hub writes them into the schema."""
    try:
        features = json.loads(metadata.get(b"huggingface", b"{}")).get("info", {}).get("features", {})
    except ValueError:
        return {}
    return {
        key: each["names"] for key, each in features.items() if isinstance(each, dict) and "names" in each
    }


def named(value: Any, names: list[str] | None) -> str:
    """The name of a class by its number (-1 is the hub's unknown), else the value as text."""
    if names is None or not isinstance(value, int):
        return cell_text(value)
    return names[value] if 0 <= value < len(names) else ""


def single(value: Any) -> bool:
    """Whether a value fits into a cell."""
    return not isinstance(value, dict | list | bytes)


def suffix_of(data: bytes, file: Path) -> str:
    """What the bytes begin like."""
    for start, suffix in SUFFIX.items():
        if data.startswith(start):
            return suffix
    raise ModelsError(f"{file} holds an image that is no PNG, JPEG or TIFF; convert it first")
