"""A bank in any of the files that hold one, told apart by their ending."""

from pathlib import Path

from knowledge.concepts import ConceptBank
from knowledge.curation.json_bank import read_json
from knowledge.curation.knobo_release import read_release
from knowledge.curation.signed_bank import SignedBank
from knowledge.curation.spreadsheet import read_csv
from knowledge.errors import KnowledgeError


def read_bank(path: Path) -> SignedBank:
    """From `.jsonl` (a run's own), `.json`, `.csv` (exports) or `.txt` (a question a line).

    Raises:
        KnowledgeError: Another ending, or the file is not what its ending says.
    """
    match path.suffix.lower():
        case ".jsonl":
            return SignedBank(ConceptBank.load(path), place=str(path))
        case ".json":
            return read_json(path)
        case ".csv":
            return read_csv(path)
        case ".txt":
            return read_release(path).signed
        case other:
            raise KnowledgeError(
                f"{path} ends in `{other}`; give a .csv, .json, .jsonl or .txt (a question a line)."
            )
