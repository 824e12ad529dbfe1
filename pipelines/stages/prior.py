"""Which concept speaks for which class."""

from knowledge.class_terms import ClassTerms
from knowledge.concepts import ConceptBank
from knowledge.passages import read_passages
from knowledge.priors import corpus_prior, language_model_prior, override, read_overrides, save_prior
from knowledge.priors.table import Override
from pipelines.run import Run
from pipelines.stages.language import accounted, open_language_model


@accounted
def prior(run: Run) -> None:
    """Signs by class and concept; those of an expert win."""
    bank = ConceptBank.load(run.path("concepts.jsonl"))
    passages = read_passages(run.path("passages.jsonl"))
    classes = class_terms(run)
    section = run.config.prior
    if section.source == "corpus":
        signs = corpus_prior(list(bank), classes, passages)
    else:
        signs = language_model_prior(list(bank), classes, open_language_model(run))
    for given in signs_given(run, bank):
        signs = override(signs, given)
    save_prior(signs, run.path("prior.csv"), bank=bank)


def signs_given(run: Run, bank: ConceptBank) -> list[list[Override]]:
    """Signs in place of the model's, weakest first: imported, of the expert's table, of the curated bank."""
    names = [item.name for item in run.config.classes]
    curated = read_overrides(run.path("curated_signs.csv"), classes=names, bank=bank)
    table = run.config.prior.expert
    return [
        [sign for sign in curated if sign.source != "expert"],
        list(read_overrides(table, classes=names, bank=bank)) if table is not None else [],
        [sign for sign in curated if sign.source == "expert"],
    ]


def class_terms(run: Run) -> list[ClassTerms]:
    """Classes as the literature names them."""
    return [
        ClassTerms(item.name, item.words, normal=item.normal, general=item.general)
        for item in run.config.classes
    ]
