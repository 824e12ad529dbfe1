from collections.abc import Iterator

import numpy as np

from models.domains import DomainSplit
from models.evaluation.operating_points import operating_point
from models.evaluation.predictions import Predictions


class Counted(tuple[str, ...]):
    """Image ids that count how often somebody goes through all of them."""

    __slots__ = ()
    passes = 0

    def __iter__(self) -> Iterator[str]:
        Counted.passes += 1
        return super().__iter__()


def test_validation_images_are_looked_up_without_going_through_all_images_for_each() -> None:
    ids = tuple(f"{row}" for row in range(200))
    split = DomainSplit(
        name="s",
        classes=("no", "yes"),
        attribute="",
        train=(),
        validation=ids,
        in_domain=(),
        shifted=(),
        label={image: ("no", "yes")[row % 2] for row, image in enumerate(ids)},
        patient={},
        checks=(),
    )
    yes = np.linspace(0, 1, 200)[None]
    own = Predictions("knobo", "s", (0,), Counted(ids), np.stack([1 - yes, yes], axis=2))
    Counted.passes = 0
    assert operating_point(split, own).source == "validation"
    assert Counted.passes < 5
