"""A run's bank to and from files."""

from pathlib import Path

from knowledge.curation.files import read_bank
from knowledge.curation.json_bank import write_json
from knowledge.curation.knobo_release import read_release, read_signs
from knowledge.curation.reconcile import Reconciled, reconcile
from knowledge.curation.signed_bank import SignedBank
from knowledge.curation.spreadsheet import write_csv
from pipelines.concept_list import concept_rows
from pipelines.curation import OpenBank, open_bank
from pipelines.errors import PipelineError


def read_any(path: Path) -> SignedBank:
    """The bank of a run directory or of a file."""
    if path.is_dir():
        return open_bank(path).signed
    if not path.exists():
        raise PipelineError(f"there is no run or file {path}; check the path")
    return read_bank(path)


def export_bank(directory: Path, file: Path) -> int:
    """Writes CSV or JSON by the ending of the file; how many concepts.

    Raises:
        PipelineError: Another ending.
    """
    opened = open_bank(directory)
    match file.suffix.lower():
        case ".csv":
            remarks = {
                row.id: {
                    "notice": row.marks,
                    "source": row.where,
                    "AUROC": "" if row.auroc is None else f"{row.auroc:.3f}",
                }
                for row in concept_rows(opened)
            }
            write_csv(file, opened.signed, remarks=remarks)
        case ".json":
            write_json(file, opened.signed)
        case other:
            raise PipelineError(f"{file} ends in `{other}`; give a file that ends in .csv or .json")
    return len(opened.bank)


def imported(opened: OpenBank, file: Path | None, *, signs: Path | None, drop_missing: bool) -> Reconciled:
    """What a file, a released sign file or both would change in a run's bank.

    Raises:
        PipelineError: Neither is given.
    """
    notes: list[str] = []
    if file is None and signs is None:
        raise PipelineError("name a file to import, or a released sign file with --signs")
    if file is None:
        edited = SignedBank(opened.bank, quoted=False)
    elif file.suffix.lower() == ".txt":
        release = read_release(file)
        edited, notes = release.signed, [*release.notes]
    else:
        edited = read_bank(file)
    if signs is not None:
        given = read_signs(signs, edited.bank, opened.class_terms, notes)
        classes = tuple(dict.fromkeys(each.class_name for each in given))
        edited = SignedBank(
            edited.bank, classes, given, quoted=edited.quoted, lines=edited.lines, place=edited.place
        )
    found = reconcile(edited, opened.signed, opened.passages, drop_missing=drop_missing)
    return Reconciled(found.changes, (*notes, *found.notes))
