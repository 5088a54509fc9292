"""Every route that answers with a page, for `asgi.py`."""

from ..audit import pages as audit
from ..environments import pages as environments
from ..inbox import pages as inbox
from ..journeys import pages as journeys
from ..links import pages as links
from ..notifications import pages as notifications
from ..people import group_pages, people_pages, profile_pages
from ..people import pages as signing_in
from ..requests import approval
from ..requests.forms import pages as forms
from ..runs import pages as runs
from ..tokens import callback_page
from ..tokens import pages as tokens
from . import files

ROUTES = [
    *inbox.ROUTES,
    *audit.ROUTES,
    *tokens.ROUTES,
    *approval.ROUTES,
    *callback_page.ROUTES,
    *runs.ROUTES,
    *signing_in.ROUTES,
    *profile_pages.ROUTES,
    *people_pages.ROUTES,
    *group_pages.ROUTES,
    *forms.ROUTES,
    *environments.ROUTES,
    *links.ROUTES,
    *journeys.ROUTES,
    *notifications.ROUTES,
    *files.ROUTES,
]
