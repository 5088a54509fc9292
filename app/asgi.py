"""The server on one page: what it is made of, which routes it has, and what runs while it runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

from litestar import Litestar
from litestar.datastructures import State

from . import health
from .access.authentication import Authentication
from .access.callbacks import CallbackHash
from .access.guards import closed_until_opened
from .admin.server import AdminSocket
from .clock import Clock
from .database import Database
from .environments import api as environments_api
from .events import Tail
from .events.watching import Watching
from .files import api as files_api
from .files.lifecycle import keep as keep_files
from .files.lifecycle import kept_with
from .files.stores import store_of
from .files.sweeper import sweep_for_ever as sweep_files_for_ever
from .journeys.journeys import tell_amended, tell_answered, tell_asked
from .links import api as links_api
from .links import mails as links
from .links.invitations import invite, invite_more
from .links.links import follow as follow_links
from .notifications import mails as notifications
from .notifications.deliverer import Deliverer
from .notifications.kinds import Kinds
from .notifications.mailers import mailer_for
from .opening import prepare
from .ops import api as ops
from .ops.metrics import Metrics
from .ops.requests import Requests as AnsweredRequests
from .pages import routes as pages
from .pages.problems import error_page
from .people import mails as people_mails
from .realtime import ROUTES as REALTIME
from .realtime import Live
from .requests import api as requests_api
from .requests import elsewhere
from .requests.asking import Requests
from .requests.lifecycle import ask, follow
from .requests.rights import may_answer
from .requests.views import question_beside
from .runs import api as runs_api
from .runs import routes as runs
from .runs import views as runs_views
from .runs.dispatcher import Dispatcher
from .runs.waits import wake_runs
from .service import LOCAL_HOSTS, Service
from .settings import Settings
from .tokens import api as tokens_api
from .tokens.lifecycle import Rules
from .tokens.sweeper import sweep_for_ever
from .web import errors
from .web.edge import Edge
from .web.express import Express
from .web.options import name_all_methods
from .web.rate_limits import RateLimits

MAILS: Kinds = {**notifications.KINDS, **people_mails.KINDS, **links.KINDS}
"""Every kind of mail, from whoever sends them."""


def create_app(
    settings: Settings, database: Database, public_url: str, *, started: Callable[[Service], Any] | None = None
) -> Edge:
    """The server as an ASGI application. `database` is opened but not started; `started` is called when all runs."""
    rules = Rules(
        on_created=(ask, invite, tell_asked),
        on_amended=(invite_more, tell_amended),
        may_answer=(may_answer,),
        on_settled=(follow, follow_links, links.need_no_more, keep_files, tell_answered, wake_runs),
    )
    requests = AnsweredRequests(logged=settings.log_requests)

    @asynccontextmanager
    async def running(app: Litestar) -> AsyncIterator[None]:
        await database.start()
        callback_secret = await prepare(database, settings)
        service = build(settings, database, public_url, callback_secret, rules, Metrics(requests, database))
        app.state["service"] = service
        service.tail.start()
        app.state["live"] = live = Live(service)
        live.start()
        app.state["dispatcher"] = dispatcher = Dispatcher(service)
        dispatcher.start()
        app.state["deliverer"] = deliverer = Deliverer(service, mailer_for(settings), MAILS)
        deliverer.start()
        app.state["files"] = store = store_of(database)
        sweeper = asyncio.create_task(sweep_for_ever(database, rules), name="sweeper")
        files_sweeper = asyncio.create_task(sweep_files_for_ever(database, store), name="files sweeper")
        admin = AdminSocket(service)
        await admin.open()
        if started is not None:
            await started(service)
        yield
        service.stopping.set()
        admin.close()
        sweeper.cancel()
        files_sweeper.cancel()
        deliverer.stop()
        dispatcher.stop()
        live.stop()
        service.tail.stop()
        await database.stop()

    app = Litestar(
        route_handlers=[
            *health.ROUTES,
            *tokens_api.ROUTES,
            *requests_api.ROUTES,
            *links_api.ROUTES,
            *elsewhere.ROUTES,
            *files_api.ROUTES,
            *environments_api.ROUTES,
            *pages.ROUTES,
            *ops.ROUTES,
            *REALTIME,
            *runs.ROUTES,
            *runs_api.ROUTES,
        ],
        guards=[closed_until_opened],
        exception_handlers=errors.handlers(error_page),
        lifespan=[running],
        state=State(),
        openapi_config=None,
        logging_config=None,
        request_max_body_size=None,
    )
    name_all_methods(app)
    express = Express(app, app, tokens_api.EXPRESS, errors.for_programs)
    return Edge(
        express, hosts=_hosts(settings, public_url), is_secure=public_url.startswith("https:"), requests=requests
    )


def build(
    settings: Settings, database: Database, public_url: str, callback_secret: str, rules: Rules, metrics: Metrics
) -> Service:
    """Put a server's parts together."""
    clock: Clock = database.clock
    tail = Tail(database)
    return Service(
        settings=settings,
        public_url=public_url,
        clock=clock,
        database=database,
        tail=tail,
        watching=Watching(tail),
        authentication=Authentication(database, clock),
        callbacks=CallbackHash(callback_secret),
        limits=RateLimits(clock),
        rules=rules,
        questions=Requests(database),
        metrics=metrics,
        besides=(question_beside, runs_views.holds, kept_with),
    )


def _hosts(settings: Settings, public_url: str) -> list[str]:
    own = urlsplit(public_url).hostname or "localhost"
    return [*LOCAL_HOSTS, f"[{own}]" if ":" in own else own, *settings.allowed_hosts]
