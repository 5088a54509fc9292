"""What lists there are, of tokens and of runs: how one is read, drawn, and what an event means to it."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from .. import ids
from ..database import Unit
from ..environments.models import Environment
from ..events import Event
from ..requests.reading import titles
from ..runs import views as runs_views
from ..runs.models import Run
from ..runs.search import of_ids
from ..service import Service
from ..tokens import views as tokens_views
from ..tokens.models import Token
from ..tokens.pages import snippets as token_snippets
from ..tokens.search import Doubt, retrieve
from ..tokens.views import View
from .arrivals import Arrivals, RunArrivals, TokenArrivals


class Filters(Protocol):
    """What a list shows, as its URL says it."""

    @property
    def environment(self) -> str: ...
    @property
    def is_first_page(self) -> bool: ...
    def url(self) -> str: ...


class Kind(msgspec.Struct, frozen=True):
    """One kind of list. The name is that of its things in templates; their ids begin with `prefix`."""

    name: str
    prefix: str
    look: Callable[[Unit, Environment, Any], View | Doubt]
    tabs: Callable[[Unit, Environment, Any], list[View]]
    rows: Callable[[Unit, Sequence[str]], Sequence[Token | Run]]
    beside: Callable[[Unit, Sequence[str]], View]  # what its rows want besides their things
    snippets: Callable[[Service, Environment], dict[str, str]]
    arrivals: Callable[[Any], Arrivals]
    is_silent: Callable[[Any], bool]  # whether events do not tell what comes into a list with these filters

    def is_about(self, event: Event) -> bool:
        return event.subject.startswith(self.prefix)

    def template(self, part: str) -> str:
        return f"{self.name}s/_{part}.html"

    def things(self, view: View) -> Sequence[Token | Run]:
        """What a view of the list has in its rows."""
        found: Sequence[Token | Run] = view[f"{self.name}s"]
        return found


def _tokens(db: Unit, ids: Sequence[str]) -> list[Token | Run]:
    found = (retrieve(db, token_id) for token_id in ids)
    return [token for token in found if isinstance(token, Token)]


def _titles(db: Unit, ids: Sequence[str]) -> View:
    return {"titles": titles(db, ids)}


def _nothing(_db: Unit, _ids: Sequence[str]) -> View:
    return {}


def _is_of_one_key(filters: Any) -> bool:
    return bool(filters.key)


def _never(_: Any) -> bool:
    return False


def _run_snippets(service: Service, environment: Environment) -> dict[str, str]:
    return runs_views.snippets(service.public_url, environment)


TOKENS = Kind(
    "token",
    ids.TOKEN_PREFIX,
    tokens_views.list_view,
    tokens_views.tabs_view,
    _tokens,
    _titles,
    token_snippets,
    TokenArrivals,
    is_silent=_is_of_one_key,
)
RUNS = Kind(
    "run",
    ids.RUN_PREFIX,
    runs_views.list_view,
    runs_views.tabs_view,
    of_ids,
    _nothing,
    _run_snippets,
    RunArrivals,
    is_silent=_never,
)
