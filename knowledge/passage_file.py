"""A passages file as a mapping from id to passage that leaves the passages on disk."""

import os
import weakref
from array import array
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from itertools import pairwise
from json import JSONDecoder
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.passage_ids import id_hash as _hash
from knowledge.passages import Passage, parse_passage

_OPENING = '{"id": '
_decode = JSONDecoder().raw_decode
_BLOCK = 1 << 20
"""Bytes read at once while streaming."""


class PassageFile(Mapping[str, Passage]):
    """The passages of a file that `write_passages` wrote, found by id without holding them in memory.

    Opening reads the file once and keeps 20 bytes a passage: where its line begins, a hash of its id, and
    the order of the hashes. A lookup is a binary search and one read; `values()` streams in the order of the
    file. The file that was opened goes on being read when another takes its name. Threads may share it.
    """

    def __init__(self, path: Path) -> None:
        """Index the file.

        Raises:
            KnowledgeError: The file is missing, holds a line that is no passage, or an id twice.
        """
        if not path.is_file():
            raise KnowledgeError(f"There is no passages file {path}: gather the literature first.")
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)
        starts, hashes = self._scan()
        self._starts = starts  # of each line and of the end: (n + 1)
        self._rows = np.argsort(hashes, kind="stable").astype(np.uint32)  # in the order of the hashes: (n)
        self._hashes = np.sort(hashes)  # (n)
        self._refuse_repeated_ids()

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, passage_id: str) -> Passage:
        row = self._row(passage_id)
        if row is None:
            raise KeyError(passage_id)
        return parse_passage(self._line(row), self.path, row + 1)

    def __contains__(self, passage_id: object) -> bool:
        return isinstance(passage_id, str) and self._row(passage_id) is not None

    def __iter__(self) -> Iterator[str]:
        return (self._id(line, number) for number, line in self._lines())

    def values(self) -> ValuesView[Passage]:
        """The passages in the order of the file, read as they are asked for."""
        return _Values(self)

    def items(self) -> ItemsView[str, Passage]:
        """Ids and passages in the order of the file, read as they are asked for."""
        return _Items(self)

    def stream(self) -> Iterator[Passage]:
        """What `values` iterates over."""
        return (parse_passage(line, self.path, number) for number, line in self._lines())

    def _scan(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Offsets of the lines and of the end (n + 1), and the hashes of their ids (n)."""
        starts, hashes, position = array("q"), array("Q"), 0
        with open(self._descriptor, "rb", closefd=False) as file:
            for number, line in enumerate(file, start=1):
                starts.append(position)
                hashes.append(_hash(self._id(line, number)))
                position += len(line)
        starts.append(position)
        return np.frombuffer(starts, np.int64), np.frombuffer(hashes, np.uint64)

    def _id(self, line: bytes, number: int) -> str:
        """The id alone where the line is as `write_passages` writes it: ten times faster than all of it."""
        try:
            text = line.decode()
            value, _ = _decode(text, len(_OPENING))
            if isinstance(value, str) and text.startswith(_OPENING) and text.endswith("}\n"):
                value.encode()
                return value
        except (ValueError, RecursionError):
            pass  # the whole line tells what is wrong with it
        return parse_passage(line, self.path, number).id

    def _row(self, passage_id: str) -> int | None:
        key = np.uint64(_hash(passage_id))
        place = int(np.searchsorted(self._hashes, key))
        while place < len(self._hashes) and self._hashes[place] == key:
            row = int(self._rows[place])
            if self._id(self._line(row), row + 1) == passage_id:
                return row
            place += 1
        return None

    def _line(self, row: int) -> bytes:
        start, end = int(self._starts[row]), int(self._starts[row + 1])
        return os.pread(self._descriptor, end - start, start)

    def _lines(self) -> Iterator[tuple[int, bytes]]:
        """Number from 1 and content of each line; blocks of whole lines are read at once."""
        row = 0
        while row < len(self):
            start = int(self._starts[row])
            stop = int(np.searchsorted(self._starts, start + _BLOCK, side="right")) - 1
            stop = min(max(stop, row + 1), len(self))
            block = memoryview(os.pread(self._descriptor, int(self._starts[stop]) - start, start))
            cuts = (self._starts[row : stop + 1] - start).tolist()
            for begin, end in pairwise(cuts):
                row += 1
                yield row, bytes(block[begin:end])

    def _refuse_repeated_ids(self) -> None:
        same = np.flatnonzero(self._hashes[1:] == self._hashes[:-1])
        found: dict[str, int] = {}
        for row in self._rows[np.union1d(same, same + 1)].tolist():
            repeated = self._id(self._line(row), row + 1)
            if repeated in found:
                raise KnowledgeError(
                    f"{self.path} lines {found[repeated] + 1} and {row + 1} have the same id {repeated}: "
                    "gather the literature again."
                )
            found[repeated] = row


class _Values(ValuesView[Passage]):
    """Streams instead of looking up one id after the other."""

    def __init__(self, file: PassageFile) -> None:
        super().__init__(file)
        self._file = file

    def __iter__(self) -> Iterator[Passage]:
        return self._file.stream()


class _Items(ItemsView[str, Passage]):
    """Streams instead of looking up one id after the other."""

    def __init__(self, file: PassageFile) -> None:
        super().__init__(file)
        self._file = file

    def __iter__(self) -> Iterator[tuple[str, Passage]]:
        return ((passage.id, passage) for passage in self._file.stream())
