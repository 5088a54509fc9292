"""The log in a browser, and as a file, for the members of an environment."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath
from litestar.response import Stream

from ..access.guards import requires_a_member
from ..access.principals import Person
from ..database import Unit
from ..durations import parse_duration
from ..environments.models import Environment
from ..notifications.addresses import BadAddress, address_of
from ..pages import words
from ..pages.desk import desk
from ..pages.lists import PERIODS, period_of
from ..pages.page import HEADERS, Frame, page
from ..people import people
from ..requests.reading import titles
from ..service import service_of
from ..web.problems import not_found
from . import export, search
from .search import Wanted, Way

Asked = Request[Any, Any, Any]

PATH = "/audit"
WHAT: dict[str, tuple[str, tuple[str, ...]]] = {
    "": ("Everything", ()),
    "decisions": ("Answers and deadlines", ("token.completed", "token.timed_out", "token.cancelled")),
    "requests": ("Requests, links and mails", ("request.", "link.", "mail.")),
    "people": ("People and groups", ("person.", "group.")),
    "keys": ("Keys and environments", ("api_key.", "signing_key.", "environment.")),
    "runs": ("Runs", ("run.",)),
}
WAY_WORDS: dict[str, tuple[str, tuple[Way, ...]]] = {
    "": ("Anybody", ()),
    "people": ("People", ("verified", "link")),
    "verified": ("People who had signed in", ("verified",)),
    "link": ("People with their own link", ("link",)),
    "program": ("Programs", ("program",)),
    "secret": ("Whoever had a secret", ("secret",)),
    "system": ("Waitpoint itself", ("system",)),
}
KNOWN_BY: dict[Way, str] = {
    "verified": "signed in",
    "link": "own link",
    "program": "API key",
    "secret": "a secret",
    "system": "Waitpoint",
}
_LONGEST = 200  # characters of a filter
_MOST_DIGITS = 18


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What the page shows: its URL."""

    environment: str = ""
    what: str = ""
    by: str = ""
    way: str = ""
    door: str = ""
    period: str = ""

    @property
    def is_any(self) -> bool:
        return bool(self.what or self.by or self.way or self.door or self.period)

    def url(self, path: str = PATH, /, **more: Any) -> str:
        query = urlencode({name: value for name, value in (msgspec.structs.asdict(self) | more).items() if value})
        return f"{path}?{query}" if query else path


@get(PATH, guards=[requires_a_member])
async def audit_page(request: Asked) -> Response[str]:
    """The log, the newest first."""
    service, filters, frame = service_of(request), _filters(request.query_params), await desk(request)
    environment = _environment(frame)
    wanted = await _wanted(request, filters, environment)
    before, after = _number(request.query_params.get("before")), _number(request.query_params.get("after"))
    found, names = await service.database.read(
        lambda db: _named(db, search.page(db, wanted, after=after, before=before))
    )
    return page(
        request,
        "audit/index.html",
        frame=frame,
        entries=found.entries,
        names=names,
        now=service.clock.now(),
        is_cut=found.is_cut,
        is_any=filters.is_any,
        older_url=filters.url(after=found.older) if found.older else None,
        newer_url=filters.url(before=found.newer) if found.newer else None,
        newest_url=filters.url() if after is not None or before is not None else None,
        clear_url=Filters(environment=filters.environment).url(),
        exports=[(kind.upper(), filters.url(f"{PATH}/export/{kind}")) for kind in ("csv", "json")],
        values=msgspec.structs.asdict(filters),
        hidden={"environment": filters.environment} if filters.environment else {},
        what=[(name, label) for name, (label, _) in WHAT.items()],
        ways=[(name, label) for name, (label, _) in WAY_WORDS.items()],
        doors=[("", "Any door"), *((name, words.capitalised(label)) for name, label in words.DOORS.items())],
        periods=[*PERIODS.items()],
        known_by=KNOWN_BY,
    )


@get(PATH + "/export/{kind:str}", guards=[requires_a_member])
async def export_file(request: Asked, kind: FromPath[str]) -> Response[Any]:
    """Everything that the page would show, page after page, as one file."""
    if kind not in {"csv", "json"}:
        raise not_found()
    service, filters, frame = service_of(request), _filters(request.query_params), await desk(request)
    environment = _environment(frame)
    wanted = await _wanted(request, filters, environment)
    write = export.as_csv if kind == "csv" else export.as_json
    name = f"waitpoint-{environment.slug}-{_day(service.clock.now())}.{kind}"
    headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
    media_type = "text/csv" if kind == "csv" else "application/json"
    names = {each.id: each.slug for each in frame.environments}
    return Stream(write(service.database, wanted, names), media_type=media_type, headers=headers)


ROUTES = [audit_page, export_file]


def _named(db: Unit, found: search.Page) -> tuple[search.Page, dict[str, str]]:
    """A page of the log, and what it is about: what tokens ask and what people are called, by their ids."""
    tokens = {entry.token_id for entry in found.entries if entry.token_id}
    subjects = {entry.subject for entry in found.entries if entry.subject.startswith("person_")}
    return found, titles(db, sorted(tokens)) | people.names(db, sorted(subjects))


async def _wanted(request: Asked, filters: Filters, environment: Environment) -> Wanted:
    service, person = service_of(request), _me(request)
    who = await _who(request, filters.by)
    return Wanted(
        environment_id=environment.id,
        with_server=person.is_owner,
        kinds=WHAT[filters.what][1],
        ways=WAY_WORDS[filters.way][1],
        door=filters.door,
        who=who,
        by="" if who else filters.by,
        since=service.database.clock.now() - parse_duration(filters.period) if filters.period else None,
    )


async def _who(request: Asked, text: str) -> tuple[str, ...]:
    """The person of an address, as the log knows them: signed in by their id, with a link by their address."""
    try:
        address = address_of(text)
    except BadAddress:
        return ()
    person = await service_of(request).database.read(people.find, address)
    return (address,) if person is None else (person.id, address)


def _filters(query: Mapping[str, str]) -> Filters:
    given = {name: query.get(name, "").replace("\x00", "").strip()[:_LONGEST] for name in Filters.__struct_fields__}
    return Filters(
        environment=given["environment"],
        what=given["what"] if given["what"] in WHAT else "",
        by=given["by"],
        way=given["way"] if given["way"] in WAY_WORDS else "",
        door=given["door"] if given["door"] in words.DOORS else "",
        period=period_of(given["period"]),
    )


def _number(text: str | None) -> int | None:
    is_one = text is not None and text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS
    return int(text) if is_one and text is not None else None


def _environment(frame: Frame) -> Environment:
    if frame.environment is None:
        raise not_found()
    return frame.environment


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _me(request: Asked) -> Person:
    person: Person = request.auth
    return person
