"""Kinds of vector index: which fits, what it will weigh, and how long it will take."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from knowledge.errors import KnowledgeError

FLAT_UP_TO = 200_000
"""Vectors up to which an exact scan answers within some 30 ms."""

FEWEST_IN_LISTS = 256
"""Vectors from which lists can be trained; fewer are kept as they are, whatever the kind."""


class Kind(StrEnum):
    """How vectors are kept in memory."""

    FLAT = "flat"  # as they are; exact
    IVF_SQ8 = "ivf-sq8"  # one byte a dimension, in lists
    SMALL = "small"  # one bit a dimension (RaBitQ), in lists; candidates re-ranked from half floats on disk

    @property
    def in_lists(self) -> bool:
        """Whether vectors lie in lists around trained centroids, of which a search visits some."""
        return self is not Kind.FLAT

    @property
    def target(self) -> float:
        """Recall at ten, of the exact ten best, below which an index is not published by default."""
        return 0.90 if self is Kind.SMALL else 0.98


@dataclass(frozen=True, slots=True)
class Estimate:
    """What an index will cost, before anything is built.

    Attributes:
        kind: Of the index.
        vectors: How many.
        dimension: Of each.
        memory: Bytes that a search holds in memory (mapped from the file, shared between processes).
        disk: Bytes on disk, those in memory among them; passages and lexical index left out.
        seconds: To build on 2 cores, the embedding left out.
        asked: The kind that was asked for, where it is another for want of vectors.
    """

    kind: Kind
    vectors: int
    dimension: int
    memory: int
    disk: int
    seconds: float
    asked: Kind | None = None

    def __str__(self) -> str:
        return (
            f"{self.kind} index of {self.vectors:,} vectors of {self.dimension}: "
            f"{readable(self.memory)} in memory, {readable(self.disk)} on disk, "
            f"about {max(1, round(self.seconds)):,} s to build on 2 cores{self._instead()}"
        )

    def _instead(self) -> str:
        return f" (flat in place of {instead_of(self.asked)})" if self.asked else ""


def instead_of(asked: Kind) -> str:
    """Why an index is flat although another kind was asked for."""
    return f"{asked}, which needs {FEWEST_IN_LISTS} vectors"


def list_count(vectors: int) -> int:
    """Lists of an index: about twice the square root of its vectors, a power of two.

    Fewer than the usual four to sixteen times: training costs their square, and at a million vectors a
    query takes as long with 2,048 lists as with 4,096, for it compares fewer centroids.
    """
    wanted = 2 * vectors**0.5
    lists = 16
    while lists * 2 <= wanted * 1.1:
        lists *= 2
    return min(lists, 65_536)


def estimate(kind: Kind, *, vectors: int, dimension: int) -> Estimate:
    """Bytes by formula (codes, row numbers, centroids), seconds from measurements on 2 cores."""
    lists = list_count(vectors) if kind.in_lists else 0
    a_vector = {Kind.FLAT: 4 * dimension + 8, Kind.IVF_SQ8: dimension + 8, Kind.SMALL: dimension / 8 + 16}
    memory = vectors * a_vector[kind] + lists * (4 * dimension + 8)
    disk = memory + (2 * dimension * vectors if kind is Kind.SMALL else 0)
    width = dimension / 384
    training = 10 * 40 * lists * lists * width / 1.7e8  # ten rounds of k-means, 40 vectors a list
    adding = vectors * (lists / 4096 * 30e-6 + 10e-6) * width
    return Estimate(kind, vectors, dimension, int(memory), int(disk), training + adding)


def choose(*, vectors: int, dimension: int, budget: int | None = None, kind: Kind | None = None) -> Estimate:
    """The kind by size and budget, or the one asked for.

    Raises:
        KnowledgeError: It does not fit the budget; the message says which kind would.
    """
    possible = list(Kind) if vectors >= FEWEST_IN_LISTS else [Kind.FLAT]
    estimates = [estimate(each, vectors=vectors, dimension=dimension) for each in possible]
    fitting = [each for each in estimates if budget is None or each.memory <= budget]
    if kind is not None and kind not in possible:
        wanted = replace(estimates[0], asked=kind)
        fitting = [wanted for _ in fitting]
    elif kind is not None:
        wanted = estimates[possible.index(kind)]
    else:
        natural = estimates if vectors <= FLAT_UP_TO else estimates[1:]
        wanted = next((each for each in natural if each in fitting), natural[0])
    if wanted not in fitting:
        raise KnowledgeError(_too_large(wanted, fitting, estimates, budget or 0))
    return wanted


def _too_large(
    wanted: Estimate, fitting: Sequence[Estimate], estimates: Sequence[Estimate], budget: int
) -> str:
    found = (
        f"An index of kind {wanted.kind} over {wanted.vectors:,} vectors of {wanted.dimension} needs "
        f"{readable(wanted.memory)} of memory, and the budget is {readable(budget)}"
    )
    if fitting:
        other = f"{fitting[0].kind} ({readable(fitting[0].memory)})"
        return f"{found}: choose the kind {other} or a larger budget."
    least = min(estimates, key=lambda each: each.memory)
    other = f"{readable(least.memory)} ({least.kind})"
    return f"{found}: no kind fits, so give at least {other} or index fewer passages."


_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def readable(size: float) -> str:
    """Bytes for people: `398 MB`, `1.54 GB`, three digits."""
    unit = next((unit for unit, step in _UNITS.items() if size < 999.5 * step), "TB")
    return f"{size / _UNITS[unit]:.3g} {unit}"


def parse_size(text: str) -> int:
    """Bytes of `2GB`, `800 MB` or a plain number.

    Raises:
        KnowledgeError: It is none of these.
    """
    match = re.fullmatch(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([KMGT]?B)?\s*", text, flags=re.IGNORECASE)
    if match is None or float(match[1]) <= 0:
        raise KnowledgeError(f"{text!r} is not a size of memory: write it like 800MB or 2GB.")
    return int(float(match[1]) * _UNITS[(match[2] or "B").upper()])
