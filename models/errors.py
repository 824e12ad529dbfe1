"""The exceptions of the image side that a user is meant to read."""


class ModelsError(Exception):
    """A mistake in what the user gave: one sentence with what was found, where, and what to change."""


class ImageError(ModelsError):
    """The same of images, whose names are often the number of a patient.

    Attributes:
        named: The sentence, for the one who works with the images.
        unnamed: It without names, for what is kept or sent elsewhere.
    """

    def __init__(self, named: str, unnamed: str) -> None:
        super().__init__(named, unnamed)  # both, or a worker of another process could not send it
        self.named, self.unnamed = named, unnamed

    def __str__(self) -> str:
        return self.named
