"""What differs between two banks: concepts come and gone, reworded, requoted, and signs."""

from dataclasses import dataclass

from knowledge.concepts import Concept, ids_by_former_id
from knowledge.curation.signed_bank import SignedBank
from knowledge.priors.table import Override


@dataclass(frozen=True, slots=True)
class Pair:
    """A concept of the earlier bank and what it is in the later one."""

    old: Concept
    new: Concept


@dataclass(frozen=True, slots=True)
class SignDifference:
    """A sign that is not the same; None where there is none. `by` says who gave each."""

    concept: Concept
    class_name: str
    old: float | None
    new: float | None
    old_by: str
    new_by: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The later bank beside the earlier one, in the order of the bank they stand in."""

    added: tuple[Concept, ...]
    removed: tuple[Concept, ...]
    reworded: tuple[Pair, ...]
    requoted: tuple[Pair, ...]
    signs: tuple[SignDifference, ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not (self.added or self.removed or self.reworded or self.requoted or self.signs)


def compare(old: SignedBank, new: SignedBank) -> Comparison:
    """Concepts are the same by id, or where one was made from the other."""
    forward, backward = ids_by_former_id(new.bank), ids_by_former_id(old.bank)
    pairs = []
    for concept in old.bank:
        name = forward.get(concept.id) or next(
            (each.id for each in new.bank if backward.get(each.id) == concept.id), None
        )
        if name is not None:
            pairs.append(Pair(concept, new.bank[name]))
    matched_old, matched_new = {pair.old.id for pair in pairs}, {pair.new.id for pair in pairs}
    return Comparison(
        added=tuple(each for each in new.bank if each.id not in matched_new),
        removed=tuple(each for each in old.bank if each.id not in matched_old),
        reworded=tuple(pair for pair in pairs if pair.old.question != pair.new.question),
        requoted=tuple(pair for pair in pairs if not _rests_on_the_same(pair, pairs)),
        signs=tuple(_signs(old, new, pairs)),
    )


def _rests_on_the_same(pair: Pair, pairs: list[Pair]) -> bool:
    """Whether the later quotations are those of all concepts that became it."""
    earlier = {quote for each in pairs if each.new.id == pair.new.id for quote in each.old.evidence}
    return earlier == set(pair.new.evidence)


def _signs(old: SignedBank, new: SignedBank, pairs: list[Pair]) -> list[SignDifference]:
    """Only of classes that both speak of."""
    classes = [name for name in new.classes if name in old.classes]
    before, after = old.by_cell(), new.by_cell()
    found = []
    for pair in {each.new.id: each for each in reversed(pairs)}.values():
        for name in classes:
            was, now = before.get((pair.old.id, name)), after.get((pair.new.id, name))
            if _value(was) != _value(now):
                found.append(SignDifference(pair.new, name, _value(was), _value(now), _by(was), _by(now)))
    order = {concept_id: place for place, concept_id in enumerate(new.bank.ids)}
    return sorted(found, key=lambda each: order[each.concept.id])


def _value(sign: Override | None) -> float | None:
    return None if sign is None else sign.sign


def _by(sign: Override | None) -> str:
    return "none" if sign is None else sign.source
