"""Measures yes/no annotation by the local model against one full prompt a pair, on real Open-i reports.

    python tests/benchmarks/annotation_speed.py [--json FILE]

Every report is asked every question, as the annotator asks it, with a call log behind it. The reference is
plain transformers: full prompts, padded, sorted by length, in batches of the same number of tokens. Both
take turns, so that whatever else the machine does slows down both.
"""

import csv
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from figures import Figure, report  # noqa: E402

import models.torchvision_operators  # noqa: E402, F401 # before transformers
from knowledge.annotation.language_model import OPTIONS, PROMPT, LanguageModelAnnotator  # noqa: E402
from knowledge.annotation.table import Report  # noqa: E402
from knowledge.language import CallLog, LocalModel, LoggedModel  # noqa: E402
from knowledge.language.branching import TOKENS_PER_BATCH  # noqa: E402
from knowledge.language.keys import choice_key  # noqa: E402
from pipelines.weights import find_weights  # noqa: E402

REPORTS = ROOT.parent / "shared" / "data" / "reports" / "openi_gold" / "reports.csv"
N_REPORTS = 200
SMALL, LARGE = 8, 16
"""Reports of a turn, one after the other: the same run tells how time grows with their number."""
REFERENCES_A_TURN = 7
"""Full prompts of a turn: about one batch."""
SECONDS = float(os.environ.get("ANNOTATION_SECONDS", "200"))
"""No turn is begun after that; a busy machine then measures fewer reports, and says how many."""
QUESTIONS = (
    "Is the cardiac silhouette enlarged?",
    "Is the costophrenic angle blunted?",
    "Is there a pleural effusion?",
    "Is there a focal airspace opacity?",
    "Are there Kerley B lines?",
    "Is there an air bronchogram?",
    "Is the hemidiaphragm raised?",
    "Is the trachea shifted?",
    "Is the diaphragm flattened?",
    "Is there a calcified granuloma?",
    "Is there a cavity with an air-fluid level?",
    "Is the aorta tortuous?",
    "Is there a thin white pleural line?",
    "Is there a compression deformity of a vertebra?",
    "Is there patchy airspace opacity?",
    "Is there bibasilar atelectasis?",
    "Is there a spiculated nodule?",
    "Is there focal consolidation in one lobe?",
    "Are both lungs clear?",
    "Is there a central venous catheter?",
    "Are there surgical clips?",
    "Is there a pacemaker?",
    "Are the pulmonary vessels engorged?",
    "Is there a hiatal hernia?",
    "Are the lungs hyperinflated?",
    "Is there a rib fracture?",
    "Is there pleural thickening?",
    "Is there a pneumothorax?",
    "Are there degenerative changes of the spine?",
    "Is the mediastinum widened?",
)


@dataclass(frozen=True, slots=True)
class Pair:
    """A prompt, and what each way made of it."""

    ours: NDArray[np.float64]
    reference: NDArray[np.float64]


def read_reports() -> list[Report]:
    """Findings and impression of a random sample of the reports that have both."""
    with REPORTS.open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["findings"] and row["impression"]]
    chosen = random.Random(0).sample(rows, N_REPORTS)
    return [Report(row["uid"], f"{row['findings']} {row['impression']}") for row in chosen]


class FullPrompts:
    """Plain transformers, one full prompt a pair."""

    def __init__(self, model: LocalModel) -> None:
        import torch
        from transformers import AutoModelForCausalLM

        self.model = model
        network: Any = AutoModelForCausalLM.from_pretrained(model.directory, dtype=torch.float32)
        self.network = network.eval()
        self.groups = [sorted(model.first_tokens(option)) for option in OPTIONS]

    def choose(self, prompts: Sequence[str]) -> NDArray[np.float64]:
        """Probabilities of the options: `(n, 2)`."""
        rows = sorted(((self.model.tokens(prompt), i) for i, prompt in enumerate(prompts)), key=_length)
        size = max(1, TOKENS_PER_BATCH // len(rows[-1][0]))
        found = np.zeros((len(prompts), 2))
        for start in range(0, len(rows), size):
            batch = rows[start : start + size]
            found[[i for _, i in batch]] = self._batch([tokens for tokens, _ in batch])
        return found

    def _batch(self, rows: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        import torch

        width = max(map(len, rows))
        ids, mask = (torch.zeros((len(rows), width), dtype=torch.long) for _ in range(2))
        for i, row in enumerate(rows):
            ids[i, width - len(row) :], mask[i, width - len(row) :] = torch.tensor(row), 1
        with torch.inference_mode():
            logits = self.network(
                input_ids=ids,
                attention_mask=mask,
                position_ids=(mask.cumsum(1) - 1).clamp(min=0),
                use_cache=False,
                logits_to_keep=1,
            ).logits[:, -1]
        scores = torch.stack([logits[:, group].double().logsumexp(-1) for group in self.groups], -1)
        shares: NDArray[np.float64] = scores.softmax(-1).numpy()
        return shares


def _length(row: tuple[list[int], int]) -> int:
    return len(row[0])


def measure() -> dict[str, Figure]:
    """Seconds a pair of both ways, their ratio, agreement, and growth with the number of reports."""
    local = LocalModel(find_weights("smollm2-135m-instruct"))
    reference = FullPrompts(local)
    with tempfile.TemporaryDirectory() as folder, CallLog(Path(folder) / "calls.sqlite") as log:
        annotator = LanguageModelAnnotator(LoggedModel(local, log), by_sentence=False)
        reports = read_reports()
        annotator.log_odds([Report("warm", "Clear lungs.")], QUESTIONS)
        reference.choose([PROMPT.format(text="Clear lungs.", question=QUESTIONS[0])])
        stream = random.Random(1)
        sizes: list[int] = []
        seconds, plain_seconds, pairs = [], [], []
        begun = time.perf_counter()
        while sum(sizes) < len(reports) and time.perf_counter() - begun < SECONDS:
            sizes.append(LARGE if len(sizes) % 2 else SMALL)
            some = reports[sum(sizes[:-1]) : sum(sizes)]
            started = time.perf_counter()
            annotator.log_odds(some, QUESTIONS)
            seconds.append(time.perf_counter() - started)
            prompts = [
                PROMPT.format(text=" ".join(item.text.split()), question=question)
                for item in some
                for question in QUESTIONS
            ]
            sample = stream.sample(prompts, REFERENCES_A_TURN)
            started = time.perf_counter()
            expected = reference.choose(sample)
            plain_seconds.append(time.perf_counter() - started)
            keys = [choice_key(local.digest, prompt, OPTIONS) for prompt in sample]
            known = log.get(keys)
            pairs += [Pair(np.array(known[key]), row) for key, row in zip(keys, expected, strict=True)]
    return _figures(sizes, seconds, plain_seconds, pairs)


def _figures(
    sizes: Sequence[int], seconds: Sequence[float], plain: Sequence[float], pairs: Sequence[Pair]
) -> dict[str, Figure]:
    each = sum(seconds) / (sum(sizes) * len(QUESTIONS))
    each_plain = sum(plain) / len(pairs)
    same = np.mean([np.argmax(pair.ours) == np.argmax(pair.reference) for pair in pairs])
    apart = max(float(np.abs(pair.ours - pair.reference).max()) for pair in pairs)
    what = (
        f"{sum(sizes)} Open-i reports x {len(QUESTIONS)} questions, whole reports, SmolLM2-135M, call log on"
    )
    against = (
        f"one full prompt a pair by plain transformers, batches of {TOKENS_PER_BATCH} tokens, "
        f"{len(pairs)} random pairs of the same run, turn about"
    )
    growth = float(np.median(seconds[1::2]) / np.median(seconds[::2]))
    return {
        "annotate.ratio_full_prompt": Figure(each_plain / each, "ratio", f"{what}, against {against}"),
        "annotate.ms_per_pair": Figure(1e3 * each, "ms", what),
        "annotate.ms_per_pair_full_prompt": Figure(1e3 * each_plain, "ms", against),
        "annotate.same_answers": Figure(float(same), "share", f"Yes or No, on the {len(pairs)} pairs"),
        "annotate.largest_difference": Figure(apart, "probability", f"on the {len(pairs)} pairs"),
        "annotate.linearity": Figure(
            growth, "ratio", f"median seconds of turns of {LARGE} reports over turns of {SMALL}"
        ),
    }


if __name__ == "__main__":
    report(measure())
