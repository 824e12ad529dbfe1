"""Collects what the data card and the model card of the report say."""

from collections import Counter
from collections.abc import Sequence

from models.images import ImageRecord
from pipelines.config import Config, DataSet
from pipelines.images_table import read_images
from pipelines.report.facts import AttributeCounts, Cards, DataFacts, Fact
from pipelines.report.wording import count, plain
from pipelines.run import Run
from pipelines.weights import WEIGHTS

CELLS = "an inner map averaged over {n} x {n} cells of the image"


def cards(run: Run) -> Cards:
    """Both cards, from the configuration and the table of images."""
    table = read_images(run.path("images.parquet"))
    return Cards(
        data=tuple(
            data_facts(run.config, dataset, table.of([dataset.name])) for dataset in run.config.datasets
        ),
        model=model_facts(run.config),
    )


def data_facts(config: Config, dataset: DataSet, records: Sequence[ImageRecord]) -> DataFacts:
    """One data set in counts."""
    return DataFacts(
        name=dataset.name,
        images=len(records),
        patients=len({record.patient for record in records if record.patient is not None}),
        without_patient=sum(record.patient is None for record in records),
        labels=dict(sorted(Counter(record.label or "" for record in records).items())),
        attributes=tuple(
            AttributeCounts(name, counted)
            for name in dataset.attributes
            if (counted := values(records, name))
        ),
        reports=sum(bool(record.report) for record in records),
        grounds=dataset.name in config.grounding.datasets,
        splits=tuple(split.name for split in config.splits if dataset.name in split.datasets),
        selection=selection(dataset),
    )


def values(records: Sequence[ImageRecord], attribute: str) -> dict[str, int]:
    """Images by value, in the order of the values."""
    found = Counter(record.attributes[attribute] for record in records if attribute in record.attributes)
    return dict(sorted(found.items()))


def selection(dataset: DataSet) -> str:
    """`projection is Frontal; second half of the patients`."""
    parts = [f"{plain(column)} is {' or '.join(kept)}" for column, kept in dataset.where.items()]
    if dataset.half is not None:
        parts.append(f"{dataset.half} half of the patients")
    return "; ".join(parts)


def model_facts(config: Config) -> tuple[Fact, ...]:
    """How KnoBo was made."""
    grounding, fit = config.grounding, config.fit
    return (
        Fact("Task", f"Classification of {config.modality} images into {', '.join(class_names(config))}."),
        Fact("Image encoder", encoder_words(config)),
        Fact(
            "Concept detectors",
            f"One logistic regression a concept on the encoder's features, {grounding.folds}-fold "
            f"cross-validated, at most {grounding.keep} kept by the lower end of their AUROC interval.",
        ),
        Fact("Answers they learn", answer_words(config)),
        Fact(
            "Classifier",
            f"A linear layer on the concept scores, drawn to the prior (lambda {fit.prior_weight:g}).",
        ),
        Fact("Prior", prior_words(config)),
        Fact(
            "Training",
            f"{count(fit.seeds, 'seed')} a split, {count(fit.epochs, 'epoch')}; "
            "what is chosen is chosen on validation images alone.",
        ),
        Fact("Language model", f"{config.language_model.weights}{terms(config.language_model.weights)}"),
    )


def class_names(config: Config) -> list[str]:
    """As a reader would write them."""
    return [plain(item.name) for item in config.classes]


def encoder_words(config: Config) -> str:
    """Which network, with which weights, and what of it is read; a path is told by its name alone."""
    section = config.encoder
    if section.kind == "pixels":
        return "None: the pixels themselves."
    weights = section.hub or section.weights.rpartition("/")[2]
    network = f"{section.architecture}, " if section.kind in {"timm", "untrained"} else ""
    trained = (
        "as initialised" if section.kind == "untrained" else f"weights {weights}{terms(section.weights)}"
    )
    grid = section.kind == "timm" and section.features == "grid"
    features = f"; features: {CELLS.format(n=section.cells)}" if grid else ""
    return f"{network}{trained}, frozen{features}."


def terms(weights: str) -> str:
    """The licence of named weights, in brackets."""
    return f" ({WEIGHTS[weights].license})" if weights in WEIGHTS else ""


def answer_words(config: Config) -> str:
    """Where yes and no come from."""
    reader = "rules" if config.annotation.annotator == "rules" else "the language model"
    names = ", ".join(config.grounding.datasets)
    return f"Read from the reports of {names} by {reader}, or from experts' columns where there are any."


def prior_words(config: Config) -> str:
    """Where the signs come from."""
    section = config.prior
    asked = "counted from the literature" if section.source == "corpus" else "asked of the language model"
    return f"Signs {asked}{', an expert’s signs before all others' if section.expert else ''}."
