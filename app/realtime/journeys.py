"""Open pages of journeys: the next step appears when the run has asked for it.

While a step is asked its page is left alone: somebody may be typing. That it was amended they are told.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from ..events import Event
from ..journeys.access import Follower
from ..journeys.journeys import subject_of
from ..journeys.views import journey_view
from ..pages.templates import render
from ..service import Service
from .open_pages import OpenPage

_ENDS = {"run.completed", "run.failed", "run.canceled"}


class Journeys:
    """Draws a journey for each page that shows it: what somebody may answer depends on their link."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._open: dict[str, set[OpenPage]] = {}
        self._behind: dict[str, set[OpenPage]] = {}

    @contextmanager
    def shown_on(self, page: OpenPage, follower: Follower) -> Iterator["_Shown"]:
        subject = subject_of(follower.environment_id, follower.journey)
        pages = self._open.setdefault(subject, set())
        pages.add(page)
        shown = _Shown(self._service, follower, self._follow)
        try:
            yield shown
        finally:
            pages.discard(page)
            if not pages:
                self._open.pop(subject, None)
            self._follow(page, shown, ())

    def hear(self, event: Event) -> None:
        pages = self._behind if event.kind in _ENDS else self._open
        for page in [*pages.get(event.subject, ())]:
            page.redraw()

    def _follow(self, page: OpenPage, shown: "_Shown", runs: Sequence[str]) -> None:
        """Draw a page anew when one of these runs ends: it was perhaps the one that asks what comes next."""
        if shown.runs == tuple(runs):
            return
        for run_id in shown.runs:
            pages = self._behind[run_id]
            pages.discard(page)
            if not pages:
                del self._behind[run_id]
        for run_id in runs:
            self._behind.setdefault(run_id, set()).add(page)
        shown.runs = tuple(runs)
        page.redraw()  # one may have ended while it was drawn


class _Shown:
    def __init__(
        self, service: Service, follower: Follower, follow: Callable[[OpenPage, "_Shown", Sequence[str]], None]
    ) -> None:
        self.runs: tuple[str, ...] = ()
        self._service = service
        self._follower = follower
        self._follow = follow

    async def draw(self, page: OpenPage) -> str:
        """What to send so that the page shows how things stand."""
        view = await journey_view(self._service, self._follower)
        self._follow(page, self, view["journey"].runs)
        if view["version"] == page.version:
            return ""
        asked_before, page.version = page.version.rpartition("_")[0], view["version"]
        if view["token"] is not None and view["token"].id == asked_before:
            return render("approve/_amended.html", **view, oob=True)
        return render("journeys/_live.html", **view, oob=True)
