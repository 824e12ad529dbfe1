"""A causal language model in this process: transformers weights from a local folder, batched."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import KnowledgeError
from knowledge.language.protocol import Sampling

TOKENS_PER_BATCH = 8192
"""Bound of rows x tokens computed at once, so that memory does not grow with the number of prompts."""


class LocalModel:
    """Reads the weights once, at the first call; prompts of one call share the work of their common start.

    A few-shot prompt is mostly that common start, so this makes a call several times faster than plain
    generation. Few-shot text is continued as it stands by default: the 135M model answers it well, and hardly
    at all inside its chat template. Sampling draws each reply from its own random stream, keyed by seed,
    prompt and sample number: beside rounding, a reply does not depend on the prompts it is batched with.

    Args:
        directory: A transformers folder with config, tokenizer and safetensors (see `convert_gguf`).
        chat: Wrap prompts in the tokenizer's chat template where it has one, for larger models tuned on it.
        batch: Rows computed at once.
        device: Of torch.
    """

    def __init__(self, directory: Path, *, chat: bool = False, batch: int = 64, device: str = "cpu") -> None:
        if not (directory / "config.json").is_file():
            raise KnowledgeError(
                f"No language model in {directory}: config.json is missing there; "
                "give a transformers folder or convert a GGUF file first."
            )
        self.directory = directory
        self.chat = chat
        self.batch = batch
        self.device = device

    @cached_property
    def digest(self) -> str:
        """SHA-256 of every file that replies depend on, and of the use of the chat template."""
        total = hashlib.sha256(b"chat" if self.chat else b"plain")
        for file in sorted(self.directory.iterdir()):
            if file.suffix in {".safetensors", ".json", ".jinja"}:
                with file.open("rb") as stream:
                    total.update(file.name.encode() + hashlib.file_digest(stream, "sha256").digest())
        return total.hexdigest()

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer of the folder."""
        from transformers import AutoTokenizer  # noqa: PLC0415 # heavy

        return AutoTokenizer.from_pretrained(self.directory, local_files_only=True)

    @cached_property
    def network(self) -> Any:
        """The model in evaluation mode, float32."""
        import torch  # noqa: PLC0415 # heavy
        from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415

        from knowledge.language import attention  # noqa: PLC0415
        from knowledge.language.loading import quietly  # noqa: PLC0415

        with quietly():
            config = AutoConfig.from_pretrained(self.directory, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(
                self.directory,
                local_files_only=True,
                dtype=torch.float32,
                use_safetensors=True,
                attn_implementation=attention.register() if attention.shares_prefix(config) else "sdpa",
            )
        return model.eval().to(self.device)  # type: ignore[no-untyped-call]

    def complete(self, prompts: Sequence[str], sampling: Sampling) -> list[list[str]]:
        """For each prompt, `sampling.samples` replies, stripped and cut before the first stop string."""
        from knowledge.language.decoding import Decoder  # noqa: PLC0415 # imports torch

        if sampling.temperature == 0 and sampling.samples != 1:
            raise KnowledgeError(
                f"{sampling.samples} samples at temperature 0 would be alike: "
                "ask for 1 or raise the temperature."
            )
        decoder = Decoder(self.network, self.tokenizer, sampling)
        replies: list[list[str]] = [[] for _ in prompts]
        rows = [self.tokens(prompt) for prompt in prompts]
        for chosen in self._batches(rows, copies=sampling.samples):
            texts = decoder.run([rows[i] for i in chosen], [prompts[i] for i in chosen])
            for i, answers in zip(chosen, texts, strict=True):
                replies[i] = answers
        return replies

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities of the options as the next token: `(n, len(options)) float64`, rows sum to 1.

        An option stands for its first token, with or without a leading space or capital. Whatever prompts of
        the call have in common at their start is read once: ask all questions about a report in one call.
        """
        from knowledge.language.attention import NAME  # noqa: PLC0415 # imports torch
        from knowledge.language.branching import Branching  # noqa: PLC0415
        from knowledge.language.decoding import option_probabilities  # noqa: PLC0415

        groups = [self.first_tokens(option) for option in options]
        if not all(groups) or len(set().union(*groups)) != sum(map(len, groups)):
            raise KnowledgeError(
                f"The options {', '.join(options)} are no tokens or begin with the same token: "
                "choose other words."
            )
        rows = self._all_tokens(prompts)
        if self.network.config._attn_implementation == NAME:  # noqa: SLF001 # no public name for it
            return Branching(self.network, groups).probabilities(rows)
        result = np.zeros((len(prompts), len(options)))
        for chosen in self._batches(rows, copies=1):
            result[chosen] = option_probabilities(self.network, [rows[i] for i in chosen], groups)
        return result

    def tokens(self, prompt: str) -> list[int]:
        """The prompt as the network reads it, with the chat template where that is used."""
        if self.chat and self.tokenizer.chat_template:
            prompt = self.tokenizer.apply_chat_template(
                [{"role": "user", "content": prompt}], tokenize=False, add_generation_prompt=True
            )
            return list(self.tokenizer(prompt, add_special_tokens=False)["input_ids"])
        return list(self.tokenizer(prompt)["input_ids"])

    def _all_tokens(self, prompts: Sequence[str]) -> list[list[int]]:
        """The same for many prompts at once."""
        if not prompts or (self.chat and self.tokenizer.chat_template):
            return [self.tokens(prompt) for prompt in prompts]
        return list(self.tokenizer(list(prompts))["input_ids"])

    def first_tokens(self, option: str) -> set[int]:
        """Ids of the first tokens of the option: as given and capitalised, with and without a space."""
        spellings = {space + word for space in ("", " ") for word in (option, option.capitalize())}
        encoded = (self.tokenizer(text, add_special_tokens=False)["input_ids"] for text in spellings)
        return {ids[0] for ids in encoded} - {self.tokenizer.unk_token_id}

    def _batches(self, rows: list[list[int]], *, copies: int) -> list[list[int]]:
        """Row numbers in batches of similar length."""
        order = sorted(range(len(rows)), key=lambda i: (len(rows[i]), i))
        longest = max(map(len, rows), default=1)
        size = max(1, min(self.batch // copies, TOKENS_PER_BATCH // (longest * copies)))
        return [order[start : start + size] for start in range(0, len(order), size)]
