"""A whole run of seconds whose language model, on loopback, keeps a list of what it was asked."""

import hashlib
import json
import math
import os
import re
import signal
import sqlite3
import string
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from loopback_server import PlainMind, Server  # beside the tests of knowledge

from models.files import write_text
from pipelines.demo.make import make_demo
from pipelines.directories import new_directory

IMAGES = 100
CONFIG = """
name = "NAME"
modality = "chest X-ray"
classes = [{ name = "normal", normal = true }, { name = "abnormal", general = true }]

[[literature]]
name = "handbook"
kind = "markdown"
path = "demo-handbook:chest_xray"
license = "Apache-2.0"

[[datasets]]
name = "reports"
manifest = "chest_xray/metadata.csv"
id = "image_id"
patient = "patient_id"
report = ["report"]
where = { set = ["grounding"] }

[[datasets]]
name = "phantoms"
manifest = "chest_xray/metadata.csv"
id = "image_id"
patient = "patient_id"
label = "label"
attributes = ["exposure", "sex"]
where = { set = ["evaluation"] }

[[splits]]
name = "exposure"
datasets = ["phantoms"]
classes = ["normal", "abnormal"]
attribute = "exposure"
values = ["dark", "bright"]

[language_model.endpoint]
base_url = "URL"
model = "small"
concurrency = 4

[retrieval]
dense = false

[discovery]
wanted = 6
maximum_sentences = 48

[screening]
encoder = "ENCODER"
novelty = 1.0
minimum_answers = 1

[annotation]
annotator = "language_model"
nearest = 2
random = 8

[prior]
source = "language_model"

[encoder]
kind = "pixels"

[grounding]
datasets = ["reports"]
minimum = 2
folds = 2
minimum_auroc = 0.0

[fit]
methods = ["knobo", "linear_probe", "no_prior"]
seeds = 1
epochs = 10

[fine_tune]
enabled = false

[audit]
replicates = 20
"""


HIDDEN = {".history", ".lock", ".manifest.lock", ".managed.json"} | {
    f".tantivy-{kind}.lock" for kind in ("meta", "writer")
}
"""What finished runs keep under hidden names, where everything is that has only been begun."""
ALL = slice(None)
"""Of the requests."""


class HashMind(PlainMind):
    """Answers by the digest of what it is asked: as good as any, and always the same."""

    def fill(self, prompt: str, schema: dict[str, Any]) -> str:
        """The words of a sentence as a question."""
        assert schema
        sentences = re.findall(r'^Sentence: (".*")$', prompt, re.MULTILINE)
        if not sentences:  # a probe asks for a word
            return super().fill(prompt, schema)
        spoken = json.loads(sentences[-1]).rstrip(".").lower().split()
        words = [word for word in spoken if "normal" not in word]  # a question that names a class is refused
        return json.dumps({"questions": [f"Is there {' '.join(words[:9])}?"]})

    def top(self, prompt: str, count: int) -> list[tuple[str, float]]:
        """Yes to a sign in one sentence of twelve, to all else more often; to no text as much yes as no."""
        if "Text: N/A\n" in prompt:
            return [("Yes", math.log(0.5)), ("No", math.log(0.5))][:count]
        drawn = hashlib.sha256(prompt.encode()).digest()[0] / 256
        yes = 0.95 if drawn < (1 / 12 if prompt.startswith("Text:") else 2 / 3) else 0.05
        return [("Yes", math.log(yes)), ("No", math.log(1 - yes))][:count]


@dataclass(frozen=True)
class Asked:
    """One request: its digest, when it came, when it was answered, and whether it tried the server out."""

    digest: str
    came: float
    answered: float
    probe: bool


@dataclass
class WatchedServer(Server):
    """Keeps a list of all requests."""

    delay: float = 0.0
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(HashMind(), delay=self.delay)

    def _answer(self, request: Request, body: dict[str, Any], prompt: str, asked: str) -> Response:
        came = time.time()
        reply = super()._answer(request, body, prompt, asked)
        text = json.dumps(body, sort_keys=True)
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.asked.append(Asked(digest, came, time.time(), probe="snow" in text))
        return reply

    def repeated(
        self, kills: Sequence[tuple[float, float]], *, grace: float = 1.0, among: slice = ALL
    ) -> list[tuple[Asked, Asked]]:
        """Requests behind the same one answered before, but for those under way when a process was killed.

        Of a kill it is known between which times it was; an answer takes its time to be received and kept.
        """
        seen: dict[str, Asked] = {}
        found = []
        for each in sorted(self.asked[among], key=lambda each: each.came):
            before = seen.get(each.digest)
            if before and not any(
                before.came <= until and since <= before.answered + grace for since, until in kills
            ):
                found.append((before, each))
            seen[each.digest] = each
        return found

    def times_asked(self, among: slice = ALL) -> Counter[str]:
        """How often each request came."""
        return Counter(each.digest for each in self.asked[among])


@dataclass(frozen=True)
class AskingProject:
    """A folder with phantoms and a configuration; each line of runs has a cache of its own."""

    folder: Path
    weights: Path

    def configure(self, line: str, *, url: str, name: str = "asking") -> Path:
        """Writes what `knobo run` takes, and makes the cache of the line; runs have their own names."""
        make_demo(self.folder, chest=IMAGES, skin=0)
        cache = self.cache(line)
        if not cache.exists():
            cache.mkdir(parents=True)
            (cache / "weights").symlink_to(self.weights)
        path = self.folder / f"{line}-{name}.toml"
        encoder = str(small_encoder(self.folder / "encoder"))
        write_text(path, CONFIG.replace("URL", url).replace("NAME", name).replace("ENCODER", encoder))
        return path

    def cache(self, line: str) -> Path:
        """Where replies and features of a line of runs lie."""
        return self.folder / f"cache-{line}"

    def runs(self, line: str) -> Path:
        """The folder of its runs."""
        return self.folder / f"runs-{line}"

    def run(self, line: str, name: str = "asking") -> Path:
        """The directory of a run."""
        return self.runs(line) / name

    def environment(self, line: str) -> dict[str, str]:
        """Of a process that works on it."""
        return os.environ | {"KNOBO_CACHE": str(self.cache(line)), "OMP_NUM_THREADS": "1"}

    def start(self, line: str, *options: str) -> subprocess.Popen[str]:
        """`knobo run` on it."""
        command = [sys.executable, "-m", "pipelines.cli", "run", str(self.folder / f"{line}-asking.toml")]
        command += ["--runs", str(self.runs(line)), "--json", *options]
        return subprocess.Popen(
            command,
            env=self.environment(line),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def finish(self, line: str, *options: str) -> None:
        """Runs it to its end."""
        process = self.start(line, *options)
        try:
            _, errors = process.communicate(timeout=900)
        finally:
            process.kill()
        assert process.returncode == 0, errors

    def audit(self, line: str, name: str = "asking") -> bytes:
        """What the runs are compared by."""
        return (self.run(line, name) / "audit.json").read_bytes()

    def finished_stages(self, line: str, name: str = "asking") -> list[str]:
        """By the manifest, which is never half written."""
        try:
            values = json.loads((self.run(line, name) / "manifest.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return []
        return list(values["stages"])

    def half_written(self, line: str) -> list[Path]:
        """What a killed process began in a run and nobody removed."""
        return [path for path in self.runs(line).rglob(".*") if path.name not in HIDDEN]

    def keys_of_replies(self, line: str) -> list[str]:
        """What the log of calls knows."""
        with sqlite3.connect(self.cache(line) / "calls.sqlite") as database:
            return [key for (key,) in database.execute("select key from replies")]


def small_encoder(folder: Path) -> Path:
    """A BERT of one small layer with random weights: here nobody asks whether two questions are alike."""
    if folder.exists():
        return folder
    import torch
    from transformers import BertConfig, BertModel

    letters = [*string.ascii_lowercase, *(f"##{letter}" for letter in string.ascii_lowercase)]
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters]
    with new_directory(folder) as made:
        (made / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
        settings = {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 128}
        (made / "tokenizer_config.json").write_text(json.dumps(settings))
        torch.manual_seed(0)
        size = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 16}
        config = BertConfig(vocab_size=len(vocabulary), max_position_embeddings=256, **size)
        BertModel(config).save_pretrained(made)
    return folder


def kill(process: subprocess.Popen[str]) -> tuple[float, float]:
    """SIGKILL to a process that was started here; between which times, for it may go on for a moment."""
    before = time.time()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return before, time.time()
