"""Configurations that ship with the project: starting points for users, and those of the demo."""

from importlib.resources import files
from pathlib import Path

from models.files import write_text
from pipelines.errors import PipelineError


def preset_names() -> tuple[str, ...]:
    """Those for users; the demo's are not offered."""
    names = (
        item.name.removesuffix(".toml") for item in files(__name__).iterdir() if item.name.endswith(".toml")
    )
    return tuple(sorted(name for name in names if not name.startswith("demo-")))


def preset_text(name: str) -> str:
    """The TOML text of a preset."""
    return files(__name__).joinpath(f"{name}.toml").read_text("utf-8")


def write_preset(name: str, path: Path) -> None:
    """Writes a preset as a new file.

    Raises:
        PipelineError: No such preset, or the file exists.
    """
    if name not in preset_names():
        raise PipelineError(f"there is no preset {name!r}; choose from {', '.join(preset_names())}")
    if path.exists():
        raise PipelineError(f"{path} exists; give another name or remove it first")
    write_text(path, preset_text(name))
