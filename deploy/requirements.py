# ruff: noqa: INP001 - a script of the image, not of a package
"""Prints what `pyproject.toml` asks for, so that an image can install it before the code is there.

python requirements.py books,dicom > requirements.txt
"""

import sys
import tomllib
from pathlib import Path


def requirements(pyproject: Path, extras: list[str]) -> list[str]:
    """The dependencies of the project and of some of its optional parts.

    Raises:
        KeyError: There is no such part.
    """
    project = tomllib.loads(pyproject.read_text("utf-8"))["project"]
    optional = project["optional-dependencies"]
    return [*project["dependencies"], *(line for extra in extras for line in optional[extra])]


if __name__ == "__main__":
    named = [extra for extra in sys.argv[1].split(",") if extra]
    sys.stdout.write("\n".join(requirements(Path("pyproject.toml"), named)) + "\n")
