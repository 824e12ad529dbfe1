"""Measures yes/no annotation by the local model against one full prompt a pair, on real Open-i reports.

    python tests/benchmarks/annotation_speed.py [--json FILE]

Every question is asked of whole reports and, of a few reports a turn, sentence by
sentence, which is the pipeline's default; both with a call log behind them. A pair is a text and a question:
a report, or a sentence that no earlier report held. The reference is plain transformers on a random few of
the same pairs: full prompts, padded, sorted by length, in batches of the same number of tokens. All take
turns, so that whatever else the machine does slows down all.
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
from knowledge.annotation.report_text import finding_texts  # noqa: E402
from knowledge.annotation.table import Report  # noqa: E402
from knowledge.language import CallLog, LocalModel, LoggedModel  # noqa: E402
from knowledge.language.branching import TOKENS_PER_BATCH  # noqa: E402
from knowledge.language.keys import choice_key  # noqa: E402
from knowledge.prompts.data import as_data  # noqa: E402
from pipelines.weights import find_weights  # noqa: E402

REPORTS = ROOT.parent / "shared" / "data" / "reports" / "openi_gold" / "reports.csv"
N_REPORTS = 200
SMALL, LARGE = 8, 16
"""Reports of a turn, one after the other: the same run tells how time grows with their number."""
REPORTS_BY_SENTENCE = 2
"""Of a turn, the reports that are also asked sentence by sentence, which takes several times as long."""
REFERENCES_A_TURN = 7
"""Full prompts of a turn and way of asking: about one batch."""
SECONDS = float(os.environ.get("ANNOTATION_SECONDS", "420"))
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
class Turn:
    """Some reports, asked by one annotator and in part by the reference.

    Attributes:
        reports: How many.
        pairs: Texts not seen before x questions.
        seconds: Of all pairs.
        plain_seconds: Of the reference, on its few.
        ours: Probabilities of the options for these, `(m, 2)`.
        reference: The same by the reference.
    """

    reports: int
    pairs: int
    seconds: float
    plain_seconds: float
    ours: NDArray[np.float64]
    reference: NDArray[np.float64]


class Asking:
    """One way to ask, whole reports or sentences, with turns as they are measured."""

    def __init__(self, local: LocalModel, log: CallLog, *, by_sentence: bool) -> None:
        self.local, self.log, self.by_sentence = local, log, by_sentence
        self.annotator = LanguageModelAnnotator(LoggedModel(local, log), by_sentence=by_sentence)
        self.seen: set[str] = set()
        self.turns: list[Turn] = []
        self.annotator.log_odds([Report("warm", "Clear lungs.")], QUESTIONS)

    def measure(self, reports: Sequence[Report], plain: "FullPrompts", stream: random.Random) -> None:
        """One turn."""
        texts = [text for report in reports for text in self._texts(report)]
        new = [text for text in dict.fromkeys(texts) if text not in self.seen]
        self.seen.update(new)
        started = time.perf_counter()
        self.annotator.log_odds(reports, QUESTIONS)
        seconds = time.perf_counter() - started
        prompts = [
            PROMPT.format(text=as_data(text), question=question) for text in new for question in QUESTIONS
        ]
        sample = stream.sample(prompts, min(REFERENCES_A_TURN, len(prompts)))
        started = time.perf_counter()
        expected = plain.choose(sample)
        plain_seconds = time.perf_counter() - started
        keys = [choice_key(self.local.digest, prompt, OPTIONS) for prompt in sample]
        known = self.log.get(keys)
        ours = np.array([known[key] for key in keys])
        self.turns.append(Turn(len(reports), len(prompts), seconds, plain_seconds, ours, expected))

    def _texts(self, report: Report) -> Sequence[str]:
        return finding_texts(report.text) if self.by_sentence else (report.text,)


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
    """Milliseconds a pair of both ways, their ratio, agreement, and growth with the number of reports."""
    local = LocalModel(find_weights("smollm2-135m-instruct"))
    plain = FullPrompts(local)
    plain.choose([PROMPT.format(text="Clear lungs.", question=QUESTIONS[0])])
    with tempfile.TemporaryDirectory() as folder, CallLog(Path(folder) / "calls.sqlite") as log:
        whole = Asking(local, log, by_sentence=False)
        sentences = Asking(local, log, by_sentence=True)
        reports, done, stream = read_reports(), 0, random.Random(1)
        begun = time.perf_counter()
        while done < len(reports) and time.perf_counter() - begun < SECONDS:
            some = reports[done : done + (LARGE if len(whole.turns) % 2 else SMALL)]
            whole.measure(some, plain, stream)
            sentences.measure(some[:REPORTS_BY_SENTENCE], plain, stream)
            done += len(some)
    return (
        _figures(whole.turns, "", "whole reports")
        | _figures(sentences.turns, "_by_sentence", "sentence by sentence as the pipeline does by default")
        | _growth(whole.turns)
    )


def _figures(turns: Sequence[Turn], suffix: str, way: str) -> dict[str, Figure]:
    ours, reference = (
        np.concatenate([getattr(turn, name) for turn in turns]) for name in ("ours", "reference")
    )
    pairs = sum(turn.pairs for turn in turns)
    each = sum(turn.seconds for turn in turns) / pairs
    each_plain = sum(turn.plain_seconds for turn in turns) / len(ours)
    what = (
        f"{sum(turn.reports for turn in turns)} Open-i reports x {len(QUESTIONS)} questions, {way}, "
        f"{pairs} pairs of text and question, SmolLM2-135M, call log on"
    )
    against = (
        f"one full prompt a pair by plain transformers, batches of {TOKENS_PER_BATCH} tokens, "
        f"{len(ours)} random pairs of the same run, turn about"
    )
    on = f"on the {len(ours)} pairs, {way}"
    same = float((ours.argmax(1) == reference.argmax(1)).mean())
    apart = float(np.abs(ours - reference).max())
    return {
        f"annotate.ratio_full_prompt{suffix}": Figure(
            each_plain / each, "ratio", f"{what}, against {against}"
        ),
        f"annotate.ms_per_pair{suffix}": Figure(1e3 * each, "ms", what),
        f"annotate.ms_per_pair_full_prompt{suffix}": Figure(1e3 * each_plain, "ms", f"{against}, {way}"),
        f"annotate.same_answers{suffix}": Figure(same, "share", f"Yes or No, {on}"),
        f"annotate.largest_difference{suffix}": Figure(apart, "probability", on),
    }


def _growth(turns: Sequence[Turn]) -> dict[str, Figure]:
    """Time of large turns over that of small ones; nothing where only a small one was measured."""
    large, small = ([turn.seconds for turn in turns if turn.reports == size] for size in (LARGE, SMALL))
    if not large:
        return {}
    how = f"median seconds of turns of {LARGE} reports over turns of {SMALL}, whole reports"
    return {"annotate.linearity": Figure(float(np.median(large) / np.median(small)), "ratio", how)}


if __name__ == "__main__":
    report(measure())
