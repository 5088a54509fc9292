"""Messages on their way to a mail server: whole, with headers that nothing breaks out of, and honest about failure."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.policy import SMTP

import pytest

from app.notifications.letters import Letter, Sender, message_of, write
from app.notifications.mailers import Console, NotSent, Smtp, mail_server_in, mailer_for, sender_in
from app.notifications.models import WAITING, Mail
from app.settings import BadSettings, Settings, load
from tests.postbox import Postbox, open_postbox, text_of

pytestmark = pytest.mark.anyio

FROM = Sender("Waitpoint", "ask@example.com")
SUMMER = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)

CRLF = [
    "\r\n",
    "\n",
    "\r",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1d",
    "\x1e",
    "\x85",
    "\u2028",
    "\u2029",
    "\0",
    "\n\n",
    "\r\n\r\n",
]
PAYLOADS = [
    *(f"Sale{ending}Bcc: c@example.com" for ending in CRLF),
    "Sale\r\n\tfolded: yes",
    "Sale\r\n Bcc: c@example.com",
    "=?UTF-8?Q?=0ABcc:_c@example.com?=",
    "=?UTF-8?Q?=0D=0ABcc:_c@example.com?=",
    "=?utf-8?b?CkJjYzogY0BleGFtcGxlLmNvbQ==?=",
    "=?UTF-8?q?Sale=0A=0A<script>?=",
    "Sale =?UTF-8?Q?=0A?= Bcc: c@example.com",
    "=?UTF-8?Q?=?UTF-8?Q?=0A?=?=",
    "=?iso-8859-1?Q?=0aBcc:c@example.com?=",
    "Sale\r\n.\r\nMAIL FROM:<c@example.com>",
    "Sale\r\nContent-Type: text/html\r\n\r\n<h1>",
    "\u202egnp.exe\nBcc: c@example.com",
    "ü" * 90 + "\r\nBcc: c@example.com",
    "x" * 100_000,
    "\r\nTo: c@example.com",
    "%0d%0aBcc: c@example.com",
]


def mail(recipient: str = "ben@example.com") -> Mail:
    return Mail(
        id="mail_1",
        kind="test",
        recipient=recipient,
        environment_id=None,
        subject_id=None,
        data={},
        status=WAITING,
        created_at=SUMMER,
        due_at=SUMMER,
        attempts=1,
    )


def letter(subject: str = "Publish the autumn sale?") -> Letter:
    return Letter(subject, "Look and answer.\n", "<p>Look and answer.</p>")


@pytest.fixture
def postbox() -> Iterator[Postbox]:
    with open_postbox() as postbox:
        yield postbox


async def send(url: str, letter: Letter, recipient: str = "ben@example.com") -> None:
    async with Smtp(mail_server_in(url), FROM).open() as hand_over:
        await hand_over(message_of(mail(recipient), letter, FROM))


async def test_a_message_is_whole(postbox: Postbox) -> None:
    """Text first, HTML beside it, and a Message-ID and a date that stay the same."""
    await send(postbox.url, letter())
    await send(postbox.url, letter())

    first, second = postbox.messages
    assert "Waitpoint <ask@example.com>" == first["from"]
    assert ("ben@example.com", "Publish the autumn sale?") == (first["to"], first["subject"])
    assert ("<mail_1@example.com>", "auto-generated") == (first["message-id"], first["auto-submitted"])
    assert (first["message-id"], first["date"]) == (second["message-id"], second["date"])
    assert ["text/plain", "text/html"] == [part.get_content_type() for part in first.iter_parts()]
    assert "Look and answer." == text_of(first).strip()


async def test_letters_beyond_ascii_arrive(postbox: Postbox) -> None:
    await send(postbox.url, letter("Grüße aus 東京 🎉"), "ben@xn--bcher-kva.example")

    (message,) = postbox.messages
    assert "Grüße aus 東京 🎉" == message["subject"]


async def test_no_subject_becomes_another_header(postbox: Postbox) -> None:
    """Through a real conversation: one recipient, the headers that we set, and a subject in one line."""
    async with Smtp(mail_server_in(postbox.url), FROM).open() as hand_over:
        for payload in PAYLOADS:
            written = write("test", {"mail": mail(), "public_url": payload})
            subject = write_subject(payload)
            await hand_over(message_of(mail(), Letter(subject, written.text, written.html), FROM))

    assert 30 <= len(PAYLOADS) == len(postbox.envelopes)
    for recipients, content in postbox.envelopes:
        head = content.partition(b"\r\n\r\n")[0]
        names = [line.partition(b":")[0].lower() for line in head.split(b"\r\n") if line[:1] not in b" \t"]
        assert ["ben@example.com"] == recipients
        assert 1 == names.count(b"subject") == names.count(b"to")
        assert not {b"bcc", b"folded"} & {*names}
        assert b"\n" not in head.replace(b"\r\n", b"")
    for message in postbox.messages:
        assert not set("\r\n\0\x0b\x0c\x85\u2028\u2029") & {*message["subject"]}
        assert len(message["subject"]) <= 180


def write_subject(title: str) -> str:
    """A subject with a text in it that somebody else wrote, as the templates make it."""
    from app.notifications import letters  # noqa: PLC0415

    return letters._one_line(letters._texts().from_string("{{ title }}").render(title=title))


@pytest.mark.parametrize("name", ["Ben\r\nBcc: c@example.com", "Ben\nX: y"])
def test_a_senders_name_is_refused_rather_than_obeyed(name: str) -> None:
    with pytest.raises(ValueError):
        message_of(mail(), letter(), Sender(name, "ask@example.com")).as_bytes(policy=SMTP)


async def test_what_a_server_refuses_for_good_is_not_tried_again(postbox: Postbox) -> None:
    postbox.refuse["ben@example.com"] = "550 no such mailbox"

    with pytest.raises(NotSent, match="550 no such mailbox") as refused:
        await send(postbox.url, letter())

    assert refused.value.for_good


async def test_what_a_server_refuses_for_now_is_tried_again(postbox: Postbox) -> None:
    postbox.refuse["ben@example.com"] = "451 come back later"

    with pytest.raises(NotSent) as refused:
        await send(postbox.url, letter())

    assert not refused.value.for_good


async def test_a_server_that_is_not_there_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(NotSent, match=f"127.0.0.1:{port}") as refused:
        await send(f"smtp://127.0.0.1:{port}", letter())

    assert not refused.value.for_good


async def test_a_password_does_not_travel_in_the_clear() -> None:
    """Beyond a private network STARTTLS has to be there; inside it is used when it is offered."""
    assert mail_server_in("smtp://ben:secret@mail.example.com").must_offer_encryption
    assert not mail_server_in("smtp://ben:secret@127.0.0.1").must_offer_encryption
    assert not mail_server_in("smtp://mail.example.com").must_offer_encryption
    assert not mail_server_in("smtps://ben:secret@mail.example.com").must_offer_encryption


def test_a_url_says_where_the_server_is() -> None:
    server = mail_server_in("smtps://ben%40example.com:p%2Fw%40@mail.example.com")

    assert ("mail.example.com", 465, "ben@example.com", "p/w@") == (
        server.host,
        server.port,
        server.username,
        server.password,
    )
    assert 587 == mail_server_in("smtp://mail.example.com").port
    assert ("Waitpoint", "ask@example.com") == (sender_in("ask@example.com").name, sender_in("ask@example.com").address)
    assert "Acme asks" == sender_in("Acme asks <ask@example.com>").name


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"smtp_url": "http://mail.example.com"}, "WAITPOINT_SMTP_URL"),
        ({"smtp_url": "smtp://:25"}, "WAITPOINT_SMTP_URL"),
        ({"smtp_url": "smtp://mail.example.com/path"}, "WAITPOINT_SMTP_URL"),
        ({"smtp_url": "smtp://mail.example.com", "public_url": "https://wait.example.com"}, "WAITPOINT_MAIL_FROM"),
        ({"smtp_url": "smtp://mail.example.com", "mail_from": "a@example.com"}, "WAITPOINT_PUBLIC_URL"),
        ({"mail_from": "nobody"}, "WAITPOINT_MAIL_FROM"),
        ({"mail_from": "a@example.com\nBcc: b@example.com"}, "WAITPOINT_MAIL_FROM"),
    ],
)
def test_settings_that_cannot_be_right_are_refused(given: dict[str, str], says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        load(**given)


async def test_without_a_mail_server_mails_show_on_the_console(capsys: pytest.CaptureFixture[str]) -> None:
    """Whole, for whoever reads along."""
    mailer = mailer_for(Settings())
    async with mailer.open() as hand_over:
        await hand_over(message_of(mail(), letter(), mailer.sender))

    printed = capsys.readouterr().out
    assert "To: ben@example.com" in printed
    assert "Look and answer." in printed


async def test_a_console_that_is_kept_shows_no_words(capsys: pytest.CaptureFixture[str]) -> None:
    """Logs hold no link of anybody."""
    async with Console(is_shown=False).open() as hand_over:
        await hand_over(message_of(mail(), letter(), Console.sender))

    printed = capsys.readouterr()
    assert "Look and answer." not in printed.out + printed.err
