"""Addresses: plain ones only, kept in one form, and nothing that could become a header."""

import pytest

from app.notifications.addresses import BadAddress, address_of


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("ben@example.com", "ben@example.com"),
        ("Ben@Example.COM", "ben@example.com"),
        ("ben+sale@example.com", "ben+sale@example.com"),
        ("ben@localhost", "ben@localhost"),
        ("ben@mail.internal", "ben@mail.internal"),
        ("ben@bücher.example", "ben@xn--bcher-kva.example"),
        ("ben@例え.テスト", "ben@xn--r8jz45g.xn--zckzah"),
    ],
)
def test_an_address_is_kept_in_one_form(given: str, kept: str) -> None:
    assert kept == address_of(given)


@pytest.mark.parametrize(
    "given",
    [
        "",
        "ben",
        "@example.com",
        "ben@",
        "a@b\r\nBcc: c@d",
        "a@b\nBcc: c@d",
        "a@b.example\n",
        " a@b.example",
        "a@b.example\x00",
        "=?UTF-8?Q?=0ABcc:?=",
        "=?UTF-8?Q?=0ABcc:?=@example.com\n",
        "a@example.com, b@example.com",
        "Ben <ben@example.com>",
        '"x"@[127.0.0.1]',
        '"a b"@example.com',
        "a@[127.0.0.1]",
        "a..b@example.com",
        "a" * 65 + "@example.com",
        "a@" + "b" * 64 + ".example",
        "a@" + ".".join(["b" * 60] * 6) + ".example",
        "x" * 100_000,
        "bén@example.com",
        "ben@exa mple.com",
        "ben@-example.com",
        "ben@example..com",
    ],
)
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(BadAddress):
        address_of(given)
