"""A run's bank to and from files."""

from dataclasses import replace
from pathlib import Path

from knowledge.curation.changes import Change
from knowledge.curation.files import read_bank
from knowledge.curation.json_bank import write_json
from knowledge.curation.knobo_release import read_release, read_signs
from knowledge.curation.reconcile import Reconciled, reconcile
from knowledge.curation.sign_change import Sign
from knowledge.curation.signed_bank import GIVEN, SignedBank
from knowledge.curation.spreadsheet import write_csv
from pipelines.concept_list import concept_rows
from pipelines.curation import OpenBank, open_bank
from pipelines.errors import PipelineError
from pipelines.standing_signs import standing_place


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
        PipelineError: Another ending, or the file cannot be written.
    """
    opened = open_bank(directory)
    try:
        _write(opened, file)
    except OSError as error:
        raise PipelineError(f"{file} cannot be written ({error.strerror}); give another path") from error
    return len(opened.bank)


def _write(opened: OpenBank, file: Path) -> None:
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


def imported(opened: OpenBank, file: Path | None, *, signs: Path | None, drop_missing: bool) -> Reconciled:
    """What a file, a released sign file or both would change in a run's bank.

    Raises:
        PipelineError: Neither is given, or both hold signs.
    """
    notes: list[str] = []
    if file is None and signs is None:
        raise PipelineError("name a file to import, or a released sign file with --signs")
    if file is None:
        edited = SignedBank(opened.bank, complete=False, quoted=False)
    elif file.suffix.lower() == ".txt":
        release = read_release(file)
        edited, notes = release.signed, [*release.notes]
    else:
        edited = read_bank(file)
    base = opened.exported(edited.as_of)
    if base is None and edited.as_of is not None:
        notes.append(f"{file} was not exported from this bank: what it lacks is left as it is.")
    if signs is not None:
        if any(each.source in GIVEN for each in edited.signs):
            raise PipelineError(f"{file} holds signs of its own; import it and {signs} one after the other")
        given = read_signs(signs, edited.bank, opened.class_terms, notes)
        classes = tuple(dict.fromkeys(each.class_name for each in given))
        edited = replace(edited, classes=classes, signs=given, complete=False)
    found = reconcile(edited, opened.signed, opened.passages, base=base, drop_missing=drop_missing)
    changes = [each for each in found.changes if not _without_effect(opened, each, notes)]
    return Reconciled(tuple(changes), (*notes, *found.notes))


def _without_effect(opened: OpenBank, change: Change, notes: list[str]) -> bool:
    """Whether it takes back a sign that the journal does not hold but a file; that is noted."""
    if not isinstance(change, Sign) or change.after is not None:
        return False
    cell = change.concept_id, change.class_name
    place = standing_place(opened.run, opened.bank, *cell)
    if place is None or cell in {(each.concept_id, each.class_name) for each in opened.curated.signs}:
        return False
    notes.append(f"The sign of {cell[0]} for {cell[1]} stands in {place} and stays; change it there.")
    return True
