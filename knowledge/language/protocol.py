"""What the pipeline asks of a language model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from knowledge.language.shapes import Shape


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a continuation is drawn.

    Attributes:
        max_tokens: Upper bound of the reply.
        samples: Replies drawn per prompt.
        temperature: 0 is greedy (then `samples` must be 1).
        seed: Same seed, same machine, same replies.
        stop: The reply ends before the first of these strings.
    """

    max_tokens: int = 48
    samples: int = 1
    temperature: float = 0.0
    seed: int = 0
    stop: tuple[str, ...] = ("\n",)


class LanguageModel(Protocol):
    """A text model, local or remote.

    `digest` names the weights (or endpoint, model and revision); with prompt and `Sampling` it is the key
    under which replies are kept.
    """

    @property
    def digest(self) -> str:
        """SHA-256 in hexadecimal."""
        ...

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        """For each prompt, `sampling.samples` replies."""
        ...

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities of the options as the next token: `(n, len(options)) float64`, rows sum to 1."""
        ...


@runtime_checkable
class StructuredModel(LanguageModel, Protocol):
    """A language model that also gives values of a fixed shape, checked by our own code."""

    def structured(self, prompts: Sequence[str], shape: Shape, *, max_tokens: int) -> list[Any]:
        """For each prompt a value of the shape; none where the model gives none."""
        ...


@runtime_checkable
class Concurrent(Protocol):
    """A model that answers several calls at once; each of them is asked for one prompt and kept at once."""

    @property
    def concurrency(self) -> int:
        """Calls at once."""
        ...


@runtime_checkable
class Distant(Protocol):
    """A model on a server, which may have changed since it was last asked, and may reply unusably."""

    @property
    def text_digest(self) -> str:
        """What texts are kept under; `digest` is that of choices."""
        ...

    def confirm(self) -> None:
        """See that it is still the model that the digests name; they may change with it."""
        ...

    def chances(self, prompts: Sequence[str], options: Sequence[str]) -> list[list[float] | None]:
        """`choose`, but none where no usable reply came."""
        ...
