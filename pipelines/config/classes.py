"""The classes of the images, in the words of the literature."""

from pipelines.config.section import Section


class ClassWords(Section):
    """A class of the images, and the words by which literature speaks of it."""

    name: str
    """As it stands in the label column, or as `label_map` names it."""
    words: tuple[str, ...] = ()
    """Synonyms: start queries, and words that no question may contain."""
    normal: bool = False
    """Whether the class means that no disease is seen: signs of disease speak against it."""
    general: bool = False
    """Whether the class means any disease: every sign of disease speaks for it."""

    @property
    def all_words(self) -> tuple[str, ...]:
        """The name as words, then the synonyms, each once."""
        return tuple(dict.fromkeys((self.name.replace("_", " "), *self.words)))
