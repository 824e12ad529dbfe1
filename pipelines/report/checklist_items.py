"""What reporting guidelines ask of a study like this, topic by topic, and how a run is looked at for each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from pipelines.report.input import ReportInput

State = Literal["present", "absent", "not applicable"]
Found = tuple[State, str, str]
"""What it says, in which section, and what remains to be said by the authors."""


@dataclass(frozen=True, slots=True)
class Item:
    """One topic that the guidelines ask for."""

    part: str
    topic: str
    asked_by: str
    look: Callable[[ReportInput], Found]


CLAIM, TRIPOD, BOTH = "CLAIM 2024", "TRIPOD+AI", "CLAIM 2024, TRIPOD+AI"
AUTHORS = "The report cannot know it: the authors say so in their text."


def always(section: str, words: str = "") -> Callable[[ReportInput], Found]:
    """Every report says it."""
    return lambda _: ("present", section, words)


def never(words: str = AUTHORS) -> Callable[[ReportInput], Found]:
    """No report can say it."""
    return lambda _: ("absent", "", words)


def where(
    holds: Callable[[ReportInput], object], section: str, *, without: str, words: str = ""
) -> Callable[[ReportInput], Found]:
    """Present where the run has it, else absent with the reason."""
    return lambda report: ("present", section, words) if holds(report) else ("absent", "", without)


def has_patients(report: ReportInput) -> bool:
    """Whether patients are known in every split."""
    return bool(report.splits) and all(split.patient for split in report.splits)


def has_groups(report: ReportInput) -> bool:
    """Whether any number is of a group."""
    return any(row.group for row in report.audit.rows)


def has_external(report: ReportInput) -> bool:
    """Whether a split tests on images of a value that training did not have."""
    return any(split.shifted for split in report.splits)


def has_labels_missing(report: ReportInput) -> bool:
    """Whether the data card counts images without a label."""
    return bool(report.cards.data)


def several_seeds(report: ReportInput) -> bool:
    """Whether numbers rest on more than one training."""
    return any(row.seeds > 1 for row in report.audit.rows)


CARDS_MISSING = "This run has no data card."
ITEMS = (
    Item(
        "Title and aims",
        "Identified as a study of artificial intelligence, with its kind",
        BOTH,
        always("verdict"),
    ),
    Item(
        "Title and aims",
        "Background, intended use and users",
        BOTH,
        where(
            lambda r: r.cards.model,
            "cards",
            without=CARDS_MISSING,
            words="Use and users; the clinical background is the authors'.",
        ),
    ),
    Item("Title and aims", "Aims and hypotheses", BOTH, never()),
    Item("Title and aims", "Known inequalities between groups", TRIPOD, never()),
    Item(
        "Data",
        "Sources of the data, sites and dates",
        BOTH,
        where(
            lambda r: r.cards.data,
            "cards",
            without=CARDS_MISSING,
            words="Data sets and counts; sites and dates are the authors'.",
        ),
    ),
    Item("Data", "Prospective or retrospective", CLAIM, never()),
    Item(
        "Data",
        "Inclusion and exclusion",
        BOTH,
        where(
            lambda r: r.cards.data,
            "cards",
            without=CARDS_MISSING,
            words="What the configuration kept; why is the authors'.",
        ),
    ),
    Item("Data", "De-identification", CLAIM, never()),
    Item(
        "Data",
        "Image acquisition",
        CLAIM,
        where(
            lambda r: r.acquisition, "acquisition", without="No acquisition attribute is named in this run."
        ),
    ),
    Item(
        "Data",
        "Preparation of the images",
        BOTH,
        where(lambda r: r.cards.model, "cards", without=CARDS_MISSING, words="That of the image encoder."),
    ),
    Item(
        "Data",
        "Missing data",
        BOTH,
        where(
            has_labels_missing,
            "cards",
            without=CARDS_MISSING,
            words="Unknown labels and attributes are counted and stay unknown.",
        ),
    ),
    Item(
        "Reference standard",
        "Definition of the labels and its rationale",
        BOTH,
        never("Labels are taken as the data sets have them: the authors say who gave them and how."),
    ),
    Item(
        "Reference standard",
        "Agreement between readers",
        CLAIM,
        where(
            lambda r: r.agreements,
            "signs",
            without="No second annotator was asked in this run.",
            words="Of the annotators of reports.",
        ),
    ),
    Item("Partitions", "How images were assigned to parts", BOTH, always("splits")),
    Item(
        "Partitions",
        "Level at which parts are disjoint",
        CLAIM,
        where(
            has_patients,
            "splits",
            without="Patients are not known in every split.",
            words="Patients; checked and counted.",
        ),
    ),
    Item(
        "Partitions",
        "Sample size and its reason",
        BOTH,
        where(
            lambda r: r.audit.rows,
            "splits",
            without="No number was measured.",
            words="Sizes and intervals; no power was computed beforehand.",
        ),
    ),
    Item(
        "Model",
        "The model, its inputs and outputs",
        BOTH,
        where(lambda r: r.cards.model, "cards", without=CARDS_MISSING),
    ),
    Item("Model", "Libraries and versions", BOTH, always("provenance")),
    Item(
        "Model",
        "Initialisation, training and selection of the final model",
        BOTH,
        where(lambda r: r.cards.model, "cards", without=CARDS_MISSING),
    ),
    Item(
        "Model",
        "Ensembling",
        CLAIM,
        lambda _: ("not applicable", "", "One model a seed; no ensemble is reported."),
    ),
    Item("Evaluation", "Measures of performance", BOTH, always("methods")),
    Item(
        "Evaluation",
        "Uncertainty of every number",
        BOTH,
        always("methods", "95 % bootstrap intervals and paired differences."),
    ),
    Item(
        "Evaluation",
        "Variance between trainings",
        CLAIM,
        where(several_seeds, "splits", without="One seed was trained."),
    ),
    Item(
        "Evaluation",
        "Calibration",
        BOTH,
        where(lambda r: r.audit.reliability, "calibration", without="No calibration curve was measured."),
    ),
    Item(
        "Evaluation",
        "Clinical utility",
        TRIPOD,
        where(
            lambda r: r.audit.decisions,
            "calibration",
            without="No decision curve was measured.",
            words="Net benefit.",
        ),
    ),
    Item(
        "Evaluation",
        "Threshold fixed beforehand",
        BOTH,
        where(
            lambda r: any(t.source == "validation" for t in r.audit.thresholds),
            "calibration",
            without="No threshold was frozen on validation images.",
        ),
    ),
    Item(
        "Evaluation",
        "Robustness and sensitivity",
        CLAIM,
        always("controls", "Controls that could refute the claim."),
    ),
    Item(
        "Evaluation",
        "Explainability and its validation",
        CLAIM,
        where(lambda r: r.explanations, "explanations", without="No decision could be worked through."),
    ),
    Item(
        "Evaluation",
        "Performance in groups, fairness",
        BOTH,
        where(has_groups, "groups", without="No attribute of the data is declared as a group."),
    ),
    Item(
        "Evaluation",
        "Test on data unlike the training data",
        BOTH,
        where(
            has_external,
            "splits",
            without="No split has a shifted part.",
            words="Shifted images; whether they are external is the authors' to say.",
        ),
    ),
    Item("Results", "Flow and numbers of images and patients", BOTH, always("splits")),
    Item(
        "Results",
        "Characteristics of the patients by part",
        BOTH,
        where(
            lambda r: any(each.attributes for each in r.cards.data),
            "cards",
            without="No attribute is declared.",
            words="By declared attribute.",
        ),
    ),
    Item(
        "Results",
        "Failures",
        CLAIM,
        where(
            lambda r: any(e.truth and e.truth != e.predicted for e in r.explanations),
            "explanations",
            without="No wrong decision is among the worked ones.",
        ),
    ),
    Item("Discussion", "Limits", BOTH, where(lambda r: r.cards.model, "cards", without=CARDS_MISSING)),
    Item("Discussion", "Consequences for practice", BOTH, never()),
    Item("Other", "Protocol and registration", BOTH, never()),
    Item(
        "Other",
        "Availability of code, model and data",
        BOTH,
        where(
            lambda r: r.provenance.commit,
            "provenance",
            without="Not run from a checkout.",
            words="Code version and configuration digest; where they are had is the authors'.",
        ),
    ),
    Item("Other", "Involvement of patients and the public", TRIPOD, never()),
    Item("Other", "Funding and interests", BOTH, never()),
)
