"""A run with an index beside its passages, keys with and without the right to start audits."""

from pathlib import Path

from api_example import PASSAGE, make_run, note_stages

from knowledge.passages import Passage, write_passages
from knowledge.retrieval.store import IndexStore
from pipelines.api.settings import Keys

READER = "a-key-that-only-reads-and-predicts"
STARTER = "a-key-that-may-start-audits-as-well"
WITHDRAWN = Passage(
    "p2", "Lung", "A nodule is a round opacity.", "pubmed", "CC BY 4.0", "PMID 12, RESULTS", True, 1998
)
FLUID = Passage(
    "p3", "Pleura", "Fluid blunts the costophrenic angle.", "pubmed", "CC BY 4.0", "PMID 34", year=2015
)
PASSAGES = [PASSAGE, WITHDRAWN, FLUID]


def make_searchable_run(folder: Path) -> Path:
    """As `make_run`, with three passages that can be searched by words."""
    run = make_run(folder)
    with (run / "config.toml").open("a") as file:
        file.write("retrieval = { dense = false }\n")
    write_passages(run / "passages.jsonl", PASSAGES)
    IndexStore(run / "index").build(PASSAGES)
    note_stages(run)
    return run


def two_keys(folder: Path) -> Keys:
    """Read from a file, as the server does."""
    (folder / "keys").write_text(f"{READER}\n{STARTER} start\n")
    return Keys.read(folder / "keys")
