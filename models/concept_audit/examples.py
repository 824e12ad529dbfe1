"""Concept maps of the images that a report shows: those a head is surest of, rightly and wrongly."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.concept_audit.bank_records import ConceptMap
from models.concept_audit.maps import concept_maps
from models.features.table import FeatureTable
from models.grounding.grounder import Grounder
from models.what_if.split_heads import DomainImages, SplitHeads

CONCEPTS = 5  # maps an image


def example_maps(
    heads: SplitHeads, grounder: Grounder, features: FeatureTable, *, cells: int
) -> tuple[ConceptMap, ...]:
    """Maps of the concepts that add most to the answer, either way, in the examples of a split.

    Args:
        heads: Of the split; the first of them is asked.
        grounder: Detectors of the heads' concepts.
        features: That the detectors read.
        cells: Of the grid, along each side.
    """
    head = heads.heads[0]
    return tuple(
        found
        for images in heads.domains()
        for row in surest(head, images)
        for found in maps_of(heads, images, row, grounder=grounder, features=features, cells=cells)
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
    heads: SplitHeads,
    images: DomainImages,
    row: int,
    *,
    grounder: Grounder,
    features: FeatureTable,
    cells: int,
) -> Iterator[ConceptMap]:
    """One image."""
    head, image, scores = heads.heads[0], images.ids[row], images.scores[row]
    winner = int(head.predict(scores[None])[0].argmax())
    largest = head.explain(scores)[winner][:CONCEPTS]
    concept_ids = [each.concept_id for each in largest]
    maps = concept_maps(grounder, features.rows([image]), concept_ids=concept_ids, cells=cells)[0]
    offsets = grounder.subset(concept_ids).bias
    for each, values, offset in zip(largest, maps, offsets, strict=True):
        yield ConceptMap(
            split=heads.split.name,
            domain=images.domain,
            image=image,
            concept_id=each.concept_id,
            rows=cells,
            columns=cells,
            values=flat(values),
            offset=round(float(offset), 6),
            score=round(each.score, 6),
            amount=round(each.amount, 6),
        )


def flat(values: NDArray[np.float64]) -> tuple[float, ...]:
    """Row by row, six digits."""
    return tuple(round(float(value), 6) for value in values.ravel())
