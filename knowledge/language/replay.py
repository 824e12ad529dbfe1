"""A language model that repeats what a call log holds: for tests, audits, machines without weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.language.call_log import CallLog
from knowledge.language.keys import choice_key, completion_key, structured_key
from knowledge.language.protocol import Sampling
from knowledge.language.shapes import Shape


class ReplayModel:
    """Answers from a call log alone.

    Args:
        path: The call log of an earlier run.
        digest: The model whose replies are repeated; may be left out where the log holds one model only.
    """

    def __init__(self, path: Path, *, digest: str | None = None) -> None:
        if not path.is_file():
            raise KnowledgeError(f"No call log at {path} to replay; give the calls.sqlite of an earlier run.")
        self.log = CallLog(path)
        self.digest = digest or self._only_model()

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        """The replies kept for each prompt."""
        return [
            list(reply) for reply in self._recall([completion_key(self.digest, p, sampling) for p in prompts])
        ]

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        """The probabilities kept: `(n, len(options)) float64`."""
        rows = self._recall([choice_key(self.digest, prompt, options) for prompt in prompts])
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(options))

    def structured(self, prompts: Sequence[str], shape: Shape, *, max_tokens: int) -> list[Any]:
        """The values kept for each prompt."""
        return self._recall([structured_key(self.digest, p, shape, max_tokens) for p in prompts])

    def _recall(self, keys: Sequence[str]) -> list[Any]:
        known = self.log.get(list(dict.fromkeys(keys)))
        missing = sum(key not in known for key in keys)
        if missing:
            raise KnowledgeError(
                f"{missing} of {len(keys)} replies are not in the call log {self.log.path}; "
                "run once with the language model itself, with the same prompts and settings."
            )
        return [known[key] for key in keys]

    def _only_model(self) -> str:
        models = self.log.models()
        if len(models) != 1:
            raise KnowledgeError(
                f"The call log {self.log.path} holds replies of {len(models)} models; "
                "name the one to replay by its digest."
            )
        return models[0]
