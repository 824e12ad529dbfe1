"""`Bio.Entrez` in a copy of our own, so that its requests go where, when and as patiently as we say."""

import importlib.util
import urllib.request
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from knowledge.errors import KnowledgeError

_TRANSPORT = "_open"  # the one function through which every E-utility of Bio.Entrez leaves


def private_entrez(send: Callable[[urllib.request.Request], Any]) -> ModuleType:
    """A copy of the module `Bio.Entrez` whose functions build the request and hand it to `send`.

    The installed module keeps address, pace and retries as globals of the process: an HTTP error is tried
    again at once, the pace is not shared between threads, and there is no time limit. A copy can be given
    another transport without changing anything for other users of Biopython.

    Raises:
        KnowledgeError: Biopython is missing, or its requests no longer leave through one function.
    """
    try:
        spec = importlib.util.find_spec("Bio.Entrez")
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.loader is None:
        raise KnowledgeError("PubMed by query needs Biopython: pip install 'knobo[pubmed]'.")
    entrez = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(entrez)
    if not callable(getattr(entrez, _TRANSPORT, None)):
        raise KnowledgeError("This release of Biopython is not known to knobo: pip install 'knobo[pubmed]'.")
    vars(entrez)[_TRANSPORT] = send
    return entrez


def based(request: urllib.request.Request, base_url: str) -> urllib.request.Request:
    """The request, sent to `base_url` instead of NCBI."""
    parts = urlsplit(request.full_url)
    utility = parts.path.rsplit("/", 1)[-1]
    request.full_url = f"{base_url.rstrip('/')}/{utility}" + (f"?{parts.query}" if parts.query else "")
    return request
