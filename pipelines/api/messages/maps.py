"""Where in an image concepts are seen."""

from base64 import b64encode
from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipelines.api.messages import examples
from pipelines.api.messages.base import Message, shown

DIGITS = 4  # of a map's values


class PlacedConcept(Message):
    """One concept's map."""

    model_config = shown(examples.placed)

    id: str
    """Of the concept."""
    offset: float
    """What its detector says of every image alike."""
    values: tuple[float, ...]
    """Row by row; their mean and `offset` make the detector's logit."""


class ConceptMaps(Message):
    """Where in an image each detector sees its concept."""

    model_config = shown(examples.maps)

    request: str
    """Number of the request."""
    run: str
    """Name of the run that answers."""
    rows: int
    """Of every map; a map covers the whole picture."""
    columns: int
    """Of every map."""
    concepts: tuple[PlacedConcept, ...]
    """In the order of `/v1/concepts`."""
    picture: str
    """The image as it was read, at most 512 pixels a side, to lay the maps over: a JPEG in base64."""

    @classmethod
    def of(
        cls,
        maps: NDArray[np.floating],
        *,
        concept_ids: Sequence[str],
        offsets: NDArray[np.floating],
        picture: bytes,
        request: str,
        run: str,
    ) -> Self:
        """From maps `(c, h, w)` and what the detectors add, `(c,)`."""
        count, rows, columns = maps.shape
        values = maps.reshape(count, rows * columns).astype(float).round(DIGITS).tolist()
        return cls(
            request=request,
            run=run,
            rows=rows,
            columns=columns,
            concepts=tuple(
                PlacedConcept(id=name, offset=round(offset, DIGITS), values=tuple(each))
                for name, offset, each in zip(concept_ids, offsets.tolist(), values, strict=True)
            ),
            picture=b64encode(picture).decode(),
        )
