"""The stage that asks the network, with a real server on loopback."""

import importlib.util
import json
import shutil
import sys
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest

from pipelines.config import load_config
from pipelines.errors import PipelineError
from pipelines.run import Run
from pipelines.stages import STAGES

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{{ name = "normal", normal = true }}, {{ name = "sick" }}]
literature = [{literature}]
datasets = [{{ name = "images", manifest = "images.csv" }}]
splits = [{{ name = "plain", kind = "plain", datasets = ["images"], classes = ["normal", "sick"] }}]
grounding = {{ datasets = ["images"] }}
"""
FETCH, GATHER = (next(stage for stage in STAGES if stage.name == name) for name in ("fetch", "gather"))


@pytest.fixture(scope="module")
def eutils_server() -> ModuleType:
    path = Path(__file__).parents[1] / "knowledge" / "eutils_server.py"
    spec = importlib.util.spec_from_file_location("eutils_server", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["eutils_server"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KNOBO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def run_of(folder: Path, literature: str) -> Run:
    (folder / "c.toml").write_text(CONFIG.format(literature=literature))
    (folder / "run").mkdir(exist_ok=True)
    return Run(folder / "run", load_config(folder / "c.toml"))


def query(url: str) -> str:
    return (
        '{ name = "chest", kind = "pubmed_query", query = "lung", '
        f'email = "someone@example.org", url = "{url}" }}'
    )


def ids(run: Run) -> set[str]:
    return {json.loads(line)["id"] for line in run.path("passages.jsonl").open()}


@pytest.mark.usefixtures("cache")
def test_a_query_is_fetched_once_and_read_as_passages(tmp_path: Path, eutils_server: ModuleType) -> None:
    with eutils_server.serve(
        eutils_server.Eutils({pmid: date(2020, 1, 1) for pmid in (11, 12, 13)})
    ) as server:
        run = run_of(tmp_path, query(server.url))
        assert run.execute(FETCH)
        assert run.execute(GATHER)
        asked = len(server.asked)
        assert not run.execute(FETCH)
        assert not run.execute(GATHER)
        assert len(server.asked) == asked
    assert ids(run) == {f"chest/pmid:{pmid}#1" for pmid in (11, 12, 13)}
    (gathered,) = json.loads(run.path("gathered.json").read_text())
    assert (gathered["documents"], gathered["passages"]) == (3, 3)


@pytest.mark.usefixtures("cache")
def test_asking_again_without_news_leaves_the_rest_fresh(tmp_path: Path, eutils_server: ModuleType) -> None:
    with eutils_server.serve(eutils_server.Eutils({11: date(2020, 1, 1)})) as server:
        run = run_of(tmp_path, query(server.url))
        run.execute(FETCH)
        run.execute(GATHER)
        run.forget("fetch")
        assert run.execute(FETCH)
        assert run.is_fresh(GATHER)


def test_records_that_another_run_fetched_meanwhile_are_not_read_as_this_runs_own(
    tmp_path: Path, cache: Path, eutils_server: ModuleType
) -> None:
    with eutils_server.serve(eutils_server.Eutils({11: date(2020, 1, 1)})) as server:
        run = run_of(tmp_path, query(server.url))
        run.execute(FETCH)
        (tmp_path / "other").mkdir()
        server.dates[12] = date(2020, 1, 1)
        run_of(tmp_path / "other", query(server.url)).execute(FETCH)
        with pytest.raises(PipelineError, match=r"records of chest are not, .* knobo run --refresh takes"):
            run.execute(GATHER)
        run.forget("fetch")
        run.execute(FETCH)
        run.execute(GATHER)
        assert ids(run) == {"chest/pmid:11#1", "chest/pmid:12#1"}
        shutil.rmtree(cache)
        run.forget("gather")
        assert run.is_fresh(FETCH)
        with pytest.raises(PipelineError, match="knobo run --refresh takes"):
            run.execute(GATHER)
        run.forget("fetch")
        run.execute(FETCH)
        run.execute(GATHER)


@pytest.mark.usefixtures("cache")
def test_another_server_is_another_source(tmp_path: Path, eutils_server: ModuleType) -> None:
    eutils = eutils_server
    with (
        eutils.serve(eutils.Eutils({11: date(2020, 1, 1)})) as one,
        eutils.serve(eutils.Eutils({12: date(2020, 1, 1)})) as other,
    ):
        run_of(tmp_path, query(one.url)).execute(FETCH)
        run = run_of(tmp_path, query(other.url))
        assert run.execute(FETCH)
        run.execute(GATHER)
    assert ids(run) == {"chest/pmid:12#1"}


def test_neither_key_nor_address_reaches_the_run_directory(
    tmp_path: Path, cache: Path, eutils_server: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NCBI_API_KEY", "0123456789secret")
    with eutils_server.serve(eutils_server.Eutils({11: date(2020, 1, 1)})) as server:
        run = run_of(tmp_path, query(server.url))
        run.execute(FETCH)
        run.execute(GATHER)
    written = [file for root in (run.directory, cache) for file in root.rglob("*") if file.is_file()]
    assert written
    assert not [file for file in written if b"0123456789secret" in file.read_bytes()]


def test_files_that_lie_in_a_folder_are_read_in_bulk(tmp_path: Path, eutils_server: ModuleType) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    write_bulk(mirror / "pubmed26n0001.xml.gz", eutils_server, [21, 22])
    run = run_of(tmp_path, '{ name = "all", kind = "pubmed_bulk", path = "mirror", workers = 1 }')
    assert run.execute(FETCH)
    assert run.execute(GATHER)
    assert ids(run) == {"all/pmid:21#1", "all/pmid:22#1"}
    (fetched,) = json.loads(run.path("fetched.json").read_text())
    assert fetched["until"] == ""  # no ledger: nobody knows
    write_bulk(mirror / "pubmed26n0002.xml.gz", eutils_server, [23])
    assert not run.is_fresh(FETCH)
    run.execute(FETCH)
    run.execute(GATHER)
    assert ids(run) == {"all/pmid:21#1", "all/pmid:22#1", "all/pmid:23#1"}


def write_bulk(path: Path, eutils_server: ModuleType, pmids: list[int]) -> None:
    import gzip

    articles = "".join(eutils_server.article(pmid) for pmid in pmids)
    path.write_bytes(gzip.compress(f"<PubmedArticleSet>{articles}</PubmedArticleSet>".encode()))


@pytest.mark.usefixtures("cache")
def test_what_was_left_out_is_told(tmp_path: Path, eutils_server: ModuleType) -> None:
    eutils = eutils_server.Eutils({pmid: date(2020, 1, 1) for pmid in (11, 12)})
    eutils.records[12] = eutils_server.article(12).replace("Findings of study 12.", "")
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    write_bulk(mirror / "pubmed26n0001.xml.gz", eutils_server, [21, 22])
    write_bulk(mirror / "pubmed25n0001.xml.gz", eutils_server, [23])
    bulk = '{ name = "all", kind = "pubmed_bulk", path = "mirror", workers = 1, words = ["study 21"] }'
    with eutils_server.serve(eutils) as server:
        run = run_of(tmp_path, f"{query(server.url)}, {bulk}")
        run.execute(FETCH)
        run.execute(GATHER)
    one, other = json.loads(run.path("gathered.json").read_text())
    assert one["remarks"] == ["documents without text left out: 1, namely pmid:12"]
    assert other["remarks"] == [
        "records with none of the words and headings asked for: 1",
        "files of other years, not read: 1, namely pubmed25n0001.xml.gz",
    ]
