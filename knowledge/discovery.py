"""Discovery of concepts: class names retrieve passages, passages give questions, questions become queries.

The loop of the KnoBo paper (section 3.1): for each query the passages not used by an earlier one are read,
every accepted question is a query of the next round, and it ends at the wanted number or when nothing new is
left.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from knowledge.concepts import Concept, ConceptBank, Evidence, Verdict, make_concept
from knowledge.errors import KnowledgeError
from knowledge.instructions import sift
from knowledge.passages import Passage
from knowledge.question_writer import Writer
from knowledge.quotes import candidate_sentences, sound_quote
from knowledge.retrieval.hits import Retriever
from knowledge.screening import Screen

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class DiscoverySettings:
    """Bounds of the loop.

    Attributes:
        wanted: Concepts to find.
        retrieve: Passages asked of the retriever for each query.
        keep: Passages read for each query, the best that no earlier query has used.
        sentences_per_passage: Sentences of a passage that are turned into questions, best first.
        sentences_per_batch: Sentences written about at once; more is faster for each.
        maximum_sentences: Sentences written about in total: what bounds the time of a run.
        candidates: Questions tried for a sentence, one after the other, until one is accepted.
        seed_support: Share of a seed question's content words that its quote must hold.
    """

    wanted: int = 150
    retrieve: int = 50
    keep: int = 10
    sentences_per_passage: int = 6
    sentences_per_batch: int = 24
    maximum_sentences: int = 600
    candidates: int = 3
    seed_support: float = 0.5


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found.

    Attributes:
        bank: The accepted concepts, in order of acceptance.
        verdicts: Of every concept tested, accepted or not, in order.
        tested: Every concept tested, so that a rejection can be read with its quote.
        rounds: Rounds begun.
        sentences: Sentences written about.
        stopped: Why it ended, one sentence.
        instructive: Passages left out because they speak to a language model, with the ways in which they do.
        read: Passages chosen for some query.
        waiting: Those of them with sentences that were not written about when it ended.
    """

    bank: ConceptBank
    verdicts: tuple[Verdict, ...]
    tested: tuple[Concept, ...]
    rounds: int
    sentences: int
    stopped: str
    instructive: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    read: frozenset[str] = frozenset()
    waiting: frozenset[str] = frozenset()


@dataclass
class _Loop:
    """The state of one discovery."""

    template: str
    retriever: Retriever
    passages: Mapping[str, Passage]
    writer: Writer
    screen: Screen
    settings: DiscoverySettings
    progress: Progress | None
    among: Container[str] | None = None
    used: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    verdicts: list[Verdict] = field(default_factory=list)
    tested: dict[str, Concept] = field(default_factory=dict)
    instructive: dict[str, tuple[str, ...]] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    sentences: int = 0

    def seed(self, questions: Sequence[str]) -> None:
        """Accept the questions of a person where the literature supports them."""
        for question in questions:
            if self.full():
                return
            passages = self.quotable(self.hits(question))
            found = sound_quote(question, passages, least=self.settings.seed_support)
            if found is None or found[1] < self.settings.seed_support:
                concept = make_concept(question, (), question)
                share = found[1] if found else 0.0
                reason = f"No retrieved sentence holds enough of its content words (best {share:.0%})."
                self.note([concept], [[Verdict(concept.id, "supported", False, reason)]])
            else:
                concept = make_concept(question, (found[0],), question)
                self.note([concept], self.screen.judge([concept], support=self.settings.seed_support))

    def round(self, queries: Iterable[str]) -> list[str]:
        """Read for every query; returns the questions accepted.

        The best sentence of every passage comes first, then the second best of each: where the bound on
        sentences ends a round early, every query has had its turn.
        """
        before = len(self.screen.accepted)
        found = [each for query in queries for each in self.read(query)]
        waiting = [(evidence, query) for _, evidence, query in sorted(found, key=lambda each: each[0])]
        while waiting and not self.finished():
            waiting = self.write(waiting)
        self.waiting |= {evidence.passage_id for evidence, _ in waiting}
        return [concept.question for concept in self.screen.accepted[before:]]

    def read(self, query: str) -> list[tuple[int, Evidence, str]]:
        """Sentences of the best passages that no earlier query used, with their place in the passage."""
        if query in self.asked:
            return []
        self.asked.add(query)
        fresh = [name for name in self.hits(query) if name not in self.used][: self.settings.keep]
        self.used.update(fresh)
        most = self.settings.sentences_per_passage
        return [
            (place, evidence, query)
            for passage in self.quotable(fresh)
            for place, evidence in enumerate(candidate_sentences(passage)[:most])
        ]

    def hits(self, query: str) -> list[str]:
        """Passages that may be read for a query, best first."""
        found = self.retriever.search([self.query(query)], limit=self.settings.retrieve)[0]
        return [hit.passage_id for hit in found if self.among is None or hit.passage_id in self.among]

    def quotable(self, names: Iterable[str]) -> list[Passage]:
        """The passages that do not speak to a model; the others are noted."""
        kept, instructive = sift(self.passages[name] for name in names)
        self.instructive |= instructive
        return kept

    def write(self, waiting: list[tuple[Evidence, str]]) -> list[tuple[Evidence, str]]:
        """Turn a batch of sentences into tested concepts; returns what still waits."""
        room = self.settings.maximum_sentences - self.sentences
        size = min(self.settings.sentences_per_batch, room)
        batch, rest = waiting[:size], waiting[size:]
        self.sentences += len(batch)
        proposals = self.writer.write([evidence.quote for evidence, _ in batch])
        unsettled = list(range(len(batch)))
        for turn in range(self.settings.candidates):
            unsettled = [i for i in unsettled if turn < len(proposals[i])]
            concepts = {i: make_concept(proposals[i][turn], (batch[i][0],), batch[i][1]) for i in unsettled}
            fresh = {i: each for i, each in concepts.items() if each.id not in self.tested}
            fresh = {i: each for i, each in fresh.items() if i == _first(fresh, each.id)}
            settled = self.test(fresh)
            unsettled = [i for i in unsettled if i not in settled]
        if self.progress:
            self.progress(min(len(self.screen.accepted), self.settings.wanted), self.settings.wanted)
        return rest

    def test(self, concepts: Mapping[int, Concept]) -> set[int]:
        """Screen concepts in order, never beyond the wanted number; returns the keys of the accepted."""
        settled: set[int] = set()
        items = list(concepts.items())
        while items and not self.full():
            room = self.settings.wanted - len(self.screen.accepted)
            some, items = items[:room], items[room:]
            verdicts = self.screen.judge([concept for _, concept in some])
            self.note([concept for _, concept in some], verdicts)
            settled |= {
                i for (i, _), each in zip(some, verdicts, strict=True) if all(one.passed for one in each)
            }
        return settled

    def note(self, concepts: Sequence[Concept], verdicts: Sequence[Sequence[Verdict]]) -> None:
        """Keep what was tested."""
        self.tested |= {concept.id: concept for concept in concepts}
        self.verdicts += [verdict for each in verdicts for verdict in each]

    def query(self, text: str) -> str:
        """A class name or question in the words of the template."""
        return self.template.replace("{query}", text.rstrip("?"))

    def full(self) -> bool:
        return len(self.screen.accepted) >= self.settings.wanted

    def finished(self) -> bool:
        return self.full() or self.sentences >= self.settings.maximum_sentences


def discover(
    start_queries: Sequence[str],
    *,
    template: str,
    retriever: Retriever,
    passages: Mapping[str, Passage],
    writer: Writer,
    screen: Screen,
    settings: DiscoverySettings | None = None,
    seed_questions: Sequence[str] = (),
    among: Container[str] | None = None,
    progress: Progress | None = None,
) -> Discovery:
    """Run the loop.

    Args:
        start_queries: The queries of the first round: class names, or findings of the modality.
        template: Holds `{query}`, e.g. `chest X-ray {query} diagnosis criteria`.
        retriever: Ranks passages for a query.
        passages: By id; all that the retriever may name.
        writer: Turns quoted sentences into questions.
        screen: Tests the concepts.
        settings: Bounds.
        seed_questions: Questions that a person wrote, e.g. those of expert columns. Accepted first, each
            with the retrieved sentence that holds most of its content words; they then are queries of the
            first round, too.
        among: Passages that may be read, where an earlier discovery has read others; all without it. They
            have to be among the best of the whole literature for a query all the same.
        progress: Called with (accepted, wanted).
    """
    if "{query}" not in template:
        raise KnowledgeError(
            f"The query template `{template}` lacks {{query}}; add it where the class name belongs."
        )
    if not passages:
        raise KnowledgeError("There are no passages to discover concepts in; check the literature sources.")
    settings = settings or DiscoverySettings()
    loop = _Loop(template, retriever, passages, writer, screen, settings, progress, among)
    loop.seed(seed_questions)
    queries = [*start_queries, *(concept.question for concept in screen.accepted)]
    rounds = 0
    while queries and not loop.finished():
        rounds += 1
        queries = loop.round(queries)
    return Discovery(
        ConceptBank(tuple(screen.accepted)),
        tuple(loop.verdicts),
        tuple(loop.tested.values()),
        rounds,
        loop.sentences,
        _why_stopped(loop, queries),
        loop.instructive,
        frozenset(loop.used),
        frozenset(loop.waiting),
    )


def _why_stopped(loop: _Loop, queries: Sequence[str]) -> str:
    if loop.full():
        return f"The {loop.settings.wanted} concepts wanted were found."
    if queries or loop.sentences >= loop.settings.maximum_sentences:
        return f"The bound of {loop.settings.maximum_sentences} sentences was reached."
    return "The literature has no passage left that a query retrieves and that was not used."


def _first(concepts: Mapping[int, Concept], concept_id: str) -> int:
    return next(i for i, each in concepts.items() if each.id == concept_id)
