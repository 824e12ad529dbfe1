"""What changing one score adds to the logits: the head is linear, so changes of several scores add up."""

import numpy as np
from numpy.typing import NDArray

from models.bottleneck import KnoBo
from models.errors import ModelsError
from models.scaling import ScalingKind


def effects(head: KnoBo, scores: NDArray[np.floating], values: NDArray[np.floating]) -> NDArray[np.float64]:
    """What each concept adds to each logit when its score becomes its value, `(n, k, c)`.

    Args:
        head: Of `k` classes.
        scores: `(n, c)` as they are.
        values: `(n, c)` or `(c,)` as they are to be; an effect is nan where its value is.

    Raises:
        ModelsError: The head divides every image's scores by their length, so that one moves all others.
    """
    if head.scaling.kind is ScalingKind.UNIT:
        raise ModelsError(
            "the head divides each image's scores by their length, so that no concept can be changed alone; "
            'fit it with scores = "center" or "none"'
        )
    wanted = np.broadcast_to(values, scores.shape)
    moved = head.scaling.apply(wanted) - head.scaling.apply(scores)
    return np.asarray(moved[:, None, :] * head.weight.astype(np.float64), dtype=np.float64)
