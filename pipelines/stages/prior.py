"""Which concept speaks for which class."""

from knowledge.class_terms import ClassTerms
from knowledge.concepts import ConceptBank
from knowledge.passages import read_passages
from knowledge.priors import corpus_prior, language_model_prior, override, read_overrides, save_prior
from pipelines.run import Run
from pipelines.stages.language import open_language_model


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
    if section.expert is not None:
        names = [item.name for item in run.config.classes]
        signs = override(signs, read_overrides(section.expert, classes=names, bank=bank))
    save_prior(signs, run.path("prior.csv"), bank=bank)


def class_terms(run: Run) -> list[ClassTerms]:
    """Classes as the literature names them."""
    return [
        ClassTerms(item.name, item.words, normal=item.normal, general=item.general)
        for item in run.config.classes
    ]
