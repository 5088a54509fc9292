"""What a journey's page shows. The page and the pushes to open pages both draw from here."""

from typing import Any

from ..database import Unit
from ..links.slugs import slug_of
from ..requests import answering
from ..requests.views import door_view
from ..service import Service
from ..tokens.search import DOUBT, Doubt, certain
from ..tokens.views import View, version_of
from . import journeys
from .access import Follower
from .journeys import Journey, Step


async def journey_view(service: Service, follower: Follower) -> View:
    """A journey as its page tells it: where it stands, the question that is asked now, and the answers so far."""
    view: View = await certain(service.database, _view, follower)
    standing = view.get("request")
    if standing is not None:
        draft = view["draft"]
        filled = answering.as_asked(standing) if draft is None else answering.as_filled(standing.spec, draft)
        view |= {"form": filled.form, "values": filled.posted}
    return view


async def around(service: Service, follower: Follower, token_id: str) -> View:
    """What stands around the question of one step that is drawn as it was filled in."""
    journey: Journey = await certain(
        service.database, journeys.find, follower.environment_id, follower.journey, follower.ways
    )
    return around_of(journey, [], next((step for step in journey.asked if step.token.id == token_id), None))


def _view(db: Unit, follower: Follower) -> View | Doubt:
    journey = journeys.find(db, follower.environment_id, follower.journey, follower.ways)
    if isinstance(journey, Doubt):
        return journey
    environment_id, by = follower.environment_id, follower.ways[0]
    outcomes = []
    for step in journey.earlier:
        shown = door_view(db, step.token.id, environment_id, by)
        if isinstance(shown, Doubt):
            return shown
        if shown is not None:
            outcomes.append({"step": step, "outcome": shown["outcome"], "settled_by": shown["settled_by"]})
    around = around_of(journey, outcomes)
    if journey.current is None:
        return around | {"token": None, "request": None, "question": None}
    current_id = journey.current.token.id
    by = journeys.known_at(db, current_id, follower.ways) or by
    shown = door_view(db, current_id, environment_id, by)
    if shown is None or isinstance(shown, Doubt):
        return shown or DOUBT
    return {**shown, **around, "draft": journeys.draft_of(db, current_id)}


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
        "errors": {},
        "values": {},
        "form": None,
        "changes": None,
    }
