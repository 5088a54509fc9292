"""The conversation with one program: what it wants, and from which event on.

Register first, then say what was missed, then go on live: so there is no gap between the two, and
nothing is said twice.
"""

from collections.abc import Collection

from sqlalchemy import Select, bindparam, select

from .. import ids
from ..access.principals import ApiKey, PublicAccess
from ..database import Database, Unit
from ..database.tables import table_of
from ..events import head
from ..runs.models import RunRow
from ..tokens.models import TokenRow
from .feeds import Feed
from .lines import NOT_ALLOWED, Line
from .listening import Listening
from .messages import Auth, Error, NotUnderstood, Ready, Reload, Subscribe, read, write
from .subscriptions import MOST_TAGS, MOST_TOKENS, Interests, MayRead, Subscription

SUBSCRIBE_WITHIN = 1.0  # seconds; who wants nothing in particular by then gets everything

Principal = ApiKey | PublicAccess

_tokens = table_of(TokenRow)
_runs = table_of(RunRow)
_KNOWN, _KNOWN_RUNS = (
    select(table.c.id).where(
        table.c.environment_id == bindparam("environment_id"), table.c.id.in_(bindparam("ids", expanding=True))
    )
    for table in (_tokens, _runs)
)


class Refused(Exception):
    """The conversation ends here, and the error says why."""

    def __init__(self, code: str, detail: str, close: int = NOT_ALLOWED) -> None:
        super().__init__(detail)
        self.error = Error(code, detail)
        self.close = close


class Conversation:
    """One program on the line, recognised."""

    def __init__(
        self, line: Line, principal: Principal, database: Database, listening: Listening, interests: Interests[Feed]
    ) -> None:
        self._line = line
        self._principal = principal
        self._database = database
        self._listening = listening
        self._interests = interests
        self._wanted = Subscription(principal.environment_id, _reading(principal))
        self._feed = Feed(line, database, self._wanted)
        self._is_everything_by_default = False

    async def hold(self, asked_since: str | None) -> None:
        """Until the program leaves. Raises Gone or Refused."""
        start = None if asked_since is None else await self._known(asked_since)
        first = await self._first_wish()
        try:
            self._is_everything_by_default = first is None
            await self._widen(first or Subscribe(), start)
            if start is not None:
                self._feed.fall_behind()
            await self._line.converse(self._feed.speak, self._heard)
        finally:
            self._interests.remove(self._feed, self._wanted)

    async def _known(self, asked: str) -> int:
        """The event behind which the program wants to go on; the last one, if its own is not of this log."""
        if not (asked.isascii() and asked.isdecimal() and len(asked) < 19):
            raise Refused("invalid-since", f"since must be the number of an event, not {asked[:40]!r}.")
        seq = int(asked)
        if seq > self._listening.position:
            last, _ = await self._database.read(head)  # another process may have told of events that are new here
            if seq > last:
                await self._line.say(write(Reload()))
                return last
        return seq

    async def _first_wish(self) -> Subscribe | None:
        """What the program subscribes to, if it does so at once."""
        while True:
            text = await self._line.hear_within(SUBSCRIBE_WITHIN)
            if text is None:
                return None
            wish = await self._understood(text)
            if wish is not None:
                return wish

    async def _heard(self, text: str) -> None:
        wish = await self._understood(text)
        if wish is None:
            return
        if self._is_everything_by_default:
            self._is_everything_by_default = False
            self._interests.remove(self._feed, self._wanted)
            self._wanted.begin_again()
        await self._widen(wish, None)

    async def _understood(self, text: str) -> Subscribe | None:
        try:
            message = read(text)
        except NotUnderstood as error:
            await self._complain("invalid-message", f"This message means nothing here: {error}")
            return None
        return None if isinstance(message, Auth) else message  # it has said before who it is

    async def _widen(self, wish: Subscribe, start: int | None) -> None:
        """Hear of more from now on, and tell the program from which event on that is."""
        tokens = await self._readable(wish.tokens)
        runs = await self._readable_runs(wish.runs)
        everything = not (wish.tokens or wish.tags or wish.runs)
        if everything and isinstance(self._principal, PublicAccess) and not self._principal.may_read_everything:
            tokens, everything = tokens_named_in(self._principal), False
        if everything or tokens or wish.tags or runs:
            # From here to `ready` nothing is awaited: no event can fall in between.
            self._wanted.widen(tokens, wish.tags, runs)
            of = self._wanted.environment_id
            self._interests.add(self._feed, of, tokens, wish.tags, runs, everything=everything)
        if self._wanted.is_full:
            raise Refused(
                "too-much",
                f"A socket has at most {MOST_TOKENS} tokens and runs, and {MOST_TAGS} tags; use a second one.",
            )
        seq = self._feed.go_on_from(self._listening.position if start is None else start)
        await self._line.say(write(Ready(seq)))

    async def _readable(self, named: Collection[str]) -> list[str]:
        """Those of the tokens that there are, and that the program may read. One answer for all others."""
        asked = [token for token in dict.fromkeys(named) if ids.is_token_id(token) and self._wanted.allows(token)]
        found = await self._database.read(_known, _KNOWN, self._wanted.environment_id, asked) if asked else set()
        for token in dict.fromkeys(named):
            if token not in found:
                await self._complain("not-found", "There is no such token here.", token=token)
        return [token for token in asked if token in found]

    async def _readable_runs(self, named: Collection[str]) -> list[str]:
        """The same for runs, which are read with an API key only."""
        may_read = isinstance(self._principal, ApiKey)
        asked = [run for run in dict.fromkeys(named) if ids.is_run_id(run) and may_read]
        found = await self._database.read(_known, _KNOWN_RUNS, self._wanted.environment_id, asked) if asked else set()
        for run in dict.fromkeys(named):
            if run not in found:
                await self._complain("not-found", "There is no such run here.", run=run)
        return [run for run in asked if run in found]

    async def _complain(self, code: str, detail: str, *, token: str | None = None, run: str | None = None) -> None:
        await self._line.say(write(Error(code, detail, token, run)))


def tokens_named_in(access: PublicAccess) -> list[str]:
    """The tokens that a public access token opens for reading, one by one."""
    named = (scope.split(":", 2) for scope in access.scopes)
    return [parts[2] for parts in named if len(parts) == 3 and access.may_read(parts[2])]


def _reading(principal: Principal) -> MayRead:
    return principal.may_read if isinstance(principal, PublicAccess) else _anything


def _anything(_token_id: str) -> bool:
    return True


def _known(db: Unit, statement: Select[tuple[str]], environment_id: str, named: list[str]) -> set[str]:
    return set(db.execute(statement, {"environment_id": environment_id, "ids": named}).scalars())
