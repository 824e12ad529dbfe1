"""The page on which a reader drops an image, sees the sum of concepts, and sets a concept to see it move."""

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from jinja2 import BaseLoader, Environment, StrictUndefined
from markupsafe import Markup

from pipelines.api.served import ServedRun


@dataclass(frozen=True, slots=True)
class Page:
    """The page of a run.

    Attributes:
        html: All of it; it loads nothing.
        policy: The Content-Security-Policy under which it works: its own style and script, and this server.
    """

    html: str
    policy: str


def make_page(served: ServedRun) -> Page:
    """The same for every visitor; the names of the run are escaped."""
    css, js = read("page.css"), read("maps.js") + read("page.js")
    environment = Environment(loader=BaseLoader(), autoescape=True, undefined=StrictUndefined)
    html = environment.from_string(read("page.html")).render(
        name=served.name,
        modality=served.modality,
        splits=tuple(served.splits.values()),
        maps=served.mapper is not None,
        css=Markup(css),  # noqa: S704  # our own file
        js=Markup(js),  # noqa: S704  # our own file
    )
    policy = (
        f"default-src 'none'; style-src '{source(css)}'; script-src '{source(js)}'; "
        "img-src blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return Page(html, policy)


@cache
def read(name: str) -> str:
    """A file beside this one."""
    return files(__name__).joinpath(name).read_text("utf-8")


def source(text: str) -> str:
    """As a policy names a piece of style or script."""
    return "sha256-" + b64encode(hashlib.sha256(text.encode()).digest()).decode()
