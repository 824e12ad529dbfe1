"""Makes the demo's data and writes, beside it, the configurations that run on it."""

from pathlib import Path

from models.files import write_text
from pipelines.demo.make import make_demo
from pipelines.presets import preset_text
from pipelines.progress import Reporter

RUNS = ("demo-chest-xray", "demo-skin")


def configure_demo(directory: Path, *, images: int, reporter: Reporter) -> tuple[Path, ...]:
    """Phantoms of both kinds, `images` each, and one configuration file a kind."""
    make_demo(directory, chest=images, skin=images, progress=reporter.work("draw", "phantoms"))
    paths = []
    for name in RUNS:
        path = directory / f"{name}.toml"
        write_text(path, preset_text(name))
        paths.append(path)
    return tuple(paths)
