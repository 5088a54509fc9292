"""What the pages about runs show, gathered in one read each. Pages and pushes to open pages both draw from here."""

from typing import Any

import msgspec
from sqlalchemy import func, select

from ..database import Unit
from ..database.tables import table_of
from ..environments import environments
from ..environments.models import Environment
from ..events import Event, log
from ..pages import words
from ..pages.lists import PERIODS
from ..requests.reading import titles
from ..tokens.models import SLEEP, Token
from ..tokens.search import Doubt
from ..tokens.search import retrieve as token_by_id
from ..tokens.views import View, version_of
from .filters import STATUS_NAMES, Filters
from .models import Checkpoint, CheckpointRow, Run, WaitRow
from .picture import picture_of
from .search import COUNT_LIMIT, count, of_ids, search
from .story import LONGEST_RESULT, Recorded, Story, said

MOST_TOLD = 300  # events, and as many records, of the latest that a page tells
MOST_TOKENS = 50  # that are looked up for a page

_TAB_WORDS = {"": "All"} | {name: words.capitalised(name) for name in STATUS_NAMES}
_NOTHING = {
    "queued": "Nothing is queued",
    "executing": "Nothing is executing",
    "waiting": "Nothing is waiting",
    "completed": "Nothing was completed yet",
    "failed": "Nothing has failed",
    "cancelled": "Nothing was cancelled",
}

_checkpoints = table_of(CheckpointRow)
_waits = table_of(WaitRow)


class Opened(msgspec.Struct, frozen=True):
    """A run waits at this position for this token, perhaps among others; for an input if it is one's."""

    position: str
    mode: str
    token_id: str
    input: str | None


class OpenWait(msgspec.Struct, frozen=True):
    """What a run waits for at one position: `tokens` that people and services settle, a child, an input, an instant."""

    position: str
    mode: str
    tokens: tuple[Token, ...]
    children: tuple[str, ...]
    input: str | None = None

    @property
    def until(self) -> Any:
        """When a sleep ends."""
        return self.tokens[0].timeout_at if self.tokens and self.tokens[0].kind == SLEEP else None


def list_view(db: Unit, environment: Environment, filters: Filters) -> View:
    """The live part of the list, `runs/_list.html`: rows, tabs with their numbers, and how to go on."""
    page = search(db, environment.id, filters.search(db.now))
    tabs = tabs_view(db, environment, filters)
    seq, _ = log.head(db)
    return {
        "now": db.now,
        "runs": page.runs,
        "tabs": tabs,
        "version": version_of([(run.id, run.status, run.problem) for run in page.runs], tabs),
        "seq": seq,
        "blank": _blank(filters),
        "blank_words": _NOTHING.get(filters.status, ""),
        "clear_url": filters.url(task="", tags=(), id="", period=""),
        "newest_url": None if filters.is_first_page else filters.url(),
        "newer_url": filters.url(before=page.previous) if page.previous else None,
        "older_url": filters.url(after=page.next) if page.next else None,
    }


def tabs_view(db: Unit, environment: Environment, filters: Filters) -> list[View]:
    """`runs/_tabs.html`: each status with its number under the other filters."""
    wanted = msgspec.structs.replace(filters, status="", after="", before="").search(db.now)
    tabs = []
    for name, label in _TAB_WORDS.items():
        number = _number(db, environment, name, wanted) if name else ""
        url = filters.url(status=name)
        tabs.append({"words": label, "count": number, "url": url, "is_current": filters.status == name})
    return tabs


def chips_of(filters: Filters) -> list[dict[str, str]]:
    """What narrows the list, each with the address of the list without it."""
    chips = []
    if filters.task:
        chips.append({"words": f"task: {filters.task}", "without": filters.url(task="")})
    chips += filters.tag_chips()
    if filters.id:
        chips.append({"words": f"id: {filters.id}", "without": filters.url(id="")})
    if filters.period:
        label = PERIODS.get(filters.period, f"in the last {filters.period}")
        chips.append({"words": label, "without": filters.url(period="")})
    return chips


def run_view(db: Unit, run_id: str, environment_id: str | None = None) -> View | Doubt | None:
    """A run as its page tells it, `runs/_story.html`: how it stands, where its time went, and all that happened."""
    run = next(iter(of_ids(db, [run_id])), None)
    if run is None or environment_id not in {None, run.environment_id}:
        return None
    events = log.latest_of_subject(db, run_id, MOST_TOLD)
    journal = _journal(db, run_id)
    opened = _opened(db, run_id)
    tokens = _tokens_of(db, events, [each.token_id for each in opened])
    if isinstance(tokens, Doubt):
        return tokens
    story = Story(events, journal, tokens)
    around = {each.id: each for each in of_ids(db, [*story.children, *filter(None, [run.parent_id])])}
    steps = [each.at for each in journal if each.is_step]
    return {
        "run": run,
        "now": db.now,
        "environment": environments.get(db, run.environment_id),
        "picture": picture_of(run, events, steps, db.now),
        "entries": story.entries(),
        "is_cut": len(events) == MOST_TOLD or len(journal) == MOST_TOLD,
        "waits": _open_waits(opened, tokens, story),
        "titles": titles(db, [each.token_id for each in opened]),
        "tokens": tokens,
        "parent": around.get(run.parent_id or ""),
        "children": [around[child] for child in story.children if child in around],
        "error": _error(run),
        "version": version_of(run.status, run.attempt, len(journal), [event.seq for event in events[-1:]]),
    }


def holds(db: Unit, token: Token) -> View:
    """For the page of a token: the runs that wait for it."""
    waiting = select(_waits.c.run_id).where(_waits.c.token_id == token.id).distinct().limit(MOST_TOKENS)
    return {"held_runs": sorted(of_ids(db, db.execute(waiting).scalars()), key=lambda run: run.id)}


def snippets(url: str, environment: Environment) -> dict[str, str]:
    """What to paste to see a first run, with the real address."""
    code = (
        "from waitpoint import task, wait\n\n\n"
        "@task\n"
        "async def greet(name: str) -> str:\n"
        '    token = await wait.create_token(timeout="1h", tags=["first"])\n'
        "    answer = await wait.for_token(token)\n"
        '    return f"{name}: {answer.output}" if answer.ok else "nobody answered"'
    )
    worker = f"export WAITPOINT_URL={url} WAITPOINT_SECRET_KEY=tr_{environment.slug}_sk_…\nwaitpoint worker first"
    trigger = (
        f"curl {url}/api/v1/tasks/greet/trigger \\\n"
        '  -H "Authorization: Bearer $WAITPOINT_SECRET_KEY" \\\n'
        """  -d '{"payload": {"name": "Ada"}}'"""
    )
    return {"code": code, "worker": worker, "trigger": trigger}


def _number(db: Unit, environment: Environment, name: str, wanted: Any) -> str:
    found = count(db, environment.id, STATUS_NAMES[name], wanted)
    if found.at_least and found.number <= COUNT_LIMIT:
        return f"{found.number:,}+"
    return words.capped(found.number, COUNT_LIMIT)


def _blank(filters: Filters) -> str:
    if filters.is_any or not filters.is_first_page:
        return "_blank_filtered.html"
    return "_blank_status.html" if filters.status else "_blank_first.html"


def _journal(db: Unit, run_id: str) -> list[Recorded]:
    """The latest records of a run, oldest first, with no more of a result than is shown."""
    here = _checkpoints.c
    result = func.substr(here.result, 1, LONGEST_RESULT * 4)
    latest = (
        select(here.at, here.position, here.name, result, here.error, here.kind)
        .where(here.run_id == run_id)
        .order_by(here.at.desc(), here.position.desc())
        .limit(MOST_TOLD)
    )
    rows: list[Any] = [*db.execute(latest)]
    return [Recorded(at, Checkpoint(*checkpoint)) for at, *checkpoint in reversed(rows)]


def _opened(db: Unit, run_id: str) -> list[Opened]:
    """The waits that are open, each token of theirs."""
    here = _waits.c
    waits = select(here.position, here.mode, here.token_id, here.input).where(here.run_id == run_id)
    rows: list[Any] = [*db.execute(waits.order_by(here.position, here.number).limit(MOST_TOKENS))]
    return [Opened(*row) for row in rows]


def _tokens_of(db: Unit, events: list[Event], opened: list[str]) -> dict[str, Token] | Doubt:
    """The tokens that the latest waits are or were about, by their ids."""
    named = [str(each) for event in reversed(events) if event.kind == "run.waits" for each in event.data["tokens"]]
    tokens = {}
    for token_id in list(dict.fromkeys([*opened, *named]))[:MOST_TOKENS]:
        token = token_by_id(db, token_id)
        if isinstance(token, Doubt):
            return token
        if token is not None:
            tokens[token_id] = token
    return tokens


def _open_waits(opened: list[Opened], tokens: dict[str, Token], story: Story) -> list[OpenWait]:
    waits = []
    for position in dict.fromkeys(each.position for each in opened):
        here = [each for each in opened if each.position == position]
        ids = [each.token_id for each in here]
        children = tuple(child for token_id in ids if (child := story.child_of(token_id)))
        waited_for = tuple(tokens[token_id] for token_id in ids if token_id in tokens and not story.child_of(token_id))
        waits.append(OpenWait(position, here[0].mode, waited_for, children, here[0].input))
    return waits


def _error(run: Run) -> dict[str, str] | None:
    """What the task raised: in a line, and where."""
    if run.error is None or run.status == "COMPLETED":
        return None
    try:
        told = msgspec.json.decode(run.error)
    except msgspec.DecodeError:
        told = {}
    trace = told.get("traceback") if isinstance(told, dict) else None
    return {"line": said(run.error), "traceback": str(trace or "")}
