"""Worked decisions of the report: for the surest images, what each concept adds to KnoBo's answer."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.domains import DomainSplit
from models.errors import ModelsError
from models.features.table import FeatureTable
from models.images import open_image
from models.scaling import ScalingKind
from pipelines.images_table import read_images
from pipelines.report.input import Contribution, Explanation
from pipelines.run import Run
from pipelines.what_if.heads import load_heads

THUMBNAIL = 192  # pixels
EXPLAINED = 4  # worked examples, two a split


def explanations(run: Run, splits: tuple[DomainSplit, ...]) -> tuple[Explanation, ...]:
    """In the first splits, the image that KnoBo is surest of among those it has right and has wrong."""
    scores = FeatureTable.load(run.path("scores"))
    paths = {record.id: record.path for record in read_images(run.path("images.parquet")).records}
    found: list[Explanation] = []
    for split in splits:
        heads = load_heads(run, split.name)
        if heads and len(found) < EXPLAINED:
            found += explained(split, heads[0], scores, paths)
    return tuple(found)


def explained(
    split: DomainSplit, head: KnoBo, scores: FeatureTable, paths: Mapping[str, Path]
) -> Iterator[Explanation]:
    """One that is right and one that is wrong, of the shifted images where there are any."""
    domain = "shifted" if split.shifted else "in_domain"
    ids = split.shifted or split.in_domain
    values = scores.rows(ids)
    probabilities = head.predict(values)
    right = probabilities.argmax(axis=1) == split.targets(ids)
    for rows, words in ((np.flatnonzero(right), "right"), (np.flatnonzero(~right), "wrong")):
        if not len(rows):
            continue
        row = int(rows[probabilities[rows].max(axis=1).argmax()])
        winner = int(probabilities[row].argmax())
        image = f"{domain.replace('_', '-')} image of {split.name}"
        yield Explanation(
            caption=f"The {image} that KnoBo is surest of and has {words}",
            split=split.name,
            domain=domain,
            truth=split.label[ids[row]],
            predicted=head.classes[winner],
            probability=float(probabilities[row, winner]),
            contributions=contributions(head, values[row], winner),
            other=head.classes[1 - winner] if len(head.classes) == 2 else "",
            image=thumbnail(paths[ids[row]]),
            image_id=ids[row],
        )


def contributions(head: KnoBo, scores: NDArray[np.floating], winner: int) -> tuple[Contribution, ...]:
    """What each of `scores (c,)` adds to the answer, its weight as one of the score itself.

    With two classes to the log odds of the answer, else to its logit.
    """
    scaled = head.scaling.apply(scores[None])[0]
    weight = head.weight[winner].astype(np.float64)
    if len(head.classes) == 2:
        weight = weight - head.weight[1 - winner]
    scale = head.scaling.scale
    if head.scaling.kind is ScalingKind.UNIT:
        scale = scale * (np.linalg.norm(scores) or 1.0)
    rows = zip(head.concept_ids, scores, weight / scale, scaled * weight, head.scaling.center, strict=True)
    return tuple(
        Contribution(concept_id, float(score), float(per_score), float(amount), float(usual))
        for concept_id, score, per_score, amount, usual in rows
    )


def thumbnail(path: Path) -> bytes | None:
    """Small PNG of an image; None where it cannot be read."""
    try:
        image = open_image(path)
    except ModelsError:
        return None
    image.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
