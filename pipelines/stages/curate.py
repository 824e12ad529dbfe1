"""What people changed in the bank, applied to what discovery found."""

from knowledge.concepts import ConceptBank
from knowledge.curation.journal import read_journal
from knowledge.curation.replay import anchored, replay
from knowledge.curation.sign_table import write_signs
from knowledge.passage_file import PassageFile
from pipelines.bank_artifacts import DISCOVERED, JOURNAL, SIGNS
from pipelines.errors import PipelineError
from pipelines.run import Run


def curate(run: Run) -> None:
    """The bank that the run goes on with, and the signs that people gave."""
    discovered = ConceptBank.load(run.path(DISCOVERED))
    curated = replay(discovered, read_journal(run.path(JOURNAL)))
    curated = anchored(curated, PassageFile(run.path("passages.jsonl")))
    if not len(curated.bank):
        raise PipelineError(
            f"every concept of {run.directory} was dropped; take some back with `knobo concepts undo`"
        )
    known = {item.name for item in run.config.classes}
    curated.bank.save(run.path("concepts.jsonl"))
    signs = [sign for sign in curated.signs if sign.class_name in known]
    write_signs(run.path(SIGNS), signs, bank=curated.bank)
