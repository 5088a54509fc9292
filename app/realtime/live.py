"""Everything live in this process: who is on the line, and what they are told."""

from collections.abc import Sequence

from ..events import Event
from ..service import Service
from .guests import Guests
from .listening import Listening
from .pages import Pages
from .programs import Programs


class Live:
    """Hears each event once, and tells programs and pages."""

    def __init__(self, service: Service) -> None:
        self.guests = Guests()
        listening = Listening(service.tail, self._hear)
        self.programs = Programs(service, listening, self.guests)
        self.pages = Pages(service, listening, self.guests)

    def start(self) -> None:
        self.guests.start()

    def stop(self) -> None:
        self.guests.stop()

    def _hear(self, events: Sequence[Event]) -> None:
        self.programs.hear(events)
        self.pages.hear(events)
