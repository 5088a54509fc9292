"""What a journey's page shows. The page and the pushes to open pages both draw from here."""

from typing import Any

from ..database import Unit
from ..links.slugs import slug_of
from ..requests import answering
from ..requests.redirects import is_allowed
from ..requests.views import door_view, outcome_of
from ..service import Service
from ..tokens.search import DOUBT, Doubt, certain
from ..tokens.views import View, endings_of, settled_by, version_of
from . import journeys
from .access import Follower
from .journeys import Journey, Step


async def journey_view(service: Service, follower: Follower) -> View:
    """A journey as its page tells it: where it stands, the question that is asked now, and the answers so far."""
    view: View = await certain(service.database, _view, follower)
    view["redirect_url"] = _redirect_url(service, view["journey"])
    standing = view.get("request")
    if standing is not None:
        draft = view["draft"]
        filled = answering.as_asked(standing) if draft is None else answering.as_filled(standing.spec, draft)
        view |= {"form": filled.form, "values": filled.posted}
    return view


async def around(service: Service, follower: Follower, token_id: str) -> View:
    """What stands around the question of one step that is drawn as it was filled in."""
    view: View = await certain(service.database, _around, follower, token_id)
    return view


def _view(db: Unit, follower: Follower) -> View | Doubt:
    around = _around(db, follower)
    if isinstance(around, Doubt):
        return around
    current = around["journey"].current
    if current is None:
        return around | {"token": None, "request": None, "question": None}
    by = journeys.known_at(db, current.token.id, follower.ways) or follower.ways[0]
    shown = door_view(db, current.token.id, follower.environment_id, by)
    if shown is None or isinstance(shown, Doubt):
        return shown or DOUBT
    return {**shown, **around, "draft": journeys.draft_of(db, current.token.id)}


def _around(db: Unit, follower: Follower, token_id: str | None = None) -> View | Doubt:
    journey = journeys.find(db, follower.environment_id, follower.journey, follower.ways)
    if isinstance(journey, Doubt):
        return journey
    endings = {event.subject: [event] for event in endings_of(db, [step.token.id for step in journey.earlier])}
    outcomes = [
        {
            "step": step,
            "outcome": outcome_of(step.spec, step.token),
            "settled_by": settled_by(endings.get(step.token.id, ()), outside=True),
        }
        for step in journey.earlier
    ]
    asked = next((step for step in journey.asked if step.token.id == token_id), None)
    return around_of(journey, outcomes, asked)


def _redirect_url(service: Service, journey: Journey) -> str | None:
    """Where somebody goes on who is done, if it is where people may be sent."""
    furthest = journey.furthest
    url = "" if furthest is None or journey.stage != "done" else furthest.spec.redirect_url
    return url if is_allowed(url, service.settings.redirect_urls) else None


def _version_of(journey: Journey, current: Step | None) -> str:
    """Which step is asked, and how it reads; or where the journey stands while none is.

    Whatever happens around the step that is asked, its page is left alone: somebody may be typing.
    """
    if current is not None:
        return f"{current.token.id}_{current.version}"
    return version_of([(each.token.id, each.token.status, each.is_hidden) for each in journey.steps], journey.stage)


def around_of(journey: Journey, outcomes: list[dict[str, Any]], asked: Step | None = None) -> View:
    """What stands around a question, or in its place. `outcomes` are the steps that were answered, and how.

    `asked` is the step whose question it is, where that is not the one that is asked now.
    """
    slug = slug_of(journey.name)
    current = asked or journey.current
    stage = journey.stage
    shown = current or (journey.furthest if stage == "done" else journey.latest_shown)
    return {
        "journey": journey,
        "stage": stage,
        "step": None if shown is None else shown.spec.step,
        "outcomes": outcomes,
        "now": journey.at,
        "version": _version_of(journey, current),
        "path": f"/journeys/{slug}",
        "live_url": f"/journeys/{slug}/live",
        "draft_url": None if current is None else f"/journeys/{slug}/steps/{current.token.id}/draft",
        "action": None if current is None else f"/journeys/{slug}/steps/{current.token.id}",
        "redirect_url": None,
        "errors": {},
        "values": {},
        "form": None,
        "changes": None,
    }
