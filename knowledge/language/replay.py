"""A language model that repeats what a call log holds: for tests, audits, machines without weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.language.keys import choice_key, completion_key, structured_key
from knowledge.language.protocol import Sampling
from knowledge.language.replies import open_replies
from knowledge.language.shapes import Shape


class ReplayModel:
    """Answers from a call log alone, which it does not change.

    Args:
        path: The call log of an earlier run.
        digest: The model whose replies are repeated; may be left out where the log holds one model only.
        text_digest: Where texts and structured replies are kept under another, as those of endpoints are.
    """

    def __init__(self, path: Path, *, digest: str | None = None, text_digest: str | None = None) -> None:
        self.log = open_replies(path)
        texts = text_digest or digest or self._only_model("complete", "structured")
        self.digest = digest or self._only_model("choose") or texts or ""
        """Of the choices."""
        self.text_digest = texts or self.digest
        """Of texts and structured replies."""

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        """The replies kept for each prompt."""
        digest = self.text_digest
        return [list(reply) for reply in self._recall([completion_key(digest, p, sampling) for p in prompts])]

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        """The probabilities kept: `(n, len(options)) float64`; all the same where no usable reply came."""
        digest, even = self.digest, [1 / len(options)] * len(options)
        rows = [row or even for row in self._recall([choice_key(digest, p, options) for p in prompts])]
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(options))

    def structured(self, prompts: Sequence[str], shape: Shape, *, max_tokens: int) -> list[Any]:
        """The values kept for each prompt; none where no usable reply came."""
        digest = self.text_digest
        return self._recall([structured_key(digest, p, shape, max_tokens) for p in prompts])

    def _recall(self, keys: Sequence[str]) -> list[Any]:
        distinct = list(dict.fromkeys(keys))
        known = dict.fromkeys(self.log.unusable(distinct)) | self.log.get(distinct)
        missing = sum(key not in known for key in keys)
        if missing:
            raise KnowledgeError(
                f"{missing} of {len(keys)} replies are not in the call log {self.log.path}; "
                "run once with the language model itself, with the same prompts and settings."
            )
        return [known[key] for key in keys]

    def _only_model(self, *kinds: str) -> str | None:
        """The model that has given replies of these kinds, if any has."""
        models = self.log.models(*kinds)
        if len(models) > 1:
            raise KnowledgeError(
                f"The call log {self.log.path} holds replies of {len(models)} models; "
                "name the one to replay as it was named in the earlier run."
            )
        return models[0] if models else None
