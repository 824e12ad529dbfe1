"""`knobo released`: what published split files hold, and what overlaps in them."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pipelines.commands.shared import JsonOption, console, print_json, print_rows


def released(
    folder: Annotated[
        Path,
        typer.Argument(help="Folder of one published split, with class2images_train.p.", metavar="FOLDER"),
    ],
    json_: JsonOption = False,
) -> None:
    """Count classes, shared patients and repeated images in published split files; no image is needed."""
    from models.splits.released import compare, read_released

    split = read_released(folder)
    rows = compare(split)
    if json_:
        print_json({"name": split.name, "counts": [asdict(row) for row in rows]})
        return
    cells = [
        (row.what, f"{row.found:,}", "" if row.published is None else f"{row.published:,}") for row in rows
    ]
    print_rows((split.name, "found", "published"), cells, marked=frozenset())
    if different := [row.what for row in rows if row.differs]:
        console.print(f"Not as published: {', '.join(different)}.", highlight=False, soft_wrap=True)
    console.print("Patients are read off the file names.", highlight=False)
