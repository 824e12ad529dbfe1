"""Data sets that were prepared before, as sections of another configuration."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models.datasets.library.layout import column_names
from pipelines.errors import PipelineError


def prepared_section(reports: Path, folder: Path, name: str) -> dict[str, Any]:
    """The data set with reports or signs in a folder that was prepared before.

    Raises:
        PipelineError: No such folder, no set with reports in it, or the same set again.
    """
    having = [section for section in sections_below(reports) if teaches(section)]
    if not having:
        raise PipelineError(
            f"{reports} holds no prepared data set with reports; run knobo data prepare for one"
        )
    section = {key: value for key, value in having[-1].items() if key not in {"label", "half"}}
    section["name"] = str(section["name"]).removesuffix("-concepts")
    if section["name"] == name:
        raise PipelineError(f"{reports} holds {name} itself, which shares its reports without --reports")
    return seen_from(folder, reports, section)


def joining_section(beside: Path, folder: Path, needed: Sequence[str]) -> dict[str, Any]:
    """The first data set in a folder that was prepared before, with the columns that a split needs.

    Raises:
        PipelineError: There is none.
    """
    found = sections_below(beside)
    if not found:
        raise PipelineError(f"{beside} holds no prepared data set; run knobo data prepare for one")
    section = {key: value for key, value in found[0].items() if key not in {"half", "report"}}
    there = column_names(beside / str(section["manifest"]))
    wanted = [*section.get("attributes", ()), *(name for name in needed if name in there)]
    return seen_from(folder, beside, {**section, "attributes": list(dict.fromkeys(wanted))})


def seen_from(folder: Path, other: Path, section: Mapping[str, Any]) -> dict[str, Any]:
    """A section with its manifest named from another folder."""
    table = other.resolve() / str(section["manifest"])
    return {**section, "manifest": Path(os.path.relpath(table, folder.resolve())).as_posix()}


def sections_below(folder: Path) -> list[dict[str, Any]]:
    """The data sets of the configurations in a folder."""
    return [section for file in sorted(folder.glob("*.toml")) for section in sections_of(file)]


def teaches(section: Mapping[str, Any]) -> bool:
    """Whether concepts can be learnt from a data set: it has reports or signs."""
    return bool(section.get("report") or section.get("expert_columns"))


def sections_of(file: Path) -> list[dict[str, Any]]:
    """The data sets of a configuration file."""
    try:
        values = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise PipelineError(f"{file} cannot be read as TOML; prepare that set anew") from error
    return list(values.get("datasets", []))
