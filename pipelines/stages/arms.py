"""What methods look at: the run's features and scores, or those with acquisition attributes erased."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.concepts import ConceptBank
from knowledge.priors import Prior, load_prior
from models.acquisition.erasure import Eraser
from models.baselines import Ingredients, Inputs, TrainingData
from models.domains import DomainSplit
from models.features.table import FeatureTable
from models.heads.shared import HeadSettings, Solver
from models.scaling import ScalingKind
from pipelines.config import Config
from pipelines.config.fit import IMAGE_TEXT_METHODS
from pipelines.digests import content_digest, value_digest
from pipelines.images_table import read_images
from pipelines.run import Run
from pipelines.stages.encode import configured_encoder
from pipelines.stages.erase import METHODS, arm_names
from pipelines.stages.ground import kept_grounder, read_examples
from pipelines.stages.index import question_encoder

OWN = ("features", "scores", "grounder", "prior.csv", "annotations.parquet")


TEXT_METHODS = frozenset({"language_shaped"})


@dataclass(frozen=True, slots=True)
class Tables:
    """What methods look at, for every image of the run.

    Attributes:
        features: `(n, d)` of the encoder.
        scores: `(n, c)` of the kept concepts.
        paths: File by image id.
        prior: Signs for the columns of `scores`.
        ingredients: What methods are made of.
        eraser: What is taken out of the features before a method sees them.
    """

    features: FeatureTable
    scores: FeatureTable
    paths: Mapping[str, Path]
    prior: Prior
    ingredients: Ingredients
    eraser: Eraser | None = None

    def inputs(self, ids: Sequence[str]) -> Inputs:
        """Rows of some images."""
        features = self.features.rows(ids)
        if self.eraser is not None:
            features = self.eraser.erase(features)
        return Inputs(features, self.scores.rows(ids), tuple(self.paths[image] for image in ids))

    def training_data(self, split: DomainSplit) -> TrainingData:
        """Training and validation images of a split, with the prior of its classes."""
        rows = [self.prior.classes.index(name) for name in split.classes]
        columns = [self.prior.concept_ids.index(name) for name in self.scores.columns]
        return TrainingData(
            classes=split.classes,
            concept_ids=self.scores.columns,
            prior=self.prior.sign[np.ix_(rows, columns)],
            train=self.inputs(split.train),
            train_labels=split.targets(split.train),
            validation=self.inputs(split.validation),
            validation_labels=split.targets(split.validation),
        )


@dataclass(frozen=True, slots=True)
class Arm:
    """Features and scores of one kind, and the methods that are tried on them.

    Attributes:
        name: Empty for the run's own features; else what follows a method's name in the audit.
        methods: As the registry names them.
        digest: Of all that its tables hold.
        tables: Reads them, once.
    """

    name: str
    methods: tuple[str, ...]
    digest: str
    tables: Callable[[], Tables]

    def called(self, method: str) -> str:
        """As the method stands in the audit."""
        return f"{method}_{self.name}" if self.name else method


def arms_of(run: Run) -> list[Arm]:
    """Every arm of the run, its own features first."""
    own = Arm(
        name="",
        methods=run.config.fit.methods,
        digest=value_digest(digests(run, OWN)),
        tables=cache(lambda: own_tables(run)),
    )
    return [own, *(erased_arm(run, name) for name in arm_names(run.config))]


def digests(run: Run, artifacts: Sequence[str]) -> list[str]:
    """Of the content of some artifacts."""
    return [content_digest(run.path(artifact)) for artifact in artifacts]


def erased_arm(run: Run, name: str) -> Arm:
    """One of the arms that `erase` prepared."""
    read = ("features", f"erased/{name}", "prior.csv")
    return Arm(name, METHODS[name], value_digest(digests(run, read)), cache(lambda: erased_tables(run, name)))


def own_tables(run: Run) -> Tables:
    """The run's own features and scores, with all that any method is made of."""
    tables = score_tables(run)
    return replace(
        tables,
        ingredients=replace(
            tables.ingredients,
            grounder=kept_grounder(run),
            examples=read_examples(run, tables.features).of(tables.scores.columns),
            concept_text=question_vectors(run, tables.scores.columns),
            image_text=image_text_vectors(run, tables.scores.columns),
        ),
    )


def score_tables(run: Run) -> Tables:
    """The same for methods that read the concept scores alone."""
    return Tables(
        features=FeatureTable.load(run.path("features")),
        scores=FeatureTable.load(run.path("scores")),
        paths=image_paths(run),
        prior=read_prior(run),
        ingredients=settings_of(run.config),
    )


def erased_tables(run: Run, name: str) -> Tables:
    """Features and scores of an arm."""
    eraser = run.path(f"erased/{name}/eraser")
    return Tables(
        features=FeatureTable.load(run.path("features")),
        scores=FeatureTable.load(run.path(f"erased/{name}/scores")),
        paths=image_paths(run),
        prior=read_prior(run),
        ingredients=settings_of(run.config),
        eraser=Eraser.load(eraser) if eraser.is_dir() else None,
    )


def image_paths(run: Run) -> dict[str, Path]:
    """File by image id."""
    return {record.id: record.path for record in read_images(run.path("images.parquet")).records}


def question_vectors(run: Run, concept_ids: Sequence[str]) -> NDArray[np.float32] | None:
    """`(c, t)` vectors of the questions, by the encoder that compares them; only where a method asks."""
    if not TEXT_METHODS & set(run.config.fit.methods):
        return None
    return question_encoder(run).encode(questions(run, concept_ids))


def image_text_vectors(run: Run, concept_ids: Sequence[str]) -> NDArray[np.float32] | None:
    """`(c, d)` vectors of the questions by the image encoder, where a method asks and it reads texts."""
    if not IMAGE_TEXT_METHODS & set(run.config.fit.methods):
        return None
    encoder = configured_encoder(run.config.encoder)
    read: Callable[[Sequence[str]], NDArray[np.float32]] | None = getattr(encoder, "encode_text", None)
    return None if read is None else read(questions(run, concept_ids))


def questions(run: Run, concept_ids: Sequence[str]) -> list[str]:
    """What the concepts ask."""
    bank = ConceptBank.load(run.path("concepts.jsonl"))
    return [bank[concept].question for concept in concept_ids]


def read_prior(run: Run) -> Prior:
    """Signs of the run's concepts for its classes."""
    return load_prior(
        run.path("prior.csv"),
        classes=[item.name for item in run.config.classes],
        bank=ConceptBank.load(run.path("concepts.jsonl")),
    )


def settings_of(config: Config) -> Ingredients:
    """How methods are trained, without anything they are trained on."""
    section = config.fit
    head = HeadSettings(
        strength=section.prior_weight,
        epochs=section.epochs,
        batch=section.batch,
        learning_rate=section.learning_rate,
        scaling=ScalingKind(section.scores),
        solver=Solver(section.solver),
    )
    return Ingredients(head=head, probe=head)


def predicted_ids(split: DomainSplit) -> tuple[str, ...]:
    """Images that the audit reads: a threshold is chosen on those of validation, the others are reported."""
    return (*split.validation, *split.in_domain, *split.shifted)
