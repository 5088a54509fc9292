"""The sockets of open pages: the same partials that the pages were drawn with, pushed when something changes."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import ExitStack, asynccontextmanager

import msgspec
import structlog

from ..access.principals import Person
from ..database import DatabaseUnavailable
from ..environments import environments
from ..environments.models import Environment
from ..events import Event
from ..inbox.filters import Filters as InboxFilters
from ..journeys.access import Follower
from ..pages.page import Frame
from ..runs.filters import Filters as RunFilters
from ..runs.models import Run
from ..service import Service
from ..tokens.filters import Filters as TokenFilters
from ..tokens.models import Token
from ..tokens.pages import environment_of
from . import kinds, stories
from .guests import Full, Guests, IsWelcome
from .inboxes import Inboxes
from .journeys import Journeys
from .kinds import Filters
from .lines import BROKEN, TRY_LATER, Gone, Line
from .listening import Listening
from .lists import Lists
from .open_pages import OpenPage
from .shared import Shared
from .stories import Side, Stories
from .waiting_counts import WaitingCounts

log = structlog.get_logger(__name__)


class Visitor(msgspec.Struct, frozen=True):
    """Whose page it is, whether they would be let in again, and which environments they may see, by id."""

    name: str
    is_welcome: IsWelcome
    may_see: Callable[[str], bool] = lambda _: False


class Pages:
    """All pages that are open on this process."""

    def __init__(self, service: Service, listening: Listening, guests: Guests) -> None:
        self._listening = listening
        self._guests = guests
        self._tokens = Lists(service, kinds.TOKENS)
        self._runs = Lists(service, kinds.RUNS)
        self._stories = Stories(service.database, service.besides)
        self._inboxes = Inboxes(service.database)
        self._journeys = Journeys(service)
        self._waiting_counts = WaitingCounts(service.database)
        self._environments = Shared(lambda: service.database.read(environments.every))

    def hear(self, events: Sequence[Event]) -> None:
        for event in events:
            self._tokens.hear(event)
            self._runs.hear(event)
            self._stories.hear(event)
            self._inboxes.hear(event)
            self._journeys.hear(event)
            self._waiting_counts.hear(event.environment_id or "")

    async def keep_tokens(self, line: Line, visitor: Visitor, filters: TokenFilters, version: str) -> None:
        """Keep a list of tokens up to date until its page is left."""
        await self._keep_list(line, visitor, self._tokens, filters, "/tokens", version)

    async def keep_runs(self, line: Line, visitor: Visitor, filters: RunFilters, version: str) -> None:
        """Keep a list of runs up to date until its page is left."""
        await self._keep_list(line, visitor, self._runs, filters, "/runs", version)

    async def keep_inbox(
        self, line: Line, visitor: Visitor, person: Person, filters: InboxFilters, version: str
    ) -> None:
        """Keep an inbox up to date until its page is left."""
        page = OpenPage(line, version)
        async with self._visit(line, visitor) as stack:
            shown = stack.enter_context(self._inboxes.shown_on(page, person, filters))
            await line.converse(lambda: page.speak(shown.draw), _let_pass)

    async def keep_token(self, line: Line, visitor: Visitor, token: Token, version: str) -> None:
        """Keep the page of a token at the desk up to date until it is left."""
        await self._keep_story(line, visitor, stories.TOKEN, token, version)

    async def keep_run(self, line: Line, visitor: Visitor, run: Run, version: str) -> None:
        """Keep the page of a run up to date until it is left."""
        await self._keep_story(line, visitor, stories.RUN, run, version)

    async def keep_question(
        self, line: Line, visitor: Visitor, token_id: str, environment_id: str, version: str
    ) -> None:
        """Keep the page of a token at the door up to date until it is left."""
        page = OpenPage(line, version)
        async with self._visit(line, visitor) as stack:
            shown = stack.enter_context(self._stories.shown_on(page, stories.DOOR, token_id, environment_id))

            async def draw(page: OpenPage) -> str:
                """Asked each time, behind the reading: others may be asked by then, and what was read is theirs."""
                drawn = await shown.draw(page)
                return drawn if drawn and await visitor.is_welcome() else ""

            await line.converse(lambda: page.speak(draw), _let_pass)

    async def keep_journey(self, line: Line, visitor: Visitor, follower: Follower, version: str) -> None:
        """Keep the page of a journey up to date until it is left."""
        page = OpenPage(line, version)
        async with self._visit(line, visitor) as stack:
            shown = stack.enter_context(self._journeys.shown_on(page, follower))
            await line.converse(lambda: page.speak(shown.draw), _let_pass)

    async def _keep_list(
        self, line: Line, visitor: Visitor, lists: Lists, filters: Filters, path: str, version: str
    ) -> None:
        page = OpenPage(line, version)
        async with self._visit(line, visitor) as stack:
            visible = [each for each in await self._environments() if visitor.may_see(each.id)]
            frame = _frame(path, visible, filters.environment)
            shown = stack.enter_context(lists.shown_on(page, frame, filters))
            stack.enter_context(self._waiting_counts.shown_on(page, environment_of(frame).id))
            await line.converse(lambda: page.speak(shown.draw), _let_pass)

    async def _keep_story(self, line: Line, visitor: Visitor, side: Side, thing: Token | Run, version: str) -> None:
        page = OpenPage(line, version)
        async with self._visit(line, visitor) as stack:
            shown = stack.enter_context(self._stories.shown_on(page, side, thing.id, thing.environment_id))
            stack.enter_context(self._waiting_counts.shown_on(page, thing.environment_id))
            await line.converse(lambda: page.speak(shown.draw), _let_pass)

    @asynccontextmanager
    async def _visit(self, line: Line, visitor: Visitor) -> AsyncIterator[ExitStack]:
        """Listen first; what the page shows is read inside."""
        try:
            with self._guests.seat(line, visitor.name, visitor.is_welcome), ExitStack() as stack:
                async with self._listening.open():
                    yield stack
        except Gone:
            return
        except Full:
            await line.close(TRY_LATER, "too many pages are open")
        except DatabaseUnavailable:
            await line.close(TRY_LATER, "the database does not answer")
        except Exception:
            log.exception("the socket of a page failed")
            await line.close(BROKEN)


async def _let_pass(_text: str) -> None:
    """Pages have nothing to say."""


def _frame(path: str, every: Sequence[Environment], slug: str) -> Frame:
    """The frame of a list, as the page has it: an unknown environment means the first."""
    chosen = next((environment for environment in every if slug in {environment.slug, environment.id}), every[0])
    return Frame(path=path, environment=chosen, environments=every)
