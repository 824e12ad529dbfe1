"""Drawing replies, and the probabilities of options: the torch side of `LocalModel`."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from knowledge.language.protocol import Sampling
from knowledge.language.reading import Reading


class Decoder:
    """Draws replies for one `Sampling`."""

    def __init__(self, network: Any, tokenizer: Any, sampling: Sampling) -> None:
        self.network = network
        self.tokenizer = tokenizer
        self.sampling = sampling
        ends = network.generation_config.eos_token_id
        self.ends = {tokenizer.eos_token_id} | set(ends if isinstance(ends, list) else [ends])

    @torch.inference_mode()
    def run(self, rows: Sequence[Sequence[int]], keys: Sequence[str]) -> list[list[str]]:
        """Replies of each row; `keys` seed their random streams."""
        samples = self.sampling.samples
        state = Reading(self.network, rows)
        state.select([i for i in range(len(rows)) for _ in range(samples)])
        streams = [random_stream(self.sampling.seed, key, k) for key in keys for k in range(samples)]
        replies: list[list[int]] = [[] for _ in streams]
        active = list(range(len(streams)))
        for step in range(self.sampling.max_tokens):
            drawn = self._draw(state.logits, [streams[i] for i in active])
            going = [k for k, token in enumerate(drawn) if self._extend(replies[active[k]], token)]
            if not going or step + 1 == self.sampling.max_tokens:
                break
            state.select(going)
            active = [active[k] for k in going]
            state.step([[drawn[k]] for k in going])
        texts = [self._text(reply) for reply in replies]
        return [texts[i : i + samples] for i in range(0, len(texts), samples)]

    def _draw(self, logits: torch.Tensor, streams: Sequence[np.random.Generator]) -> list[int]:
        if self.sampling.temperature == 0:
            return [int(token) for token in logits.argmax(-1)]
        shares = (logits.double() / self.sampling.temperature).softmax(-1).cumsum(-1)
        points = torch.tensor([stream.random() for stream in streams], device=logits.device).double()
        drawn = torch.searchsorted(shares, points[:, None] * shares[:, -1:], right=True)[:, 0]
        return [int(token) for token in drawn.clamp(max=logits.shape[-1] - 1)]

    def _extend(self, reply: list[int], token: int) -> bool:
        """Add a token; whether the reply goes on."""
        if token in self.ends:
            return False
        reply.append(token)
        text = self._raw(reply)
        return not any(stop in text for stop in self.sampling.stop)

    def _raw(self, reply: list[int]) -> str:
        text: str = self.tokenizer.decode(reply, skip_special_tokens=True)
        return text.lstrip()

    def _text(self, reply: list[int]) -> str:
        text = self._raw(reply)
        ends = [at for stop in self.sampling.stop if (at := text.find(stop)) >= 0]
        return text[: min(ends, default=len(text))].strip()


def random_stream(seed: int, key: str, sample: int) -> np.random.Generator:
    """A generator of its own for one reply."""
    digest = hashlib.sha256(f"{seed}\0{sample}\0{key}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


@torch.inference_mode()
def option_probabilities(
    network: Any, rows: Sequence[Sequence[int]], groups: Sequence[set[int]]
) -> NDArray[np.float64]:
    """Share of each group of next tokens among all groups: `(n, groups) float64`."""
    logits = Reading(network, rows).logits.double()
    scores = torch.stack([logits[:, sorted(group)].logsumexp(-1) for group in groups], -1)
    shares: NDArray[np.float64] = scores.softmax(-1).cpu().numpy()
    return shares
