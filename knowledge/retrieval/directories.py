"""Index directories: they appear complete or not at all, and say in `about.json` what they hold."""

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from knowledge.errors import KnowledgeError

_ABOUT = "about.json"


@contextmanager
def published(directory: Path) -> Iterator[Path]:
    """An empty directory beside `directory` that takes its place when the block ends without an error.

    Raises:
        KnowledgeError: `directory` holds something that is not an index; nothing of it is touched.
    """
    if directory.exists() and not (directory / _ABOUT).is_file() and any(directory.iterdir()):
        raise KnowledgeError(
            f"{directory} holds files that are no index: choose another directory for the index."
        )
    directory.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    draft.chmod(0o755)  # mkdtemp keeps it to oneself; an index is shared
    try:
        yield draft
        shutil.rmtree(directory, ignore_errors=True)
        draft.replace(directory)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_about(directory: Path, about: Mapping[str, str | int]) -> None:
    """Facts of an index, for people and for `read_about`."""
    (directory / _ABOUT).write_text(json.dumps(dict(about), indent=2) + "\n", encoding="utf-8")


def read_about(directory: Path, kind: str) -> Mapping[str, str | int]:
    """What `write_about` wrote.

    Raises:
        KnowledgeError: The directory holds no index of this kind.
    """
    try:
        about = json.loads((directory / _ABOUT).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise KnowledgeError(f"There is no {kind} index in {directory}: build it first.") from error
    except ValueError as error:
        raise damaged(directory, kind, error) from error
    if not isinstance(about, dict) or about.get("kind") != kind:
        raise KnowledgeError(f"{directory} holds no {kind} index: build it first.")
    return about


def damaged(directory: Path, kind: str, why: object) -> KnowledgeError:
    """The error for an index that is there but broken."""
    return KnowledgeError(
        f"The {kind} index in {directory} is damaged ({why}): delete it and build it again."
    )
