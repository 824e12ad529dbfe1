import gzip
import hashlib
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from knowledge.errors import KnowledgeError, NetworkError
from knowledge.sources.pubmed_bulk import Fetching, complete_until, read_bulk, sync_bulk
from knowledge.sources.pubmed_bulk.currency import listed_day
from knowledge.sources.pubmed_bulk.state import State

QUICK = Fetching(pause=0.01, timeout=5)


class Server:
    """A folder on loopback as NLM serves it; `faults` maps a path to answers given before the right one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.asked: Counter[str] = Counter()
        self.faults: dict[str, list[str]] = {}
        self.most_at_once = self.at_once = 0
        self.delay = 0.0
        outer, lock = self, threading.Lock()

        class Handler(SimpleHTTPRequestHandler):
            def __init__(self, *given: Any) -> None:
                super().__init__(*given, directory=str(folder))

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

            def do_GET(self) -> None:
                name = self.path.rsplit("/", 1)[-1]
                with lock:
                    outer.asked[name] += 1
                    outer.at_once += 1
                    outer.most_at_once = max(outer.most_at_once, outer.at_once)
                    fault = (outer.faults.get(name) or [""]).pop(0)
                try:
                    time.sleep(outer.delay)
                    self.answer(fault)
                finally:
                    with lock:
                        outer.at_once -= 1

            def answer(self, fault: str) -> None:
                content = Path(self.translate_path(self.path))
                if fault.isdecimal():
                    self.send_response(int(fault))
                    self.send_header("Retry-After", "0")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                elif fault:
                    body = {
                        "cut": content.read_bytes()[:40] if fault == "cut" else b"",
                        "wrong": b"database error",
                    }
                    self.send_response(200)
                    self.send_header("Content-Length", str(content.stat().st_size if fault == "cut" else 14))
                    self.end_headers()
                    self.wfile.write(body[fault])
                else:
                    super().do_GET()

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/"

    def publish(self, place: str, *pmids: int, md5: str | None = None, text: str | None = None) -> None:
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        records = "".join(
            f"<PubmedArticle><MedlineCitation><PMID>{pmid}</PMID><Article><ArticleTitle>T</ArticleTitle>"
            "<Abstract><AbstractText>Text.</AbstractText></Abstract></Article></MedlineCitation></PubmedArticle>\n"
            for pmid in pmids
        )
        path.write_bytes(gzip.compress((text or f"<PubmedArticleSet>{records}</PubmedArticleSet>").encode()))
        digest = md5 or hashlib.md5(path.read_bytes()).hexdigest()
        path.with_name(f"{path.name}.md5").write_text(f"MD5({path.name})= {digest}\n")
        listed = [each for each in sorted(path.parent.iterdir()) if each.name != "index.html"]
        sizes = [(each.name, each.stat().st_size) for each in listed]
        links = (f'<a href="{each}">{each}</a>  2026-01-{size % 28 + 1:02} {size}\n' for each, size in sizes)
        (path.parent / "index.html").write_text(f'<pre><a href="../">Parent</a>\n{"".join(links)}</pre>')


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "server").mkdir()
    server = Server(tmp_path / "server")
    yield server
    server.server.shutdown()
    server.server.server_close()


def _ids(mirror: Path) -> list[str]:
    return sorted(document.id for document in read_bulk(mirror, source="p", license="l"))


def test_baseline_and_updates_are_fetched_once_and_then_only_what_is_new(
    server: Server, tmp_path: Path
) -> None:
    mirror = tmp_path / "mirror"
    server.publish("baseline/pubmed26n0001.xml.gz", 1, 2)
    server.publish("baseline/pubmed26n0002.xml.gz", 3)
    server.publish("updatefiles/pubmed26n0003.xml.gz", 4)
    calls: list[tuple[int, int]] = []
    report = sync_bulk(server.url, mirror, fetching=QUICK, progress=lambda *each: calls.append(each))
    assert (report.year, report.files, len(report.fetched), report.missing) == (2026, 3, 3, ())
    assert calls == [(1, 3), (2, 3), (3, 3)]
    assert _ids(mirror) == ["pmid:1", "pmid:2", "pmid:3", "pmid:4"]
    server.publish("updatefiles/pubmed26n0005.xml.gz", 5)
    again = sync_bulk(server.url, mirror, fetching=QUICK)
    assert (again.fetched, again.files, again.missing) == (("pubmed26n0005.xml.gz",), 4, (4,))
    assert all(number == 1 for name, number in server.asked.items() if name.endswith(".gz"))
    assert sorted(each.name for each in mirror.iterdir() if not each.is_dir()) == [
        f"pubmed26n000{number}.xml.gz" for number in (1, 2, 3, 5)
    ]


def test_faults_on_the_way_are_waited_out(server: Server, tmp_path: Path) -> None:
    name = "pubmed26n0001.xml.gz"
    server.publish(f"baseline/{name}", *range(1, 40))
    server.faults = {name: ["503", "cut", "wrong"], f"{name}.md5": ["429"], "baseline": []}
    assert sync_bulk(f"{server.url}baseline", tmp_path / "mirror", fetching=QUICK).fetched == (name,)
    assert server.asked[name] == 4


def test_a_file_that_stays_wrong_is_named_and_the_others_are_kept(server: Server, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    server.publish("baseline/pubmed26n0001.xml.gz", 1)
    server.publish("baseline/pubmed26n0002.xml.gz", 2, md5="0" * 32)
    with pytest.raises(
        KnowledgeError, match=r"pubmed26n0002\.xml\.gz cannot be fetched \(its MD5 is .*run again"
    ):
        sync_bulk(server.url, mirror, fetching=QUICK)
    assert [each.name for each in mirror.glob("*.gz")] == ["pubmed26n0001.xml.gz"]
    assert not list(mirror.glob(".pubmed*"))
    server.publish("baseline/pubmed26n0002.xml.gz", 2)
    assert sync_bulk(server.url, mirror, fetching=QUICK).fetched == ("pubmed26n0002.xml.gz",)
    assert server.asked["pubmed26n0001.xml.gz"] == 1


@pytest.mark.parametrize("text", ["<html>database error</html>", "<PubmedArticleSet></PubmedArticleSet>"])
def test_a_valid_checksum_does_not_make_an_error_page_a_file_of_records(
    server: Server, tmp_path: Path, text: str
) -> None:
    server.publish("baseline/pubmed26n0001.xml.gz", text=text)
    with pytest.raises(KnowledgeError, match=r"pubmed26n0001\.xml\.gz"):
        sync_bulk(server.url, tmp_path / "mirror", fetching=QUICK)
    assert not list((tmp_path / "mirror").glob("*.gz"))


def test_files_that_lie_there_already_are_verified_and_not_fetched(server: Server, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    name = "pubmed26n0001.xml.gz"
    server.publish(f"baseline/{name}", 1)
    (mirror / name).write_bytes((server.folder / "baseline" / name).read_bytes())
    (mirror / ".pubmed26n0009.xml.part.gz").write_bytes(b"left by a killed run")
    report = sync_bulk(server.url, mirror, fetching=QUICK)
    assert (report.fetched, report.adopted, server.asked[name]) == ((), (name,), 0)
    assert not list(mirror.glob(".pubmed*"))


def test_a_file_issued_again_or_lost_is_fetched_again(server: Server, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    server.publish("baseline/pubmed26n0001.xml.gz", 1)
    server.publish("baseline/pubmed26n0002.xml.gz", 2)
    sync_bulk(server.url, mirror, fetching=QUICK)
    server.publish("baseline/pubmed26n0001.xml.gz", 1, 7)
    (mirror / "pubmed26n0002.xml.gz").unlink()
    assert len(sync_bulk(server.url, mirror, fetching=QUICK).fetched) == 2
    assert _ids(mirror) == ["pmid:1", "pmid:2", "pmid:7"]


def test_a_new_year_replaces_the_old_once_it_is_complete(server: Server, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    server.publish("baseline/pubmed26n0001.xml.gz", *range(1, 101))
    sync_bulk(server.url, mirror, fetching=QUICK)
    assert len(_ids(mirror)) == 100
    server.publish("baseline/pubmed27n0001.xml.gz", *range(1, 60))
    server.publish("baseline/pubmed27n0002.xml.gz", *range(61, 101), md5="0" * 32)
    with pytest.raises(KnowledgeError, match="pubmed27n0002"):
        sync_bulk(server.url, mirror, fetching=QUICK)
    assert len(_ids(mirror)) == 100
    server.publish("baseline/pubmed27n0002.xml.gz", *range(61, 101))
    report = sync_bulk(server.url, mirror, fetching=QUICK)
    assert (report.year, report.removed) == (2027, ("pubmed26n0001.xml.gz",))
    reading = read_bulk(mirror, source="p", license="l")
    assert len(list(reading)) == 99
    assert reading.report.vanished_named == (60,)


def test_a_killed_run_goes_on_without_fetching_a_verified_file_again(server: Server, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    for number in range(1, 7):
        server.publish(f"baseline/pubmed26n{number:04}.xml.gz", number)
    server.delay = 0.2
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from knowledge.sources.pubmed_bulk import Fetching, sync_bulk\n"
        "sync_bulk(sys.argv[1], Path(sys.argv[2]), fetching=Fetching(connections=2))"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code, server.url, str(mirror)], cwd=Path(__file__).parents[2]
    )
    while not (ledger := State(mirror / "knobo-state").read_ledger()):
        assert run.poll() is None
        time.sleep(0.02)
    run.kill()
    run.wait()
    server.delay = 0
    report = sync_bulk(server.url, mirror, fetching=QUICK)
    assert 1 <= len(report.fetched) < 6
    assert all(server.asked[name] == 1 for name in ledger)
    assert _ids(mirror) == [f"pmid:{number}" for number in range(1, 7)]


def test_never_more_connections_than_allowed(server: Server, tmp_path: Path) -> None:
    for number in range(1, 13):
        server.publish(f"baseline/pubmed26n{number:04}.xml.gz", number)
    sync_bulk(server.url, tmp_path / "mirror", fetching=Fetching(connections=2, pause=0.01))
    assert server.most_at_once <= 2


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://127.0.0.1:9/", "cannot be fetched"),
        ("ftp://127.0.0.1/", "no http:// or https:// address"),
        ("file:///etc/", "no http:// or https:// address"),
    ],
)
def test_a_server_that_is_not_there_is_named(tmp_path: Path, url: str, message: str) -> None:
    with pytest.raises(KnowledgeError, match=message):
        sync_bulk(url, tmp_path, fetching=QUICK)


def test_a_page_without_pubmed_files_and_settings_that_cannot_work_are_named(
    server: Server, tmp_path: Path
) -> None:
    (server.folder / "index.html").write_text('<a href="../../etc/passwd">pubmed26n0001.xml.gz</a>')
    with pytest.raises(KnowledgeError, match=r"lists no file like pubmed26n0001\.xml\.gz"):
        sync_bulk(server.url, tmp_path / "mirror", fetching=QUICK)
    with pytest.raises(KnowledgeError, match="0 connections"):
        Fetching(connections=0)


def test_only_failures_that_another_try_may_mend_are_of_the_network(server: Server, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        server.publish(f"baseline/pubmed26n000{number}.xml.gz", number)
    server.publish("index.html")
    (server.folder / "index.html").write_text('<a href="baseline/">baseline/</a>\n')
    once = Fetching(pause=0.01, timeout=5, attempts=1)
    for broken in (["pubmed26n0001.xml.gz"], ["pubmed26n0001.xml.gz", "pubmed26n0002.xml.gz"]):
        server.faults = {name: ["503"] for name in broken}
        with pytest.raises(NetworkError, match=r"HTTP 503|2 files failed"):
            sync_bulk(server.url, tmp_path / f"mirror{len(broken)}", fetching=once)
    server.faults = {"pubmed26n0001.xml.gz": ["503"], "pubmed26n0002.xml.gz": ["404"]}
    with pytest.raises(KnowledgeError, match="2 files failed") as caught:
        sync_bulk(server.url, tmp_path / "other", fetching=once)
    assert not isinstance(caught.value, NetworkError)


def test_a_mirror_is_complete_until_the_day_that_the_server_lists(server: Server, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    assert complete_until(mirror) == ""
    for number in (1, 2):
        server.publish(f"baseline/pubmed26n000{number}.xml.gz", number)
    page = (server.folder / "baseline" / "index.html").read_text()
    newest = next(line for line in page.splitlines() if 'n0002.xml.gz"' in line)
    sync_bulk(f"{server.url}baseline/", mirror, fetching=QUICK)
    assert complete_until(mirror) == newest.split("  ")[1].split()[0]


@pytest.mark.parametrize(
    ("listed", "day"),
    [
        ("2026-01-30 14:05 19M", "2026-01-30"),
        ("30-Jan-2026 14:05 20123456", "2026-01-30"),
        ("2026-02-30 14:05 19M", ""),
        ("19M", ""),
    ],
)
def test_days_are_read_as_servers_list_them(listed: str, day: str) -> None:
    assert listed_day(listed) == day
