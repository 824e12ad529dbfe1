"""Where the literature that ships with the project lies."""

from importlib.resources import files
from pathlib import Path

from pipelines.errors import PipelineError

PREFIX = "demo-handbook:"


def literature_path(path: Path) -> Path:
    """The path itself, or the shipped chapter folder that `demo-handbook:<chapter>` names."""
    text = str(path)
    if not text.startswith(PREFIX):
        return path
    root = Path(str(files("pipelines"))) / "demo" / "handbook"
    folder = root / text.removeprefix(PREFIX)
    if not folder.is_dir():
        there = ", ".join(sorted(item.name for item in root.iterdir() if item.is_dir()))
        raise PipelineError(f"{text!r} names no part of the shipped handbook; it has {there}")
    return folder
