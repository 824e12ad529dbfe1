"""What a reader of literature leaves out, counted and in part named: so that nothing vanishes silently."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from knowledge.errors import KnowledgeError
from knowledge.passages import Document
from knowledge.sources.files import name_within, source_files

BROKEN = "files or records that could not be read"
NOTICES = "notices of retraction left out"
WITHOUT_TEXT = "documents without text left out"
NAMED = 3
"""Names kept of each kind; of the others only the number is."""

Refuse = Callable[[KnowledgeError], None]
"""What becomes of a broken file or record."""


@dataclass(slots=True)
class _Kind:
    """One kind of thing left out."""

    count: int = 0
    named: list[str] = field(default_factory=list)


class LeftOut:
    """Counts by kind, in the order in which the kinds came up."""

    def __init__(self) -> None:
        self._kinds: dict[str, _Kind] = {}
        self.first_broken: KnowledgeError | None = None

    def add(self, kind: str, name: str) -> None:
        """Count it, and name it while there is room."""
        found = self._kinds.setdefault(kind, _Kind())
        found.count += 1
        if len(found.named) < NAMED:
            found.named.append(name)

    def broken(self, error: KnowledgeError) -> None:
        """Count what could not be read, with its reason."""
        self.first_broken = self.first_broken or error
        self.add(BROKEN, str(error).rstrip("."))

    def refusal(self, path: Path) -> Refuse:
        """In a folder broken parts are counted; a file that the user named must be whole."""
        return self.broken if path.is_dir() else _raise

    def sentences(self) -> tuple[str, ...]:
        """One for each kind."""
        return tuple(told(kind, found.count, found.named) for kind, found in self._kinds.items())


def told(kind: str, count: int, named: Iterable[object] = ()) -> str:
    """E.g. `documents without text left out: 5, e.g. a.html; b.html`."""
    names = [str(each) for each in named]
    joint = "namely" if count == len(names) else "e.g."
    return f"{kind}: {count:,}" + (f", {joint} {'; '.join(names)}" if names else "")


def each_file(
    files: Iterable[Path], read: Callable[[Path], Iterable[Document]], refuse: Refuse
) -> Iterator[Document]:
    """The documents of all files; of a broken one those before the damage."""
    for file in files:
        try:
            yield from read(file)
        except KnowledgeError as error:
            refuse(error)


def read_each(
    path: Path,
    suffixes: tuple[str, ...],
    read: Callable[[Path, str], Iterable[Document]],
    left_out: LeftOut | None,
) -> Iterator[Document]:
    """Documents with text, of a file or of all such files of a folder.

    Args:
        path: What the user named.
        suffixes: Of the files.
        read: Gives the documents of one file, called with it and its name within `path`.
        left_out: Told of broken files of a folder, and of documents without text.

    Raises:
        KnowledgeError: The path is missing or empty, or nothing in it can be read.
    """
    left_out = left_out or LeftOut()
    files = source_files(path, suffixes)
    documents = each_file(files, lambda file: read(file, name_within(file, path)), left_out.refusal(path))
    yield from with_text(documents, path, left_out)


def with_text(documents: Iterable[Document], path: Path, left_out: LeftOut) -> Iterator[Document]:
    """The documents that have text.

    Raises:
        KnowledgeError: None has; what was broken first says why, where something was.
    """
    empty = True
    for document in documents:
        if any(section.text.strip() for section in document.sections):
            empty = False
            yield document
        else:
            left_out.add(WITHOUT_TEXT, document.id)
    if empty:
        raise left_out.first_broken or KnowledgeError(
            f"{path} holds no text: correct the path or the fields of this literature source."
        )


def _raise(error: KnowledgeError) -> None:
    raise error
