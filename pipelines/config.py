"""The configuration of a run: one TOML file, validated and frozen; an unknown key is an error."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipelines.errors import PipelineError
from pipelines.handbook import PREFIX

MethodName = Literal[
    "knobo", "linear_probe", "fine_tune", "no_prior", "random_prior", "prior_only", "random_concepts"
]


Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")]
"""Letters, digits, dot, dash and underscore: such names become folders, files and artifact keys."""


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values never change."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ClassWords(Section):
    """A class of the images, and the words by which literature speaks of it."""

    name: str
    """As it stands in the label column, or as `label_map` names it."""
    words: tuple[str, ...] = ()
    """Synonyms: start queries, and words that no question may contain."""
    normal: bool = False
    """Whether the class means that no disease is seen: signs of disease speak against it."""
    general: bool = False
    """Whether the class means any disease: every sign of disease speaks for it."""

    @property
    def all_words(self) -> tuple[str, ...]:
        """The name as words, then the synonyms, each once."""
        return tuple(dict.fromkeys((self.name.replace("_", " "), *self.words)))


class RecordColumns(Section):
    """Which fields of a JSON Lines or CSV record hold what."""

    id: str
    """Identifier of the record."""
    id_prefix: str = ""
    """Put before every id, e.g. `pmid:`."""
    title: str | None = None
    """Title; none where the records have no title."""
    text: tuple[str, ...] = ()
    """Text fields, in reading order."""
    sections: str | None = None
    """A field with a list of {label, text}."""
    license: str | None = None
    """A field with the licence of the record."""


class LiteratureSource(Section):
    """One collection of documents."""

    name: Name
    """Shown wherever a passage is shown."""
    kind: Literal["pubmed_xml", "records", "markdown", "text"]
    """`records` is JSON Lines or CSV."""
    path: Path
    """File or folder, relative to the configuration file; `demo-handbook:chest_xray` names a shipped one."""
    license: str = "unknown"
    """Licence of the text."""
    fields: RecordColumns | None = None
    """For `records`."""

    @model_validator(mode="after")
    def _records_name_their_fields(self) -> "LiteratureSource":
        if (self.kind == "records") != (self.fields is not None):
            raise ValueError(
                f"literature source {self.name!r}: `fields` belongs to kind `records`, and only there"
            )
        return self


class ExpertColumnSection(Section):
    """A column in which experts answered a question for each image."""

    column: str
    """Name of the column."""
    question: str
    """The yes/no question that it answers."""
    yes: tuple[str, ...]
    """Levels that mean yes."""
    no: tuple[str, ...]
    """Levels that mean no."""
    unknown: tuple[str, ...] = ()
    """Levels that mean neither."""


class DataSet(Section):
    """Images with labels, attributes and reports, from a table or from a folder a class."""

    name: Name
    """Prefix of the image ids."""
    manifest: Path | None = None
    """CSV or Parquet with a row an image, relative to the configuration file."""
    folder: Path | None = None
    """A folder with a sub-folder for each class, instead of a manifest."""
    image: str = "image"
    """Column with the path of the image, relative to the manifest."""
    id: str | None = None
    """Column with the image id; the path where absent."""
    label: str | None = None
    """Column with the class."""
    label_map: dict[str, str] = {}
    """Class name by value of the label column; values not named are left out."""
    patient: str | None = None
    """Column with the patient (or study, or lesion): such images never straddle two parts."""
    report: tuple[str, ...] = ()
    """Columns whose text describes the image."""
    attributes: tuple[str, ...] = ()
    """Columns that splits may use as domain."""
    where: dict[str, tuple[str, ...]] = {}
    """Keep only rows whose column has one of these values."""
    half: Literal["first", "second"] | None = None
    """Keep the half of the patients whose hashed id is even (first) or odd (second)."""
    expert_columns: tuple[ExpertColumnSection, ...] = ()
    """Columns used directly as annotations."""

    @model_validator(mode="after")
    def _one_place(self) -> "DataSet":
        if (self.manifest is None) == (self.folder is None):
            raise ValueError(f"data set {self.name!r} needs either `manifest` or `folder`")
        return self


class SplitSection(Section):
    """How training and shifted images differ."""

    name: Name
    """As it stands in the audit."""
    kind: Literal["confounded", "plain"] = "confounded"
    """`confounded` also serves hospitals: take as attribute the column that names the source."""
    datasets: tuple[str, ...]
    """Names of the data sets that give the images."""
    classes: tuple[str, ...]
    """Class names, in the order of `values`."""
    attribute: str | None = None
    """The confounder."""
    values: tuple[str, ...] = ()
    """Value that goes with each class in train, validation and in_domain; reversed in shifted."""
    maximum: int | None = None
    """At most so many training images a class."""
    minimum: int = 10
    """Refuse a split with fewer images in a cell."""
    in_mean: bool = True
    """Whether the split enters the mean row."""

    @model_validator(mode="after")
    def _two_values(self) -> "SplitSection":
        if self.kind == "confounded" and (
            self.attribute is None or len(self.values) != 2 or len(self.classes) != 2
        ):
            raise ValueError(
                f"split {self.name!r} is confounded: it needs `attribute`, two `classes`, two `values`"
            )
        return self


class RetrievalSection(Section):
    """How passages are found."""

    passage_size: Annotated[int, Field(ge=200)] = 1000
    """Characters of a passage, about."""
    dense: bool = True
    """Fuse BM25 with the passage encoder; the encoder also judges whether two questions are alike."""
    encoder: str = "all-minilm-l6-v2"
    """Named weights or a folder in sentence-transformers format."""
    fusion_constant: int = 100
    """Of reciprocal rank fusion."""


class LanguageModelSection(Section):
    """Who writes the questions."""

    weights: str = "smollm2-135m-instruct"
    """Named weights or a folder with a transformers model."""


class DiscoverySection(Section):
    """The loop from class names to concepts (paper, section 3.1)."""

    template: str = "{query} diagnosis criteria"
    """How a class name or question becomes a query."""
    wanted: int = 150
    """Stop at so many accepted concepts."""
    candidates: int = 50
    """Passages retrieved for a query."""
    passages: int = 10
    """Unused passages kept of them."""
    sentences: int = 6
    """Sentences of a passage at most that are turned into questions."""
    maximum_sentences: int = 600
    """Sentences turned into questions in all: what bounds the time of the stage."""
    extra_queries: tuple[str, ...] = ()
    """Start queries besides the class names."""


class ScreeningSection(Section):
    """The five tests of a candidate."""

    novelty: float = 0.85
    """Nearest accepted question, by cosine, must stay below."""
    minimum_answers: int = 10
    """Reports that say yes, and reports that say no, at least."""
    minimum_share: float = 0.0
    """Share of the rarer answer, at least (0.1 in the paper, for common signs)."""


class AnnotationSection(Section):
    """How reports are read."""

    annotator: Literal["rules", "language_model"] = "rules"
    """`rules` is the better one with the default language model; docs/method.md has the figures."""
    lexicon: tuple[str, ...] = ()
    """Names of shipped lexica (chest_xray, skin) or TOML files."""
    silence: Literal["no", "unknown"] = "no"
    """What a report says of a sign that it does not mention."""


class PriorSection(Section):
    """Which concepts speak for which class."""

    source: Literal["corpus", "language_model"] = "corpus"
    """`corpus` counts how the literature speaks of sign and class."""
    expert: Path | None = None
    """CSV (class, question, sign) by an expert; its signs win."""


class EncoderSection(Section):
    """Images to features."""

    weights: str = "efficientnet-lite0"
    """Named weights or a safetensors file."""
    architecture: str = "tf_efficientnet_lite0"
    """Name in timm."""
    features: Literal["grid", "pooled"] = "grid"
    """`grid`: an inner map averaged over cells of the whole image; `pooled`: the network's own last layer."""
    stride: int = 16
    """Of the map, for `grid`."""
    cells: int = 3
    """Along each side, for `grid`."""
    batch: int = 64
    """Images encoded together."""


class GroundingSection(Section):
    """One detector a concept."""

    datasets: tuple[str, ...]
    """Data sets with reports or expert columns; none of their patients is in a split."""
    C: float = 0.001
    """Inverse strength of the penalty on standardised features (1 in the paper, on features of length 1)."""
    folds: int = 5
    """Of the cross-validation."""
    keep: int = 150
    """Keep the best, by the lower end of the AUROC interval."""
    minimum_auroc: float = 0.5
    """And only those whose interval lies above."""


class FitSection(Section):
    """Training of the heads."""

    methods: tuple[MethodName, ...] = (
        "knobo",
        "linear_probe",
        "no_prior",
        "random_prior",
        "prior_only",
        "random_concepts",
    )
    """All but `fine_tune`, which has its own section."""
    seeds: Annotated[int, Field(ge=1)] = 5
    """Models a method and split."""
    prior_weight: float = 30.0
    """Lambda of the prior loss (1 in the paper); docs/method.md says how it was chosen."""
    scores: Literal["center", "none"] = "center"
    """`center`: a concept counts by its distance from the training mean; `none` as in the paper."""
    epochs: int = 200
    """Of Adam."""
    learning_rate: float = 1e-2
    """Of Adam (0.001 in the paper, on sets of thousands of images)."""
    batch: int = 64
    """Of Adam."""


class FineTuneSection(Section):
    """End-to-end training of the default encoder, as a baseline."""

    enabled: bool = True
    """Costs more than everything else together on a CPU."""
    epochs: int = 3
    """The best of them by validation accuracy is kept."""
    seeds: Annotated[int, Field(ge=1)] = 1
    """Models a split."""
    images: int = 300
    """Training images a split, at most."""
    size: int = 224
    """Side of the input in pixels."""


class AuditSection(Section):
    """The numbers."""

    replicates: int = 1000
    """Of the bootstrap."""


class Config(Section):
    """Everything a run depends on."""

    name: Name
    """Folder below `runs/`."""
    modality: str
    """What the images are, e.g. `chest X-ray`; prompts and report use it."""
    seed: int = 0
    """Of everything random."""
    on_broken: Literal["stop", "skip"] = "stop"
    """What to do when images cannot be read."""
    classes: tuple[ClassWords, ...]
    """Every class that a split uses."""
    literature: tuple[LiteratureSource, ...]
    """Collections of documents."""
    datasets: tuple[DataSet, ...]
    """Image collections."""
    splits: tuple[SplitSection, ...]
    """Domain shifts to audit."""
    retrieval: RetrievalSection = RetrievalSection()
    language_model: LanguageModelSection = LanguageModelSection()
    discovery: DiscoverySection = DiscoverySection()
    screening: ScreeningSection = ScreeningSection()
    annotation: AnnotationSection = AnnotationSection()
    prior: PriorSection = PriorSection()
    encoder: EncoderSection = EncoderSection()
    grounding: GroundingSection
    fit: FitSection = FitSection()
    fine_tune: FineTuneSection = FineTuneSection()
    audit: AuditSection = AuditSection()

    @model_validator(mode="after")
    def _names_meet(self) -> "Config":
        for what, names in (
            ("class", [item.name for item in self.classes]),
            ("literature source", [item.name for item in self.literature]),
            ("data set", [item.name for item in self.datasets]),
            ("split", [item.name for item in self.splits]),
        ):
            _require_distinct(what, names)
        datasets = {item.name for item in self.datasets}
        classes = {item.name for item in self.classes}
        _require_known("[grounding] datasets", self.grounding.datasets, datasets)
        for split in self.splits:
            _require_known(f"split {split.name!r}: datasets", split.datasets, datasets)
            _require_known(f"split {split.name!r}: classes", split.classes, classes)
        return self


def _require_distinct(what: str, names: list[str]) -> None:
    if not names:
        raise ValueError(f"no {what} is given; add at least one")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{what} {', '.join(twice)} is given twice; use distinct names")


def _require_known(where: str, names: tuple[str, ...], known: set[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(
            f"{where} names {', '.join(unknown)}; the configuration has {', '.join(sorted(known))}"
        )


def load_config(path: Path) -> Config:
    """Reads and checks a TOML file; paths in it become absolute.

    Raises:
        PipelineError: No such file, no TOML, or a key or value that is not understood.
    """
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise PipelineError(
            f"the configuration {path} cannot be read ({error.strerror}); check the path"
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} is not valid TOML ({error}); mend that line") from error
    try:
        config = Config.model_validate(values)
    except ValidationError as error:
        raise PipelineError(f"{path}: {_first_fault(error)}") from error
    return _with_absolute_paths(config, path.resolve().parent)


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    where = ".".join(str(part) for part in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "extra_forbidden":
        message = "is not a setting; see docs/configuration.md"
    more = error.error_count() - 1
    return f"{where + ': ' if where else ''}{message}" + (f" (and {more} more)" if more else "")


def _with_absolute_paths(config: Config, root: Path) -> Config:
    def absolute(path: Path | None) -> Path | None:
        if path is None or str(path).startswith(PREFIX):
            return path
        return root / path

    literature = tuple(item.model_copy(update={"path": absolute(item.path)}) for item in config.literature)
    datasets = tuple(
        item.model_copy(update={"manifest": absolute(item.manifest), "folder": absolute(item.folder)})
        for item in config.datasets
    )
    sections = {
        "literature": literature,
        "datasets": datasets,
        "prior": config.prior.model_copy(update={"expert": absolute(config.prior.expert)}),
        "annotation": config.annotation.model_copy(
            update={"lexicon": tuple(local_path(name, root) for name in config.annotation.lexicon)}
        ),
        "retrieval": config.retrieval.model_copy(
            update={"encoder": local_path(config.retrieval.encoder, root)}
        ),
        "encoder": config.encoder.model_copy(update={"weights": local_path(config.encoder.weights, root)}),
        "language_model": config.language_model.model_copy(
            update={"weights": local_path(config.language_model.weights, root)}
        ),
    }
    return config.model_copy(update=sections)


def local_path(name: str, root: Path) -> str:
    """A path made absolute; a plain name (of weights, of a lexicon) is left alone."""
    return str(root / name) if "/" in name or Path(name).suffix in {".toml", ".safetensors"} else name
