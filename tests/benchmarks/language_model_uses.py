"""Measures two uses of the language model against their plain alternatives, on tables labelled by hand.

    python tests/benchmarks/language_model_uses.py FOLDER_OF_THE_MODEL [CALL_LOG]

prints, for the test of visibility, the accuracy of the vocabulary rule and of the model; for the prior, the
accuracy where a sign is given, and the coverage, of corpus and model, over the demo handbook.
"""

import csv
import sys
from pathlib import Path

import numpy as np

import models.torchvision_operators  # noqa: F401 # before transformers
from knowledge.class_terms import ClassTerms
from knowledge.concepts import Concept, make_concept
from knowledge.language import CallLog, LocalModel, LoggedModel
from knowledge.language.protocol import LanguageModel
from knowledge.passages import Passage, chunk
from knowledge.priors import Prior, corpus_prior, language_model_prior
from knowledge.quotes import best_quote
from knowledge.screening import LanguageModelVisual, VocabularyVisual
from knowledge.sources.markdown import read_markdown

ROOT = Path(__file__).resolve().parents[2]
TABLES = ROOT / "tests" / "knowledge" / "data"
HANDBOOK = ROOT / "pipelines" / "demo" / "handbook"
NORMAL = ClassTerms("normal", ("normal film",), normal=True)
GROUPS = (
    ("chest_xray", (NORMAL, ClassTerms("abnormal", ("abnormality",), general=True))),
    ("chest_xray", (NORMAL, ClassTerms("pneumonia"))),
    (
        "skin",
        (
            ClassTerms(
                "benign", ("nevus", "naevus", "mole", "keratosis", "hemangioma", "dermatofibroma", "lentigo")
            ),
            ClassTerms("malignant", ("melanoma", "carcinoma", "cancer")),
        ),
    ),
)


def read_table(name: str) -> list[dict[str, str]]:
    """Rows of one labelled table."""
    with (TABLES / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def read_handbook(folder: str) -> list[Passage]:
    """Passages of one half of the demo handbook."""
    documents = read_markdown(HANDBOOK / folder, source="handbook", license="Apache-2.0")
    return [passage for document in documents for passage in chunk(document)]


def measure_visual(model: LanguageModel) -> None:
    """Both tests of visibility."""
    rows = read_table("visual_questions.csv")
    truth = np.array([row["visual"] == "1" for row in rows])
    rule = np.array([passed for passed, _ in VocabularyVisual().judge([row["question"] for row in rows])])
    print(f"visual, vocabulary rule: accuracy {np.mean(rule == truth):.3f} of {len(rows)}")
    shares = np.array(
        [LanguageModelVisual(model, image=row["image"]).probabilities([row["question"]])[0] for row in rows]
    )
    cuts = np.unique(shares)
    best = max(float(np.mean((shares >= cut) == truth)) for cut in cuts)
    order = (shares[truth][:, None] > shares[~truth][None]).mean()
    at_half = np.mean((shares >= 0.5) == truth)
    print(
        f"visual, language model: accuracy {at_half:.3f}, at its best threshold {best:.3f}, AUROC {order:.3f}"
    )
    for row, right, passed in zip(rows, rule == truth, rule, strict=True):
        if not right:
            print(f"  the rule says {'yes' if passed else 'no'}: {row['question']}")


def measure_priors(model: LanguageModel) -> None:
    """Both priors, each class group with all rows of its classes."""
    rows = read_table("prior_signs.csv")
    for folder, classes in GROUPS:
        passages = read_handbook(folder)
        names = [each.name for each in classes]
        chosen = [row for row in rows if row["class"] in names]
        concepts = {q: quoted(q, passages) for q in dict.fromkeys(row["question"] for row in chosen)}
        bank = tuple(concepts.values())
        for kind, prior in (
            ("corpus", corpus_prior(bank, classes, passages)),
            ("language model", language_model_prior(bank, classes, model)),
        ):
            report(kind, names, chosen, prior, [concepts[row["question"]].id for row in chosen])


def quoted(question: str, passages: list[Passage]) -> Concept:
    """The question with the sentence that supports it best, as seed questions get it."""
    found = best_quote(question, passages)
    return make_concept(question, (found[0],) if found and found[1] >= 0.5 else (), question)


def report(kind: str, names: list[str], rows: list[dict[str, str]], prior: Prior, ids: list[str]) -> None:
    """Accuracy where a sign is given, and coverage."""
    given = np.array(
        [
            prior.sign[prior.classes.index(row["class"]), prior.concept_ids.index(each)]
            for row, each in zip(rows, ids, strict=True)
        ]
    )
    truth = np.array([float(row["sign"]) for row in rows])
    covered = given != 0
    right = np.mean(given[covered] == truth[covered]) if covered.any() else float("nan")
    print(
        f"prior {'/'.join(names)}, {kind}: accuracy {right:.3f}, coverage {covered.mean():.3f} of {len(rows)}"
    )
    for row, sign in zip(rows, given, strict=True):
        if sign not in (0, float(row["sign"])) and kind == "corpus":
            print(f"  wrong: {row['class']}: {row['question']} {sign:+.0f}")
        if sign == 0 and kind == "corpus":
            print(f"  abstains: {row['class']}: {row['question']}")


def main() -> None:
    """Run both measurements."""
    log = CallLog(Path(sys.argv[2])) if len(sys.argv) > 2 else None
    local = LocalModel(Path(sys.argv[1]))
    model = LoggedModel(local, log) if log else local
    measure_visual(model)
    measure_priors(model)


if __name__ == "__main__":
    main()
