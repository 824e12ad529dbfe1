"""Which concept speaks for which class."""

from knowledge.class_terms import ClassTerms
from knowledge.concepts import ConceptBank
from knowledge.passage_file import PassageFile
from knowledge.priors import (
    CorpusPrior,
    Prior,
    disagreements,
    language_model_prior,
    override,
    quoted,
    read_corpus,
    read_overrides,
    save_disagreements,
    save_prior,
    save_support,
)
from knowledge.priors.table import Override
from pipelines.bank_artifacts import DISAGREEMENTS, SUPPORT
from pipelines.run import Run
from pipelines.stages.language import accounted, open_language_model
from pipelines.standing_signs import signs_of_start, signs_of_table


@accounted
def prior(run: Run) -> None:
    """Signs by class and concept, and what they rest on; those of an expert win."""
    bank, section = ConceptBank.load(run.path("concepts.jsonl")), run.config.prior
    names = [item.name for item in run.config.classes]
    priors: dict[str, Prior] = {}
    support = tuple(quoted(bank, names))
    if section.source == "corpus" or section.compare:
        counted = of_corpus(run, bank)
        priors["corpus"], support = counted.prior, counted.support
    if section.source == "language_model" or section.compare:
        priors["language_model"] = of_language_model(run, bank)
    signs = priors.pop(section.source)
    # before an expert's signs, which would hide where the two sources differ
    differing = [each for other in priors.values() for each in disagreements(signs, other, support)]
    for given in signs_given(run, bank):
        signs = override(signs, given)
    save_support(support, run.path(SUPPORT))
    save_disagreements(differing, run.path(DISAGREEMENTS), bank=bank)
    save_prior(signs, run.path("prior.csv"), bank=bank)


def of_corpus(run: Run, bank: ConceptBank) -> CorpusPrior:
    """As the literature words it."""
    least = run.config.prior.minimum_agreement
    passages = PassageFile(run.path("passages.jsonl")).values()
    if least is None:
        return read_corpus(bank, class_terms(run), passages)
    # agreement is the share on the side of the sign, so the balance of the votes is twice what exceeds a half
    return read_corpus(bank, class_terms(run), passages, threshold=2 * least - 1)


def of_language_model(run: Run, bank: ConceptBank) -> Prior:
    """As the language model answers it."""
    least, model = run.config.prior.minimum_agreement, open_language_model(run)
    if least is None:
        return language_model_prior(bank, class_terms(run), model)
    return language_model_prior(bank, class_terms(run), model, agreement=least)


def signs_given(run: Run, bank: ConceptBank) -> list[list[Override]]:
    """Signs in place of the model's, weakest first.

    Imported ones, an expert's of the bank begun with, of the expert's table, of the curated bank.
    """
    names = [item.name for item in run.config.classes]
    curated = read_overrides(run.path("curated_signs.csv"), classes=names, bank=bank)
    start = signs_of_start(run, bank)
    return [
        [sign for sign in start if sign.source != "expert"],
        [sign for sign in curated if sign.source != "expert"],
        [sign for sign in start if sign.source == "expert"],
        signs_of_table(run, bank),
        [sign for sign in curated if sign.source == "expert"],
    ]


def class_terms(run: Run) -> list[ClassTerms]:
    """Classes as the literature names them."""
    return [
        ClassTerms(item.name, item.words, normal=item.normal, general=item.general)
        for item in run.config.classes
    ]
