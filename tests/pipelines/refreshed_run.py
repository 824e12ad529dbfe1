"""A small finished run with a language model on loopback that counts what it is asked."""

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from loopback_server import PlainMind
from PIL import Image

from models.features.table import FeatureTable
from pipelines.config import load_config
from pipelines.config.keeping import keep_config
from pipelines.images_table import read_images
from pipelines.progress import SilentReporter
from pipelines.run import Run
from pipelines.stages import STAGES

CONFIG = """
name = "small"
modality = "chest X-ray"
classes = [{{ name = "normal", normal = true }}, {{ name = "pneumonia" }}]
literature = [{{ name = "notes", kind = "pubmed_xml", path = "notes", license = "CC0" }}]
splits = [{{ name = "plain", kind = "plain", datasets = ["images"], classes = ["normal", "pneumonia"] }}]
grounding = {{ datasets = ["reports"], minimum = 2, folds = 2 }}
annotation = {{ lexicon = [] }}
screening = {{ minimum_answers = 4 }}
language_model = {{ endpoint = {{ base_url = "{url}", model = "small" }} }}
refresh = {{ {refresh} }}
datasets = [
  {{ name = "reports", manifest = "{data}/reports.csv", report = ["report"] }},
  {{ name = "images", manifest = "{data}/images.csv", label = "label" }},
]
"""
HEART = "The heart is enlarged in many chest films of pneumonia."
AIR = "A dense consolidation with air bronchograms is seen in pneumonia."
ANGLE = "The costophrenic angle is blunted by fluid in pneumonia."
RIB = "A rib fracture is seen as a cortical step beside pneumonia."
QUESTIONS = {
    HEART: "Is the heart enlarged?",
    AIR: "Is there a dense consolidation?",
    ANGLE: "Is the costophrenic angle blunted?",
    RIB: "Is there a rib fracture?",
}
REPORTS = (
    "The heart is enlarged. There is a dense consolidation. The costophrenic angle is blunted. Rib fracture.",
    "The heart is not enlarged. No dense consolidation. No blunted costophrenic angle. No rib fracture.",
)
BUILT = ("fetch", "gather", "index", "images", "split", "discover", "curate", "annotate")
ARTICLE = """<PubmedArticle><MedlineCitation><PMID Version="1">{pmid}</PMID><Article>
<ArticleTitle>Films</ArticleTitle><Abstract><AbstractText>{text}</AbstractText></Abstract>
<PublicationTypeList><PublicationType UI="D1">{kind}</PublicationType></PublicationTypeList>
</Article></MedlineCitation></PubmedArticle>"""


@dataclass
class Asked(PlainMind):
    """Writes the question of a sentence, and remembers which sentences it was given."""

    said: dict[str, str] = field(default_factory=dict)
    sentences: list[str] = field(default_factory=list)

    def fill(self, prompt: str, schema: dict[str, Any]) -> str:
        found = re.findall(r'Sentence: ("(?:[^"\\]|\\.)*")\nReply:\Z', prompt)
        if not found:  # a probe
            return super().fill(prompt, schema)
        sentence = json.loads(found[0])
        self.sentences.append(sentence)
        return json.dumps({"questions": [QUESTIONS[sentence]] if sentence in QUESTIONS else []})


@dataclass(frozen=True)
class Project:
    """A folder with configuration, literature and runs."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "small.toml"

    @property
    def runs(self) -> Path:
        return self.folder / "runs"

    @property
    def run(self) -> Run:
        return Run(self.runs / "small", load_config(self.config), SilentReporter())

    def write(self, *articles: str) -> None:
        """The whole literature."""
        (self.folder / "notes").mkdir(exist_ok=True)
        body = "".join(articles)
        path = self.folder / "notes" / "films.xml"
        path.write_text(f"<PubmedArticleSet>{body}</PubmedArticleSet>", "utf-8")

    def configure(self, url: str, data: Path, *, refresh: str = "") -> None:
        self.config.write_text(CONFIG.format(url=url, data=data, refresh=refresh), "utf-8")

    def execute(self, names: Sequence[str]) -> list[str]:
        """Runs stages that are not fresh; their names."""
        run = self.run
        with run.locked():
            return [stage.name for stage in STAGES if stage.name in names and run.execute(stage)]

    def copy(self, folder: Path) -> "Project":
        shutil.copytree(self.folder, folder)
        return Project(folder)


def article(pmid: int, text: str, *, kind: str = "Journal Article") -> str:
    return ARTICLE.format(pmid=pmid, text=text, kind=kind)


TWO = (article(1, HEART), article(2, AIR))
"""The literature of the first build."""


def make_images(data: Path) -> None:
    """Two dozen grey squares; every second report of the first half says yes to everything."""
    data.mkdir()
    rows, labels = ["image,report"], ["image,label"]
    for n in range(24):
        Image.fromarray(np.full((8, 8), n * 10, np.uint8)).save(data / f"{n}.png")
        if n < 16:
            rows.append(f'{n}.png,"{REPORTS[n % 2]}"')
        else:
            labels.append(f"{n}.png,{('normal', 'pneumonia')[n % 2]}")
    (data / "reports.csv").write_text("\n".join(rows) + "\n", "utf-8")
    (data / "images.csv").write_text("\n".join(labels) + "\n", "utf-8")


def finished(folder: Path, url: str, data: Path) -> Project:
    """A run that has its bank, and features that tell the reports apart."""
    project = Project(folder)
    folder.mkdir()
    project.configure(url, data)
    project.write(*TWO)
    run = project.run
    run.directory.mkdir(parents=True)
    keep_config(run.path("config.toml"), run.config)
    project.execute(BUILT)
    ids = [record.id for record in read_images(run.path("images.parquet")).records]
    values = np.random.default_rng(0).normal(size=(len(ids), 3)).astype(np.float32)
    values[:, 0] = [n % 2 for n in range(len(ids))]
    FeatureTable(tuple(ids), ("a", "b", "c"), values).save(run.path("features"))
    return project
