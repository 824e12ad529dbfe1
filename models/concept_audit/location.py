"""Whether a detector looks where the finding is: concept location (CLM of arXiv 2501.19271)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.concept_audit.answer_records import ConceptLocation
from models.concept_audit.examples import MapSource
from models.concept_audit.existence import TOPS, seen_order
from models.what_if.split_heads import DomainImages, SplitHeads

Centres = Mapping[str, Mapping[str, tuple[float, float]]]

AREAS = (1 / 12, 3 / 12, 6 / 12)
"""Of the map; the paper's alpha is a twelfth."""
UPSAMPLED = 48  # pixels along each side, on which the looked-at area is marked


def looked_at(maps: NDArray[np.float64], *, area: float) -> NDArray[np.bool_]:
    """The highest `area` of each map after upsampling, `(..., 48, 48)`, from maps `(..., r, c)`."""
    large = upsample(maps)
    flat = large.reshape(*maps.shape[:-2], -1)
    count = max(1, round(area * flat.shape[-1]))
    order = np.argsort(-flat, axis=-1, kind="stable")
    marked = np.zeros(flat.shape, dtype=np.bool_)
    np.put_along_axis(marked, order[..., :count], values=True, axis=-1)
    return marked.reshape(large.shape)


def upsample(maps: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bilinear, pixel centres to pixel centres and constant beyond them, `(..., 48, 48)`."""
    for axis in (-2, -1):
        size = maps.shape[axis]
        at = np.clip((np.arange(UPSAMPLED) + 0.5) * size / UPSAMPLED - 0.5, 0, size - 1)
        below = np.floor(at).astype(np.intp)
        share = (at - below).reshape(-1, *([1] * (-1 - axis)))
        above = np.minimum(below + 1, size - 1)
        maps = np.take(maps, below, axis=axis) * (1 - share) + np.take(maps, above, axis=axis) * share
    return maps


def location_share(marked: NDArray[np.bool_], centres: NDArray[np.floating]) -> tuple[float, int]:
    """Share of the centres that lie in the marked area of their map, and how many centres there are.

    Args:
        marked: `(..., r, c)`.
        centres: `(..., 2)` row and column as shares of the image the encoder sees; nan where unknown.
    """
    flat, places = marked.reshape(-1, *marked.shape[-2:]), centres.reshape(-1, 2)
    known = np.flatnonzero(~np.isnan(places).any(axis=1))
    if not len(known):
        return float("nan"), 0
    limits = np.array(marked.shape[-2:])
    at = np.clip((places[known] * limits).astype(np.intp), 0, limits - 1)
    return float(flat[known, at[:, 0], at[:, 1]].mean()), len(known)


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """Pairs of image and concept whose place is known.

    Attributes:
        maps: `(m, r, c)`.
        dealt: `(m, r, c)` maps of the same concepts over other images.
        centres: `(m, 2)`.
    """

    maps: NDArray[np.float64]
    dealt: NDArray[np.float64]
    centres: NDArray[np.float64]


def concept_locations(
    heads: SplitHeads, images: DomainImages, centres: Centres, source: MapSource, *, seed: int = 0
) -> tuple[ConceptLocation, ...]:
    """Of the first one, three and five concepts by weight times score, as in `concept_existence`.

    Args:
        heads: Of the split; the first of them is asked.
        images: Of a domain.
        centres: By image and concept, row and column as shares of the image that the encoder sees.
        source: Of the maps.
        seed: Deals the maps of other images.
    """
    found: list[ConceptLocation] = []
    order = seen_order(heads.heads[0], images.scores)
    for top in (top for top in TOPS if top <= order.shape[1]):
        looks = looks_of(images, order[:, :top], heads.heads[0].concept_ids, centres, source, seed=seed)
        if looks is None:
            continue
        for area in AREAS:
            share, count = location_share(looked_at(looks.maps, area=area), looks.centres)
            base, _ = location_share(looked_at(looks.dealt, area=area), looks.centres)
            found.append(
                ConceptLocation(
                    split=heads.split.name,
                    domain=images.domain,
                    top=top,
                    area=round(area, 6),
                    share=round(share, 6),
                    base=round(base, 6),
                    n=count,
                )
            )
    return tuple(found)


def looks_of(
    images: DomainImages,
    order: NDArray[np.intp],
    concept_ids: Sequence[str],
    centres: Centres,
    source: MapSource,
    *,
    seed: int,
) -> Looks | None:
    """Of the first concepts `(n, t)` of each image; none where no place is known."""
    other = np.random.default_rng(seed).permutation(len(images.ids))
    maps, dealt, places = [], [], []
    for row, image in enumerate(images.ids):
        there = centres.get(image, {})
        known = [name for column in order[row] if (name := concept_ids[column]) in there]
        if known:
            maps.append(source.draw(image, known))
            dealt.append(source.draw(images.ids[other[row]], known))
            places += [there[name] for name in known]
    if not places:
        return None
    return Looks(np.concatenate(maps), np.concatenate(dealt), np.array(places, dtype=np.float64))
