"""The copy of its configuration that a run keeps beside what it made."""

from pathlib import Path

import tomli_w

from models.files import write_text
from pipelines.config.whole import Config


def keep_config(path: Path, config: Config) -> None:
    """The configuration with absolute paths, so that the run can be looked at from anywhere."""
    write_text(path, tomli_w.dumps(config.model_dump(mode="json", exclude_none=True)))
