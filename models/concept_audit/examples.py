"""Concept maps of the images that a report shows: those a head is surest of, rightly and wrongly."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.concept_audit.bank_records import ConceptMap
from models.concept_audit.maps import concept_maps, fine_maps, pooled
from models.features.table import FeatureTable
from models.grounding.grounder import Grounder
from models.what_if.split_heads import DomainImages, SplitHeads

CONCEPTS = 5  # maps an image


class MapSource(Protocol):
    """Draws maps of concepts over images."""

    def draw(self, image: str, concept_ids: Sequence[str]) -> NDArray[np.float64]:
        """`(len(concept_ids), r, c)`."""
        ...


@dataclass(frozen=True, slots=True)
class CoarseMaps:
    """One number a cell, from the features alone."""

    grounder: Grounder
    features: FeatureTable
    cells: int

    def draw(self, image: str, concept_ids: Sequence[str]) -> NDArray[np.float64]:
        """`(len(concept_ids), cells, cells)`."""
        features = self.features.rows([image])
        maps = concept_maps(self.grounder, features, concept_ids=concept_ids, cells=self.cells)
        return np.asarray(maps[0])


@dataclass(frozen=True, slots=True)
class FineMaps:
    """One number a pixel of the encoder's inner map, where it is at hand and agrees with the features."""

    coarse: CoarseMaps
    inner: Mapping[str, NDArray[np.float32]]

    def draw(self, image: str, concept_ids: Sequence[str]) -> NDArray[np.float64]:
        """`(len(concept_ids), h, w)`, or as many cells as there are."""
        inner, grid = self.inner.get(image), self.coarse
        if inner is None or not self.agrees(image):
            return grid.draw(image, concept_ids)
        maps = fine_maps(grid.grounder, inner[None], concept_ids=concept_ids, cells=grid.cells)
        return np.asarray(maps[0])

    def agrees(self, image: str) -> bool:
        """Whether the averages of the inner map are the image's features."""
        features = self.coarse.features.rows([image])
        averages = pooled(self.inner[image][None], self.coarse.cells)
        return averages.shape == features.shape and np.allclose(averages, features, rtol=0.01, atol=0.01)


def example_images(heads: SplitHeads) -> tuple[str, ...]:
    """Those that `example_maps` draws."""
    return tuple(images.ids[row] for images in heads.domains() for row in surest(heads.heads[0], images))


def example_maps(heads: SplitHeads, source: MapSource, *, grounder: Grounder) -> tuple[ConceptMap, ...]:
    """Maps of the concepts that add most to the answer, either way, in the examples of a split.

    Args:
        heads: Of the split; the first of them is asked.
        source: Of the maps.
        grounder: Detectors of the heads' concepts.
    """
    return tuple(
        found
        for images in heads.domains()
        for row in surest(heads.heads[0], images)
        for found in maps_of(heads, images, row, source=source, grounder=grounder)
    )


def surest(head: KnoBo, images: DomainImages) -> list[int]:
    """The image that the head is surest of among those it has right, and among those it has wrong."""
    probabilities = head.predict(images.scores)
    right = probabilities.argmax(axis=1) == images.labels
    return [
        int(rows[probabilities[rows].max(axis=1).argmax()])
        for rows in (np.flatnonzero(right), np.flatnonzero(~right))
        if len(rows)
    ]


def maps_of(
    heads: SplitHeads, images: DomainImages, row: int, *, source: MapSource, grounder: Grounder
) -> Iterator[ConceptMap]:
    """One image."""
    head, image, scores = heads.heads[0], images.ids[row], images.scores[row]
    winner = int(head.predict(scores[None])[0].argmax())
    largest = head.explain(scores)[winner][:CONCEPTS]
    concept_ids = [each.concept_id for each in largest]
    offsets = grounder.subset(concept_ids).bias
    for each, values, offset in zip(largest, source.draw(image, concept_ids), offsets, strict=True):
        rows, columns = values.shape
        yield ConceptMap(
            split=heads.split.name,
            domain=images.domain,
            image=image,
            concept_id=each.concept_id,
            rows=rows,
            columns=columns,
            values=tuple(round(float(value), 4) for value in values.ravel()),
            offset=round(float(offset), 4),
            score=round(each.score, 6),
            amount=round(each.amount, 6),
        )
