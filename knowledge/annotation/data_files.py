"""Reads the vocabulary files shipped in `lexicon/`."""

import tomllib
from functools import cache
from importlib import resources
from typing import Any


def data_text(name: str) -> str | None:
    """Text of `lexicon/<name>.toml`, or None where no such file is shipped."""
    file = resources.files("knowledge.annotation").joinpath("lexicon", f"{name}.toml")
    return file.read_text("utf-8") if file.is_file() else None


@cache
def data(name: str) -> dict[str, Any]:
    """Content of a shipped file."""
    text = data_text(name)
    assert text is not None, name
    return tomllib.loads(text)
