"""Whatever opens links without meaning it (mail scanners, prefetchers, unfurlers, crawlers) changes nothing.

Every route that can be read × thirty who read everything, with the best credentials that a link or a browser can
carry. The whole database is compared before and after.
"""

import re
from typing import Any

from litestar.routes import HTTPRoute
from sqlalchemy import Text, cast, select

from app.database import Unit
from app.database.tables import metadata
from app.people import people, sign_in
from app.runs import lifecycle as runs
from app.runs.lifecycle import NewRun
from tests.cast import ADAS_KEY
from tests.database.worlds import ADA
from tests.makers import House, unique

BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)
SCANNERS: dict[str, dict[str, str]] = {
    "Safe Links": {"user-agent": BROWSER + " Edg/140.0", "x-ms-safelinks": "1"},
    "Outlook": {"user-agent": "Microsoft Office/16.0 (Microsoft Outlook 16.0.17928; Pro)", "x-office-major-version": "16"},
    "Outlook existence check": {"user-agent": "Microsoft Office Existence Discovery"},
    "Teams": {"user-agent": "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com"},
    "Proofpoint": {"user-agent": BROWSER, "x-proofpoint-urldefense": "1"},
    "Mimecast": {"user-agent": "Mozilla/5.0 (compatible; Mimecast URL Protect)"},
    "Barracuda": {"user-agent": "BarracudaCentral/1.0 (link check)"},
    "Cisco": {"user-agent": "Mozilla/5.0 (compatible; Cisco-Secure-Email; URL scan)"},
    "Trend Micro": {"user-agent": "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 5.1; Trend Micro)"},
    "Sophos": {"user-agent": "SophosLabs/1.0 (+https://sophos.example)"},
    "Symantec": {"user-agent": "Symantec Link Following"},
    "VirusTotal": {"user-agent": "virustotalcloud; gzip(gfe)"},
    "Google image proxy": {"user-agent": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"},
    "Googlebot": {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "from": "bot@example.com"},
    "Bingbot": {"user-agent": "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"},
    "Slack": {"user-agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
    "Slack image": {"user-agent": "Slack-ImgProxy (+https://api.slack.com/robots)"},
    "Discord": {"user-agent": "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)"},
    "WhatsApp": {"user-agent": "WhatsApp/2.23.20.0"},
    "Telegram": {"user-agent": "TelegramBot (like TwitterBot)"},
    "Signal": {"user-agent": "WhatsApp"},
    "LinkedIn": {"user-agent": "LinkedInBot/1.0 (compatible; Mozilla/5.0)"},
    "Facebook": {"user-agent": "facebookexternalhit/1.1"},
    "Apple": {"user-agent": "Mozilla/5.0 (Macintosh) AppleWebKit/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0"},
    "prefetch, old": {"user-agent": BROWSER, "purpose": "prefetch", "x-moz": "prefetch"},
    "prefetch": {"user-agent": BROWSER, "sec-purpose": "prefetch", "sec-fetch-site": "none", "sec-fetch-mode": "navigate"},
    "prerender": {"user-agent": BROWSER, "sec-purpose": "prefetch;prerender", "sec-fetch-site": "same-origin"},
    "htmx preload": {"user-agent": BROWSER, "hx-request": "true", "hx-preloaded": "true", "sec-fetch-site": "same-origin"},
    "override": {"user-agent": BROWSER, "x-http-method-override": "POST", "x-http-method": "POST", "x-method-override": "DELETE"},
    "curl": {"user-agent": "curl/8.5.0", "accept": "*/*"},
    "nobody in particular": {"user-agent": ""},
}  # fmt: skip
READING = ("GET", "HEAD", "OPTIONS")


def test_no_scanner_changes_anything(house: House) -> None:
    """No row of any table differs, no link is used up, and no question is answered."""
    assert len(SCANNERS) >= 30
    links = _links(house)
    before = house.read(_everything)

    statuses = []
    for scanner in SCANNERS.values():
        house.clock.move(minutes=1)  # for the limits; nothing in here expires that soon
        statuses += house.statuses(
            [(method, url, {**headers, **scanner}) for method in READING for url, headers in links]
        )

    assert {200, 303, 405} <= set(statuses) <= {200, 204, 302, 303, 401, 403, 404, 405, 410}
    assert before == house.read(_everything)


def test_every_route_that_can_be_read_is_scanned(house: House) -> None:
    """The list of links is made from the routes, so none can be forgotten."""
    scanned = {re.sub(r"\?.*", "", url) for url, _ in _links(house)}
    patterns = [
        re.compile(re.sub(r"\{\w+:path\}", ".+", re.sub(r"\{\w+:str\}", "[^/]+", route.path)))
        for route in house.app.routes
        if isinstance(route, HTTPRoute) and any("GET" in handler.http_methods for handler in route.route_handlers)
    ]

    assert [] == [pattern.pattern for pattern in patterns if not any(pattern.fullmatch(url) for url in scanned)]


def _links(house: House) -> list[tuple[str, dict[str, str]]]:
    """Every address, with credentials that open it: tokens that wait, one that is overdue, one that is settled."""
    ada = house.program(ADAS_KEY)
    waiting, overdue, settled = ada.make_token(tags=["scan"]), ada.make_token(timeout="1s"), ada.make_token()
    ada.complete(settled, {"approved": True})
    house.clock.move(seconds=2)
    owner = house.write(people.add, "owner@example.com", "Owner", "owner")
    values = {
        "digest": house.callbacks.of(waiting.id),
        "run_id": house.write(runs.trigger, house.dev.id, NewRun(task="moderation", payload="{}"), ADA).run.id,
        "task": "moderation",
        "name": "approval",
        "secret": house.write(sign_in.make_link, owner.id),
        "slug": "dev",
        "file_id": "file_1",
        "key_id": house.make_key().id,
        "mail_id": "mail_1",
        "link_id": "link_1",
        "journey": "onboarding:42",
        "path": "css/application.css",
        "person_id": owner.id,
        "kind": "csv",
        "worker": "w1",
    }
    browser = {
        "cookie": f"waitpoint={house.sign_in()}; approval={waiting.public_access_token}",
        "authorization": f"Bearer {ADAS_KEY}",
    }
    links = [
        (f"/approve/{waiting.id}?token={waiting.public_access_token}", {}),
        (waiting.callback, {"accept": "text/html"}),
        *((address, {}) for address in _mailed(house)),
    ]
    for route in house.app.routes:
        for token in (waiting, overdue, settled):
            if not isinstance(route, HTTPRoute) or (route.path.endswith("/wait") and token is waiting):
                continue  # a long poll would wait
            url = _filled(route.path, {**values, "token_id": token.id})
            links.append((url, browser))
            if "token_id" not in route.path:
                break
    links += [
        (f"/tokens?status={status}&tags=scan&period=1h", browser) for status in ("waiting", "completed", "timed-out")
    ]
    return links


def _mailed(house: House) -> list[str]:
    """What stands in mails: links to questions that wait, that are over, and that were taken back."""
    ada = house.program(ADAS_KEY)
    ben, mailed = f"{unique('ben')}@example.com", []
    tokens = [ada.make_token(timeout="1d", request={"approvers": [ben]}) for _ in range(3)]
    for token in tokens:
        link = ada.post(f"{token.path}/links", json={"recipient": ben}).json()
        mailed.append(link["url"].removeprefix(house.url))
    ada.complete(tokens[1], {"approved": True})
    (link,) = ada.get(f"{tokens[2].path}/links").json()["data"]
    ada.post(f"{tokens[2].path}/links/{link['id']}/revoke")
    step = {"journey": ben, "step": {"index": 1, "of": 2}, "form": {"properties": {"name": {"type": "string"}}}}
    journey = ada.create(timeout="1d", request=step).json()["journeyUrl"].removeprefix(house.url)
    return [*mailed, journey, journey.partition("?")[0]]


def _filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+):\w+\}", lambda match: values[match[1]], path).replace("//", "/")


def _everything(db: Unit) -> dict[str, list[Any]]:
    return {
        name: sorted(tuple(row) for row in db.execute(select(*(cast(column, Text) for column in table.columns))))
        for name, table in metadata.tables.items()
    }
