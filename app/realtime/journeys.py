"""Open pages of journeys: the next step appears when the run has asked for it.

While a step is asked its page is left alone: somebody may be typing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ..events import Event
from ..journeys.access import Follower
from ..journeys.journeys import subject_of
from ..journeys.views import journey_view
from ..pages.templates import render
from ..service import Service
from .open_pages import OpenPage


class Journeys:
    """Draws a journey for each page that shows it: what somebody may answer depends on their link."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._open: dict[str, set[OpenPage]] = {}

    @contextmanager
    def shown_on(self, page: OpenPage, follower: Follower) -> Iterator["_Shown"]:
        subject = subject_of(follower.environment_id, follower.journey)
        pages = self._open.setdefault(subject, set())
        pages.add(page)
        try:
            yield _Shown(self._service, follower)
        finally:
            pages.discard(page)
            if not pages:
                self._open.pop(subject, None)

    def hear(self, event: Event) -> None:
        for page in self._open.get(event.subject, ()):
            page.redraw()


class _Shown:
    def __init__(self, service: Service, follower: Follower) -> None:
        self._service = service
        self._follower = follower

    async def draw(self, page: OpenPage) -> str:
        """What to send so that the page shows how things stand."""
        view = await journey_view(self._service, self._follower)
        if view["version"] == page.version:
            return ""
        page.version = view["version"]
        return render("journeys/_live.html", **view, redirect_url=None, oob=True)
