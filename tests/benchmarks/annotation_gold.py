"""Precision, recall and F1 of the annotators against the gold findings of the Open-i reports.

    python tests/benchmarks/annotation_gold.py [--subset other] [--model FOLDER --reports 100]

The gold knows positives only (made from human MeSH indexing): YES is positive, NO and UNKNOWN are not.
The rules were developed on the subset `other`; `negbio_test` is the held-out one.
"""

import argparse
import csv
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from figures import Figure, report  # noqa: E402

from knowledge.annotation.language_model import LanguageModelAnnotator  # noqa: E402
from knowledge.annotation.lexicon import load_lexicon  # noqa: E402
from knowledge.annotation.rules import RuleAnnotator  # noqa: E402
from knowledge.annotation.table import AnnotationTable, Annotator, Answer, Report  # noqa: E402
from knowledge.concepts import Concept  # noqa: E402

REPORTS = ROOT.parent / "shared" / "data" / "reports" / "openi_gold" / "reports.csv"
FREQUENT = 20
"""Positives in `negbio_test` from which a finding counts for the micro average."""
QUESTIONS = {
    "atelectasis": "Is there atelectasis?",
    "cardiomegaly": "Is there cardiomegaly?",
    "consolidation": "Is there consolidation?",
    "edema": "Is there pulmonary edema?",
    "effusion": "Is there a pleural effusion?",
    "emphysema": "Is there emphysema?",
    "fibrosis": "Is there fibrosis?",
    "infiltration": "Is there an infiltrate?",
    "mass": "Is there a mass?",
    "nodule": "Is there a lung nodule?",
    "pleural_thickening": "Is there pleural thickening?",
    "pneumonia": "Is there pneumonia?",
    "pneumothorax": "Is there a pneumothorax?",
}


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one finding, or of several added up."""

    finding: str
    hits: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        return self.hits / max(1, self.hits + self.false)

    @property
    def recall(self) -> float:
        return self.hits / max(1, self.hits + self.missed)

    @property
    def f1(self) -> float:
        return 2 * self.hits / max(1, 2 * self.hits + self.false + self.missed)

    def __str__(self) -> str:
        """One line of the table."""
        figures = f"{self.precision:9.3f} {self.recall:6.3f} {self.f1:6.3f}"
        counts = f"{self.hits + self.missed:9} {self.hits:5} {self.false:6} {self.missed:6}"
        return f"{self.finding:20} {counts} {figures}"


def read_gold(subset: str) -> list[Mapping[str, str]]:
    """Rows of one subset."""
    with REPORTS.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["gold_subset"] == subset]


def frequent_findings() -> list[str]:
    """Findings with enough positives in the held-out subset."""
    rows = read_gold("negbio_test")
    return [name for name in QUESTIONS if sum(int(row[f"gold_{name}"]) for row in rows) >= FREQUENT]


def annotate(
    annotator: Annotator, rows: Sequence[Mapping[str, str]], findings: Sequence[str]
) -> AnnotationTable:
    """Answers on findings and impression; a finding's name is its concept id."""
    reports = [Report(row["uid"], f"{row['findings']}\n\n{row['impression']}") for row in rows]
    concepts = [Concept(name, QUESTIONS[name], (), "") for name in findings]
    return annotator.annotate(reports, concepts)


def score(table: AnnotationTable, rows: Sequence[Mapping[str, str]]) -> list[Score]:
    """One score per finding."""
    scores = []
    for column, name in enumerate(table.concept_ids):
        gold = np.array([row[f"gold_{name}"] == "1" for row in rows])
        said = table.answer[:, column] == Answer.YES
        counts = (int(np.sum(mask)) for mask in (said & gold, said & ~gold, ~said & gold))
        scores.append(Score(name, *counts))
    return scores


def micro(scores: Sequence[Score], findings: Sequence[str]) -> Score:
    """Counts of the named findings added up."""
    chosen = [one for one in scores if one.finding in findings]
    return Score(
        "micro", sum(s.hits for s in chosen), sum(s.false for s in chosen), sum(s.missed for s in chosen)
    )


def show(annotator: Annotator, rows: Sequence[Mapping[str, str]], findings: Sequence[str]) -> None:
    """Prints the table of one annotator."""
    start = time.perf_counter()
    scores = score(annotate(annotator, rows, findings), rows)
    seconds = time.perf_counter() - start
    frequent = frequent_findings()
    lines = [
        f"\n{annotator.name}: {len(rows)} reports x {len(findings)} questions in {seconds:.1f} s",
        f"{'finding':20} {'positives':>9} {'hits':>5} {'false':>6} {'missed':>6} precision recall     f1",
        *(str(one) for one in scores),
        f"{micro(scores, frequent)} over {', '.join(frequent)}",
        f"{micro(scores, findings)} over all",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def measure(subset: str) -> dict[str, Figure]:
    """F1 of the rules over the frequent findings."""
    rows = read_gold(subset)
    scores = score(annotate(RuleAnnotator(load_lexicon("chest_xray")), rows, list(QUESTIONS)), rows)
    total, frequent = micro(scores, frequent_findings()), frequent_findings()
    how = f"micro average over {len(frequent)} findings, {len(rows)} reports of {subset}, rules"
    return {
        "annotation.f1": Figure(total.f1, "F1", how),
        "annotation.precision": Figure(total.precision, "share", how),
        "annotation.recall": Figure(total.recall, "share", how),
    }


def main() -> None:
    """Runs the annotators that the command line asks for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--subset", choices=("negbio_test", "other"), default="negbio_test")
    options.add_argument("--model", type=Path, help="transformers folder of a language model")
    options.add_argument("--reports", type=int, default=100, help="sample for the language model")
    options.add_argument("--json", type=Path, help="file to write the figures of the rules to")
    arguments = options.parse_args()
    rows = read_gold(arguments.subset)
    show(RuleAnnotator(load_lexicon("chest_xray")), rows, list(QUESTIONS))
    report(measure(arguments.subset))
    if arguments.model is not None:
        import models.torchvision_operators  # noqa: F401  # before transformers
        from knowledge.language.local import LocalModel

        sample = np.random.default_rng(0).permutation(len(rows))[: arguments.reports]
        chosen = [rows[i] for i in sorted(sample)]
        model = LocalModel(arguments.model, chat=False)
        show(RuleAnnotator(load_lexicon("chest_xray")), chosen, frequent_findings())
        for by_sentence in (True, False):
            show(LanguageModelAnnotator(model, by_sentence=by_sentence), chosen, frequent_findings())


if __name__ == "__main__":
    main()
