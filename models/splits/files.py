"""Keeps a split as readable JSON."""

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from models.errors import ModelsError
from models.files import write_text
from models.splits.types import Check, DomainSplit

FORMAT = 1


def save_split(split: DomainSplit, path: Path) -> None:
    """Write a split; the file replaces an older one in a single step."""
    content = {"format": FORMAT} | asdict(split)
    write_text(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def load_split(path: Path) -> DomainSplit:
    """Read what `save_split` wrote.

    Raises:
        ModelsError: No such file, or not a split.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelsError(f"there is no split at {path}; make it first") from error
    except ValueError as error:
        raise ModelsError(f"{path} is not JSON ({error}); make the split again") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ModelsError(f"{path} is not a split of format {FORMAT}; make the split again")
    try:
        return split_from(content)
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelsError(f"{path} lacks or garbles a field of a split ({error}); make it again") from error


def split_from(content: dict[str, Any]) -> DomainSplit:
    """A split from its JSON form."""
    checks = tuple(Check(**check) for check in content["checks"])
    plain = {field.name: content[field.name] for field in fields(DomainSplit)}
    listed = {name: tuple(plain[name]) for name in ("classes", "train", "validation", "in_domain", "shifted")}
    return DomainSplit(**(plain | listed | {"checks": checks}))
