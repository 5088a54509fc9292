"""Open pages of journeys: the next step appears when the run has asked for it.

While a step is asked its page is left alone: somebody may be typing.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ..access.principals import LinkHolder
from ..events import Event
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
    def shown_on(self, page: OpenPage, holder: LinkHolder) -> Iterator["_Shown"]:
        subject = subject_of(holder.environment_id, holder.journey or "")
        pages = self._open.setdefault(subject, set())
        pages.add(page)
        try:
            yield _Shown(self._service, holder)
        finally:
            pages.discard(page)
            if not pages:
                self._open.pop(subject, None)

    def hear(self, event: Event) -> None:
        for page in self._open.get(event.subject, ()):
            page.redraw()


class _Shown:
    def __init__(self, service: Service, holder: LinkHolder) -> None:
        self._service = service
        self._holder = holder

    async def draw(self, page: OpenPage) -> str:
        """What to send so that the page shows how things stand."""
        view = await journey_view(self._service, self._holder)
        if view["version"] == page.version:
            return ""
        page.version = view["version"]
        return render("journeys/_live.html", **view, redirect_url=None, oob=True)
