"""Every bad input that has a number, and the answer that it gets, on both databases.

The numbers (B-01 …) are those of the list that this server is held to; each is in the name of its case.
What is refused changes nothing: not a row, not an event, and the token keeps waiting.
"""

import gc
import gzip
import json
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from app.database import Unit
from app.database.tables import table_of
from app.environments import api_keys
from app.events import head
from app.tokens.models import TokenRow
from tests.makers import TOKENS, UNKNOWN_ID, House, Program, unique
from waitpoint import _cli

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}
IF_WAITING = {"x-waitpoint-if-waiting": "true"}
STRICT = {"x-waitpoint-strict": "true"}
COMPLETE = "{path}/complete"
CANCEL = "{path}/cancel"
PUBLIC_TOKENS = "/api/v1/auth/public-tokens"
CREATE_LIMIT = 524_288
ANSWER_LIMIT = 3_145_728


@dataclass(frozen=True)
class Bad:
    """A request, and how it is refused. `{path}` and `{callback}` lead to a token that waits."""

    id: str
    status: int
    code: str
    path: str = COMPLETE
    content: bytes | None = None
    json: Any = None
    says: str = ""
    pointer: str | None = None
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)
    query: list[tuple[str, str]] | None = None

    def __str__(self) -> str:
        return self.id


def deep(levels: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return b'{"data":' + opening * levels + closing * levels + b"}"


def create(id: str, code: str, says: str = "", status: int = 400, **options: Any) -> Bad:
    """A create with options that are refused."""
    return Bad(id, status, code, TOKENS, json=options, says=says)


def query(id: str, says: str, **parameters: str) -> Bad:
    """A list with a parameter that is refused."""
    names = {
        "status": "filter[status]",
        "period": "filter[createdAt][period]",
        "since": "filter[createdAt][from]",
        "until": "filter[createdAt][to]",
        "key": "filter[idempotencyKey]",
        "tags": "filter[tags]",
        "size": "page[size]",
        "after": "page[after]",
        "before": "page[before]",
    }
    pairs = [(names[name], value) for name, value in parameters.items()]
    return Bad(id, 400, "query-error", TOKENS, method="GET", query=pairs, says=says)


TAGS_129 = "x" * 129
BODIES = [
    Bad("B-03 half an object", 400, "malformed-json", "{callback}", b'{"a":', "character 5", headers=JSON),
    Bad("B-03 single quotes", 400, "malformed-json", "{callback}", b"{'a': 1}", "character 1", headers=JSON),
    Bad("B-03 trailing comma", 400, "malformed-json", "{callback}", b"[1,]", "character", headers=JSON),
    Bad("B-03 problem json", 400, "malformed-json", "{callback}", b"{", headers={"content-type": "application/a+json"}),
    Bad("B-03 text json", 400, "malformed-json", "{callback}", b"{", headers={"content-type": "text/json"}),
    Bad("B-04 output", 422, "unknown-field", json={"output": {"a": 1}}, says="Did you mean data?", pointer="/output"),
    Bad("B-04 the answer itself", 422, "unknown-field", json={"approved": True}, says='"approved"'),
    Bad("B-07 65 lists", 400, "json-too-deep", content=deep(65)),
    Bad("B-07 65 objects", 400, "json-too-deep", content=deep(65, b'{"a":[', b"]}")),
    Bad("B-07 65 in a callback", 400, "json-too-deep", "{callback}", b"[" * 65 + b"]" * 65, headers=JSON),
    Bad("B-07 65 in a create", 400, "json-too-deep", TOKENS, b'{"tags":' + b"[" * 65 + b"]" * 65 + b"}"),
    Bad("B-07 2,000 lists", 400, "json-too-deep", content=deep(2_000)),
    Bad("B-07 100,000 lists", 400, "json-too-deep", content=deep(100_000)),
    Bad("B-07 100,000 lists never closed", 400, "json-too-deep", content=b'{"data":' + b"[" * 100_000),
    Bad("B-07 100,000 objects", 400, "json-too-deep", content=deep(100_000, b'{"a":', b"}").replace(b":}", b":1}")),
    Bad("B-08 byte FF", 400, "invalid-utf8", content=b'{"data":"\xff"}', says="byte 9"),
    Bad("B-08 overlong", 400, "invalid-utf8", content=b'{"data":"\xc0\x80"}'),
    Bad("B-08 surrogate in UTF-8", 400, "invalid-utf8", content=b'{"data":"\xed\xa0\x80"}'),
    Bad("B-08 in a callback", 400, "invalid-utf8", "{callback}", b'"\xff"', headers=JSON),
    Bad("B-08 in a create", 400, "invalid-utf8", TOKENS, b'{"tags":"\xff"}'),
    Bad("B-09 value", 400, "invalid-unicode", content=rb'{"data":{"a":["\ud800"]}}', pointer="/data/a/0"),
    Bad("B-09 key", 400, "invalid-unicode", content=rb'{"data":{"\udc00":1}}', says="surrogate"),
    Bad("B-09 turned round", 400, "invalid-unicode", content=rb'{"data":"\udc00\ud800"}', pointer="/data"),
    Bad("B-09 tag", 400, "invalid-unicode", TOKENS, rb'{"tags":["a","\ud800"]}', pointer="/tags/1"),
    Bad("B-09 callback", 400, "invalid-unicode", "{callback}", rb'"\ud800"', headers=JSON),
    Bad("B-10 value", 400, "nul-character", content=rb'{"data":"a\u0000b"}', pointer="/data"),
    Bad("B-10 key", 400, "nul-character", content=rb'{"data":{"a":{"\u0000":1}}}', pointer="/data/a/\\u0000"),
    Bad("B-10 idempotency key", 400, "nul-character", TOKENS, rb'{"idempotencyKey":"\u0000"}'),
    Bad("B-10 tag", 400, "nul-character", TOKENS, rb'{"tags":"\u0000"}', pointer="/tags"),
    Bad("B-10 timeout", 400, "nul-character", TOKENS, rb'{"timeout":"1h\u0000"}'),
    Bad("B-10 reason", 400, "nul-character", CANCEL, rb'{"reason":"\u0000"}', pointer="/reason"),
    Bad("B-10 callback", 400, "nul-character", "{callback}", rb'{"a":"\u0000"}', headers=JSON),
    Bad("B-10 raw byte", 400, "malformed-json", content=b'{"data":"a\x00b"}'),
    Bad("B-10 in a form", 400, "nul-character", "{callback}", b"name=a%00b", headers=FORM),
    Bad("B-10 in a text", 400, "nul-character", "{callback}", b"a\x00b", headers={"content-type": "text/plain"}),
    Bad("B-11 1e400", 400, "number-out-of-range", content=b'{"data":1e400}'),
    Bad("B-11 10,000 digits", 400, "number-out-of-range", content=b'{"data":' + b"9" * 10_000 + b"}"),
    Bad("B-11 10,000 decimals", 400, "number-out-of-range", content=b'{"data":0.' + b"9" * 10_000 + b"}"),
    Bad("B-12 NaN", 400, "malformed-json", content=b'{"data":NaN}', says="NaN"),
    Bad("B-12 Infinity", 400, "malformed-json", content=b'{"data":Infinity}', says="Infinity"),
    Bad("B-12 -Infinity", 400, "malformed-json", content=b'{"data":[-Infinity]}'),
    Bad("B-12 callback", 400, "malformed-json", "{callback}", b"NaN", headers=JSON),
    Bad("B-13 decision twice", 400, "duplicate-key", content=b'{"data":{"approved":false,"approved":true}}'),
    Bad("B-13 data twice", 400, "duplicate-key", content=b'{"data":1,"data":2}', says="'data'"),
    Bad("B-13 escaped", 400, "duplicate-key", content=rb'{"data":1,"d\u0061ta":2}'),
    Bad("B-13 callback", 400, "duplicate-key", "{callback}", b'{"a":1,"a":1}', headers=JSON),
    Bad("B-13 form", 400, "duplicate-key", "{callback}", b"approved=no&approved=yes", headers=FORM),
    Bad("B-13 create", 400, "duplicate-key", TOKENS, b'{"timeout":"1h","timeout":"2h"}'),
    Bad("B-15 UTF-16", 400, "invalid-utf8", content='{"data":1}'.encode("utf-16")),
    Bad("B-15 UTF-16 without a mark", 400, "malformed-json", content='{"data":1}'.encode("utf-16-le")),
    Bad("B-15 gzip", 415, "encoded-body", content=gzip.compress(b"{}"), headers={"content-encoding": "gzip"}),
    Bad("B-15 br", 415, "encoded-body", "{callback}", b"{}", headers={"content-encoding": "br"}),
    Bad("B-15 br on create", 415, "encoded-body", TOKENS, b"{}", headers={"content-encoding": "br"}),
    Bad("B-16 create", 413, "payload-too-large", TOKENS, b" " * (CREATE_LIMIT + 1), str(CREATE_LIMIT)),
    Bad("B-16 complete", 413, "payload-too-large", content=b" " * (ANSWER_LIMIT + 1), says=str(ANSWER_LIMIT)),
    Bad("B-16 callback", 413, "payload-too-large", "{callback}", b" " * (ANSWER_LIMIT + 1), str(ANSWER_LIMIT)),
    Bad("B-16 cancel", 413, "payload-too-large", CANCEL, b" " * (CREATE_LIMIT + 1)),
    Bad("B-16 public token", 413, "payload-too-large", PUBLIC_TOKENS, b" " * 65_537),
    Bad("B-19 complete", 400, "malformed-json", content=b'{"data":1} x', says="Extra data"),
    Bad("B-19 two values", 400, "malformed-json", content=b"{}{}"),
    Bad("B-19 callback", 400, "malformed-json", "{callback}", b"1 2", headers=JSON),
    Bad("B-20 keys", 400, "too-many-keys", content=json.dumps({"data": dict.fromkeys(map(str, range(10_001)))}).encode()),
    Bad("B-20 small objects", 400, "too-many-keys", json={"data": [{"a": 1}] * 10_001}),
    Bad("B-20 long key", 400, "key-too-long", json={"data": {"k" * 1_000_000: 1}}),
    Bad("a list", 400, "not-an-object", content=b"[]"),
    Bad("a text", 400, "not-an-object", TOKENS, b'"1h"'),
    Bad("null", 400, "not-an-object", content=b"null"),
    Bad("a long reason", 400, "invalid-reason", CANCEL, json={"reason": "x" * 1001}),
    Bad("a reason that is no text", 400, "invalid-reason", CANCEL, json={"reason": 5}),
    Bad("strict: create", 400, "unknown-field", TOKENS, json={"timeuot": "1h"}, headers=STRICT, pointer="/timeuot"),
    Bad("strict: complete", 400, "unknown-field", json={"data": 1, "dta": 1}, headers=STRICT, pointer="/dta"),
    Bad("strict: cancel", 400, "unknown-field", CANCEL, json={"raeson": "x"}, headers=STRICT, pointer="/raeson"),
    Bad(
        "strict: public token",
        400,
        "unknown-field",
        PUBLIC_TOKENS,
        json={"scopes": ["read:waitpoints"], "expires": 1},
        headers=STRICT,
        pointer="/expires",
    ),
    Bad("charset that is none", 400, "invalid-utf8", "{callback}", b"a", headers={"content-type": "text/plain;charset=undefined"}),
    Bad("charset idna", 400, "invalid-utf8", "{callback}", b"a" * 99, headers={"content-type": "text/plain;charset=idna"}),
    Bad("parts without an end", 400, "malformed-form", "{callback}", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1',
        headers={"content-type": "multipart/form-data; boundary=x"}),
    Bad("parts without a boundary", 400, "malformed-form", "{callback}", b"--x--", headers={"content-type": "multipart/form-data"}),
    Bad("a part without a name", 400, "malformed-form", "{callback}", b"--x\r\na: b\r\n\r\n1\r\n--x--",
        headers={"content-type": "multipart/form-data; boundary=x"}),
    Bad("a part that is no text", 400, "invalid-utf8", "{callback}",
        b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n--x--', headers={"content-type": "multipart/form-data; boundary=x"}),
    Bad("B-13 parts", 400, "duplicate-key", "{callback}", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n' * 2 + b"--x--",
        headers={"content-type": "multipart/form-data; boundary=x"}),
    Bad("form that cannot be read", 400, "malformed-form", "{callback}", b"a=%ff", headers=FORM),
]  # fmt: skip

FIELDS = [
    create("B-30 empty", "invalid-duration", "10m", timeout=""),
    create("B-30 without a unit", "invalid-duration", "'10'", timeout="10"),
    create("B-30 negative", "invalid-duration", "10m", timeout="-5m"),
    create("B-30 zero", "invalid-duration", "at least 1s", timeout="0s"),
    create("B-30 zero of two units", "invalid-duration", "at least 1s", timeout="0h0m"),
    create("B-30 half hours", "invalid-duration", "10m", timeout="1.5h"),
    create("B-30 words", "invalid-duration", "10m", timeout="5 minutes"),
    create("B-30 upper case", "invalid-duration", "10m", timeout="5M"),
    create("B-30 spaces", "invalid-duration", "10m", timeout=" 5m"),
    create("B-30 2,000 years", "invalid-duration", "at most 5 years", timeout="99999w"),
    create("B-30 beyond all dates", "invalid-duration", "at most 5 years", timeout="999999999w"),
    create("B-30 beyond all dates by adding", "invalid-duration", timeout="999999999d" * 50),
    create("B-30 digits of elsewhere", "invalid-duration", "10m", timeout="١٠m"),
    create("B-30 number", "invalid-duration", "as text, not 600", timeout=600),
    create("B-30 object", "invalid-duration", "as text", timeout={"minutes": 5}),
    create("B-30 true", "invalid-duration", "as text", timeout=True),
    create("B-31 past", "deadline-in-past", "future", timeout="2020-01-01T00:00:00Z"),
    create("B-31 no zone", "timezone-required", "time zone", timeout="2040-01-01T00:00:00"),
    create("B-31 a day", "timezone-required", "time zone", timeout="2040-01-01"),
    create("B-31 30th of February", "invalid-date", "exists", timeout="2040-02-30T00:00:00Z"),
    create("B-31 leap second", "invalid-date", "exists", timeout="2040-06-30T23:59:60Z"),
    create("B-31 year 10000", "invalid-date", "exists", timeout="10000-01-01T00:00:00Z"),
    create("B-31 beyond the last day", "invalid-date", "9999", timeout="9999-12-31T23:59:59-12:00"),
    create("B-31 before the first day", "invalid-date", timeout="0001-01-01T00:00:00+12:00"),
    create("B-32 eleven tags", "too-many-tags", "11", 422, tags=[str(number) for number in range(11)]),
    create("B-32 long tag", "invalid-tag", "129", tags=["ok", TAGS_129]),
    create("B-32 empty tag", "invalid-tag", "empty", tags=[""]),
    create("B-32 empty tag alone", "invalid-tag", "empty", tags=""),
    create("B-32 blank tag", "invalid-tag", "empty", tags=[" "]),
    create("B-32 newline", "invalid-tag", "control", tags=["a\nb"]),
    create("B-32 object", "invalid-tag", '{"a": 1}', tags=[{"a": 1}]),
    create("B-32 number", "invalid-tag", "5", tags=[5]),
    create("B-32 tags as an object", "invalid-tags", '{"a": 1}', tags={"a": 1}),
    create("B-32 tags as null", "invalid-tags", "null", tags=None),
    create("B-33 long key", "invalid-key", "2048", idempotencyKey="k" * 2049),
    create("B-33 control", "invalid-key", "control", idempotencyKey="a\x07b"),
    create("B-33 list", "invalid-key", "text", idempotencyKey=["a"]),
    create("B-33 null", "invalid-key", "null", idempotencyKey=None),
    create("B-36 zero", "invalid-duration", "at least 1s", idempotencyKey="k", idempotencyKeyTTL="0s"),
    create("B-36 ten years", "invalid-duration", idempotencyKey="k", idempotencyKeyTTL="10y"),
    create("B-36 too long", "invalid-duration", "5 years", idempotencyKey="k", idempotencyKeyTTL="600w"),
    create("B-36 no key", "missing-key", "idempotencyKey", idempotencyKeyTTL="1h"),
    create("B-36 empty key", "missing-key", "idempotencyKey", idempotencyKey="", idempotencyKeyTTL="1h"),
    create("B-36 number", "invalid-duration", "3600", idempotencyKey="k", idempotencyKeyTTL=3600),
]

QUERIES = [
    query("B-37 unknown status", "filter[status] knows WAITING, COMPLETED, TIMED_OUT, not 'DONE'", status="DONE"),
    query("B-37 one unknown status", "'waiting'", status="WAITING,waiting"),
    query("B-37 size 0", "page[size] must be a whole number from 1 to 100", size="0"),
    query("B-37 size 101", "from 1 to 100, not '101'", size="101"),
    query("B-37 size abc", "not 'abc'", size="abc"),
    query("B-37 size -1", "not '-1'", size="-1"),
    query("B-37 size 1.5", "not '1.5'", size="1.5"),
    query("B-37 no size", "from 1 to 100", size=""),
    query("B-37 cursor of elsewhere", "page[after] must be a cursor", after="run_1"),
    query("B-37 tampered cursor", "page[before] must be a cursor", before=UNKNOWN_ID + "'"),
    query("B-37 upside down", "must not be later", since="1700000000001", until="1700000000000"),
    query("B-37 two years", "filter[createdAt][period] must be a duration", period="2y"),
    query("B-37 endless period", "at most 5 years", period="999999999w"),
    query("B-37 no date", "filter[createdAt][from]", since="yesterday"),
    query("B-37 no zone", "time zone", until="2030-01-01T00:00:00"),
    query("B-37 beyond all years", "9999", since="999999999999999"),
    query("B-10 key", "NUL", key="a\x00b"),
    query("B-10 tag", "NUL", tags="a\x00b"),
    Bad("B-38 size twice", 400, "query-error", TOKENS, method="GET", query=[("page[size]", "1"), ("page[size]", "2")],
        says="page[size] is given twice"),
    Bad("B-38 status twice", 400, "query-error", TOKENS, method="GET",
        query=[("filter[status]", "WAITING"), ("filter[status]", "COMPLETED")], says="commas"),
    Bad("strict: list", 400, "query-error", TOKENS, method="GET", query=[("limit", "1")], headers=STRICT, says="limit"),
]  # fmt: skip


@pytest.mark.parametrize("bad", [*BODIES, *FIELDS, *QUERIES], ids=str)
def test_a_bad_input_is_named_and_changes_nothing(house: House, ada: Program, bad: Bad) -> None:
    """The answer says which rule, in a sentence; nothing is stored and the token keeps waiting."""
    token = ada.make_token()

    with nothing_changed(house):
        answer = ada.ask(
            bad.method,
            bad.path.format(**vars(token)),
            headers=bad.headers,
            content=bad.content,
            json=bad.json,
            params=bad.query,
        )

    assert (bad.status, bad.code) == (answer.status_code, answer.json()["code"]), answer.text
    assert_is_a_problem(answer)
    assert bad.says in answer.json()["detail"]
    assert bad.pointer is None or answer.json()["errors"][0]["pointer"] == bad.pointer
    assert "WAITING" == ada.show(token)["status"]


def test_b16_an_endless_body_is_counted_while_it_comes(house: House, ada: Program) -> None:
    """A chunked body has no length to read beforehand. The sender hears the answer and may go on talking."""
    token = ada.make_token()

    with nothing_changed(house):
        answer = ada.post(f"{token.path}/complete", content=(b" " * 65_536 for _ in range(60)))

    assert (413, "payload-too-large") == (answer.status_code, answer.json()["code"])
    assert ANSWER_LIMIT == answer.json()["limit"]
    assert 200 == ada.complete(token).status_code


@pytest.mark.parametrize("path", [TOKENS, COMPLETE, "{callback}"])
def test_b16_a_body_of_exactly_the_limit_is_read(ada: Program, path: str) -> None:
    """The limits are the largest sizes that pass."""
    token = ada.make_token()
    limit = CREATE_LIMIT if path == TOKENS else ANSWER_LIMIT

    answer = ada.post(path.format(**vars(token)), content=b"{}" + b" " * (limit - 2))

    assert 200 == answer.status_code


PARTS = (
    b'--xx\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--xx\r\ncontent-type: text/plain\r\ncontent-disposition: form-data; name="b"\r\n\r\n\xc3\xa9\r\nz\r\n'
    b'--xx\r\nContent-Disposition: form-data; filename="x.txt"; name="f"\r\n\r\nfile\r\n--xx--\r\n'
)
ANSWERS = [
    ("B-01 nothing", "{callback}", b"", None, "{}"),
    ("B-01 nothing as JSON", "{callback}", b"", "application/json", "{}"),
    ("B-01 blanks", "{callback}", b" \r\n", "application/json", "{}"),
    ("B-02 nothing", COMPLETE, b"", None, None),
    ("B-02 empty object", COMPLETE, b"{}", None, None),
    ("B-05 text/plain", COMPLETE, b'{"data":1}', "text/plain", "1"),
    ("B-05 no type", COMPLETE, b'{"data":1}', None, "1"),
    ("B-05 form type", COMPLETE, b'{"data":1}', "application/x-www-form-urlencoded", "1"),
    ("B-06 form", "{callback}", b"a=1&b=&c=%C3%A9+x", "application/x-www-form-urlencoded", '{"a":"1","b":"","c":"é x"}'),
    ("B-06 text", "{callback}", b"approved by phone", "text/plain", '"approved by phone"'),
    ("B-06 text in latin-1", "{callback}", b"caf\xe9", "text/plain; charset=iso-8859-1", '"café"'),
    ("B-06 no type", "{callback}", b"yes please", None, '"yes please"'),
    ("B-06 JSON as a form", "{callback}", b'{"a": 1}', "application/x-www-form-urlencoded", '{"a": 1}'),
    ("B-06 JSON as text", "{callback}", b'{"a": 1}', "text/plain", '{"a": 1}'),
    ("B-06 parts", "{callback}", PARTS, "multipart/form-data; boundary=xx", '{"a":"1","b":"é\\r\\nz","f":"file"}'),
    ("B-06 parts, quoted", "{callback}", PARTS, 'multipart/form-data; boundary="xx"', '{"a":"1","b":"é\\r\\nz","f":"file"}'),
    ("B-06 NaN as text", "{callback}", b"NaN", "text/plain", '"NaN"'),
    ("B-07 64 levels", "{callback}", b"[" * 64 + b"]" * 64, "application/json", "[" * 64 + "]" * 64),
    ("B-07 brackets in a text", COMPLETE, b'{"data":"' + b"[" * 500 + b'"}', None, '"' + "[" * 500 + '"'),
    ("B-07 many shallow lists", COMPLETE, b'{"data":[' + b"[]," * 500 + b"1]}", None, "[" + "[]," * 500 + "1]"),
    ("B-07 brackets behind a quote", COMPLETE, rb'{"data":"\"' + b"[" * 70 + b'"}', None, r'"\"' + "[" * 70 + '"'),
    ("B-09 a pair", COMPLETE, rb'{"data":"\ud83d\ude00"}', None, r'"\ud83d\ude00"'),
    ("B-09 backslashes", COMPLETE, rb'{"data":"\\ud800 \\u0000"}', None, r'"\\ud800 \\u0000"'),
    ("B-11 2^63", COMPLETE, b'{"data":9223372036854775808}', None, "9223372036854775808"),
    ("B-11 2^53+1", COMPLETE, b'{"data":9007199254740993}', None, "9007199254740993"),
    ("B-11 300 digits", COMPLETE, b'{"data":' + b"9" * 300 + b"}", None, "9" * 300),
    ("B-11 -0", COMPLETE, b'{"data":-0}', None, "-0"),
    ("B-11 1E+2", COMPLETE, b'{"data":1E+2}', None, "1E+2"),
    ("B-11 0.1 exactly", COMPLETE, b'{"data":0.1000000000000000055511151231257827}', None, "0.1000000000000000055511151231257827"),
    ("B-14", COMPLETE, b'{"data":{"__proto__":{"a":1},"constructor":2}}', None, '{"__proto__":{"a":1},"constructor":2}'),
    ("B-15 mark", COMPLETE, b'\xef\xbb\xbf{"data":1}', None, "1"),
    ("B-15 mark in a callback", "{callback}", b'\xef\xbb\xbf{"a":1}', "application/json", '{"a":1}'),
    ("escaped data", COMPLETE, rb'{"d\u0061ta":1}', None, "1"),
    ("data is null", COMPLETE, b'{"data":null}', None, "null"),
    ("data among others", COMPLETE, b'{"x":{"data":2},"data": [1, 2] ,"y":3}', None, "[1, 2]"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "kind", "output"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
def test_what_looks_odd_and_is_not_wrong_is_kept(
    ada: Program, path: str, body: bytes, kind: str | None, output: str | None
) -> None:
    """An answer that can be read is recorded as it was said, to the byte."""
    token = ada.make_token()

    answer = ada.post(path.format(**vars(token)), content=body, headers={"content-type": kind} if kind else {})

    assert {"success": True} == answer.json(), answer.text
    shown = ada.show(token)
    assert ("COMPLETED", output) == (shown["status"], shown.get("output"))


def test_b05_no_cookie_is_ever_read_on_an_api_route(house: House, ada: Program) -> None:
    """JSON under any content type is safe because only the Authorization header says who is asking."""
    token, cookie = ada.make_token(), house.sign_in()
    session = {"cookie": f"waitpoint={cookie}; approval={token.public_access_token}"}

    with nothing_changed(house):
        answers = [
            house.client.post(f"{token.path}/complete", json={}, headers=session),
            house.client.post(f"{token.path}/cancel", json={}, headers=session),
            house.client.post(TOKENS, json={}, headers=session),
            house.client.get(TOKENS, headers=session),
            house.client.get(token.path, headers=session),
            house.client.post(PUBLIC_TOKENS, json={"scopes": ["admin"]}, headers=session),
        ]

    assert [401] * 6 == [answer.status_code for answer in answers]


SHAPES = [
    "run_123",
    "😀",
    "x" * 5_000,
    "%00",
    UNKNOWN_ID + "%00",
    UNKNOWN_ID + ".",
    UNKNOWN_ID.upper(),
    UNKNOWN_ID + "%20",
    "%F0%9F%98%80",
    "%ff%fe",
    "waitpoint_" + "z" * 32,
    "waitpoint_" + "١" * 32,
    "'; DROP TABLE tokens; --",
]


@pytest.mark.parametrize("door", ["", "/complete", "/cancel", "/wait", "callback", "engine"])
def test_b21_b22_b23_an_id_that_leads_nowhere_reads_the_same_everywhere(
    house: House, ada: Program, cleo: Program, door: str
) -> None:
    """Unknown, somebody else's, or no id at all: one text, byte for byte."""
    token = ada.make_token()

    with nothing_changed(house):
        unknown = _through(cleo, door, UNKNOWN_ID)
        foreign = _through(cleo, door, token.id)
        shapes = [_through(cleo, door, shape) for shape in SHAPES]
        variants = [_through(cleo, door, form) for form in (token.id.upper(), token.id + ".", token.id + "%00")]

    assert (404, "Waitpoint not found", "token-not-found") == (
        unknown.status_code,
        unknown.json()["error"],
        unknown.json()["code"],
    )
    if door != "callback":  # whoever knows a callback URL needs no key; Ada's token is not foreign to it
        assert (404, unknown.content) == (foreign.status_code, foreign.content)
    assert [(404, unknown.content)] * len(SHAPES) == [(shape.status_code, shape.content) for shape in shapes]
    assert [(404, unknown.content)] * 3 == [(variant.status_code, variant.content) for variant in variants]


@pytest.mark.parametrize("path", ["..%2f", "%2e%2e", "..%2f..%2fetc%2fpasswd", "a%2fb%2fc"])
def test_b23_a_path_that_climbs_finds_nothing(house: House, ada: Program, path: str) -> None:
    """There is nothing behind an id but tokens."""
    with nothing_changed(house):
        answer = ada.get(f"{TOKENS}/{path}")

    assert 404 == answer.status_code
    assert_is_a_problem(answer)


def _through(program: Program, door: str, token_id: str) -> Any:
    if door == "callback":
        return program.post(f"{TOKENS}/{token_id}/callback/{'0' * 64}", json={})
    if door == "engine":
        return program.post(f"/engine/v1/runs/run_1/waitpoints/tokens/{token_id}/wait", json={})
    if door == "/wait":
        return program.get(f"{TOKENS}/{token_id}/wait?timeout=1s")
    return program.ask("POST" if door else "GET", f"{TOKENS}/{token_id}{door}", json={} if door else None)


def test_b24_a_callback_needs_its_own_hash(house: House, ada: Program) -> None:
    """Whatever is wrong with a hash, the answer is one."""
    token, other = ada.make_token(), ada.make_token()
    right, others = token.callback.rpartition("/")[2], other.callback.rpartition("/")[2]
    base = f"{token.path}/callback"

    with nothing_changed(house):
        wrong = [
            house.client.post(f"{base}/{guess}", json={})
            for guess in (
                "0" * 64,
                right[:-1],
                right + "0",
                others,
                right.upper(),
                "é",
                "%00",
                right + "%00",
                "x" * 3000,
            )
        ]
        empty = house.client.post(f"{base}/", json={})

    assert [(401, "Invalid URL, hash doesn't match")] * len(wrong) == [
        (answer.status_code, answer.json()["error"]) for answer in wrong
    ]
    assert 1 == len({answer.content for answer in wrong})
    assert empty.status_code in {401, 404, 405}
    assert "WAITING" == ada.show(token)["status"]


def test_b25_b26_the_second_answer_is_told_that_it_came_second(house: House, ada: Program) -> None:
    """The first answer stands; the second succeeds, and hears the truth."""
    token = ada.make_token()
    ada.complete(token, {"approved": True})
    settled = ada.show(token)
    told = {"success": True, "alreadyCompleted": True, "status": "COMPLETED", "completedAt": settled["completedAt"]}

    with nothing_changed(house):
        same = ada.complete(token, {"approved": True})
        other = ada.complete(token, {"approved": False})
        asked = ada.complete(token, {"approved": False}, headers=IF_WAITING)

    assert [(200, told)] * 2 == [(answer.status_code, answer.json()) for answer in (same, other)]
    assert (409, "token-already-completed") == (asked.status_code, asked.json()["code"])
    assert ("COMPLETED", settled["completedAt"], settled["output"]) == (
        asked.json()["tokenStatus"],
        asked.json()["completedAt"],
        asked.json()["output"],
    )
    assert settled == ada.show(token)


def test_b27_an_answer_after_the_deadline_is_told_so(house: House, ada: Program) -> None:
    """The deadline has won, before the sweeper comes by and after."""
    token = ada.make_token(timeout="2s")
    deadline = ada.show(token)["timeoutAt"]
    house.clock.move(seconds=3)
    told = {"success": True, "alreadyCompleted": True, "status": "TIMED_OUT", "completedAt": deadline}

    with nothing_changed(house):
        before = [ada.complete(token, 1), ada.complete(token, 1, headers=IF_WAITING)]
    house.sweep()
    with nothing_changed(house):
        after = [ada.complete(token, 1), ada.complete(token, 1, headers=IF_WAITING)]

    for late, asked in (before, after):
        assert (200, told) == (late.status_code, late.json())
        assert (409, "token-timed-out", deadline) == (
            asked.status_code,
            asked.json()["code"],
            asked.json()["completedAt"],
        )
        assert deadline in asked.json()["detail"]


def test_b28_an_answer_after_a_cancellation_is_told_why(house: House, ada: Program) -> None:
    """A cancelled token says who does not need the answer any more."""
    token = ada.make_token()
    ada.cancel(token, "sold out")

    with nothing_changed(house):
        late = ada.complete(token, 1)
        asked = ada.complete(token, 1, headers=IF_WAITING)

    assert (200, "TIMED_OUT", True) == (late.status_code, late.json()["status"], late.json()["alreadyCompleted"])
    assert (409, "token-cancelled") == (asked.status_code, asked.json()["code"])
    assert "sold out" in asked.json()["detail"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE"])
def test_b29_only_a_post_calls_back(house: House, ada: Program, method: str) -> None:
    """Whatever opens a callback URL without meaning it completes nothing."""
    token = ada.make_token()

    with nothing_changed(house):
        answer = house.client.request(method, token.callback)
        read = house.client.request(method, token.callback, headers={"accept": "text/html"})

    assert [405, 405] == [answer.status_code, read.status_code]
    assert {"POST"} <= {name.strip() for name in answer.headers["allow"].split(",")}
    assert "WAITING" == ada.show(token)["status"]


def test_b30_b32_b33_what_is_just_within_the_rules_passes(ada: Program) -> None:
    """Limits are the last values that are accepted; order and duplicates of tags are kept."""
    for timeout in ("1s", "1m30s", "1d12h", "260w", "2w3d4h5m6s", None):
        assert 200 == ada.create(timeout=timeout).status_code
    token = ada.make_token(tags=["b", "a", "b", "x" * 128, "é 😀", "B"], idempotencyKey="k" * 2036 + unique())

    assert ["b", "a", "b", "x" * 128, "é 😀", "B"] == ada.show(token)["tags"]
    assert "timeoutAt" not in ada.show(ada.make_token(timeout=None))
    assert 10 == len(ada.show(ada.make_token(tags=["t"] * 10))["tags"])


def test_b34_the_same_key_with_other_options_says_which_were_ignored(ada: Program) -> None:
    """A repeated create gives the first token, and a warning names what differs."""
    key = unique("key-")
    first = ada.create(idempotencyKey=key, timeout="1h", tags=["a"])

    same = ada.create(idempotencyKey=key, timeout="1h", tags=["a"])
    other = ada.create(idempotencyKey=key, timeout="2h", tags=["b"])

    assert [False, True, True] == [answer.json()["isCached"] for answer in (first, same, other)]
    assert 1 == len({answer.json()["id"] for answer in (first, same, other)})
    assert "x-waitpoint-warning" not in same.headers
    assert {"timeout", "tags"} <= set(other.headers["x-waitpoint-warning"].replace(",", "").split())


@pytest.mark.parametrize(
    "header",
    [None, "", "Basic YWRhOnBhc3M=", "Bearer", "Token abc", "Bearer nonsense", "Bearer tr_dev_sk_wrong",
     "Bearer a b", "Bearer " + "x" * 9_000, "bearer", "Bearer é", "tr_dev_sk_AdaAdaAdaAdaAdaAdaAda123"],
)  # fmt: skip
def test_b39_who_does_not_say_who_is_asking_is_told_how(house: House, header: str | None) -> None:
    """401 with a challenge, and a sentence about the header."""
    headers = [] if header is None else [(b"authorization", header.encode("latin-1"))]

    with nothing_changed(house):
        answers = [
            house.client.post(TOKENS, json={}, headers=headers),
            house.client.get(TOKENS, headers=headers),
            house.client.get(f"{TOKENS}/{UNKNOWN_ID}", headers=headers),
        ]

    for answer in answers:
        assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"])
        assert answer.json()["error"] in {"Invalid or Missing API key", "Invalid API key"}
        assert_is_a_problem(answer)


def test_b39_two_authorization_headers_are_one_too_many(house: House, ada: Program) -> None:
    """Nobody guesses which of two was meant."""
    key = f"Bearer {ada.credential}".encode()

    with nothing_changed(house):
        answer = house.client.post(TOKENS, json={}, headers=[(b"authorization", key), (b"authorization", key)])

    assert (400, "duplicate-header") == (answer.status_code, answer.json()["code"])


def test_b39_a_key_in_the_query_is_not_read(house: House, ada: Program) -> None:
    """URLs end up in logs; the hint names the header."""
    with nothing_changed(house):
        answer = house.client.get(TOKENS, params={"token": ada.credential, "access_token": ada.credential})

    assert (401, "Invalid or Missing API key") == (answer.status_code, answer.json()["error"])
    assert "Authorization" in answer.json()["detail"]


def test_b41_a_revoked_key_opens_nothing(house: House, ada: Program) -> None:
    """From the moment it is revoked, and like a key that never was."""
    key = house.make_key()
    program, token = house.program(key.secret), ada.make_token()
    assert 200 == program.get(token.path).status_code

    house.write(api_keys.revoke, key.id)
    house.forget()

    with nothing_changed(house):
        answers = [program.get(token.path), program.create(), program.complete(token), program.cancel(token)]
    assert [(401, "Invalid API key")] * 4 == [(answer.status_code, answer.json()["error"]) for answer in answers]


def test_b41_the_key_of_another_environment_sees_no_token(cleo: Program, ada: Program) -> None:
    """Cleo's key is good; Ada's token is not there for her."""
    token = ada.make_token()

    assert 404 == cleo.get(token.path).status_code
    assert 404 == cleo.complete(token, 1).status_code
    assert "WAITING" == ada.show(token)["status"]


@pytest.mark.parametrize(("scope", "allowed"), [("full", "crkx"), ("create", "c"), ("complete", "kx"), ("read", "r")])
def test_b42_a_key_does_only_what_its_scope_says(house: House, ada: Program, scope: str, allowed: str) -> None:
    """C creates, r reads, k completes, x cancels; the rest is 403 and says what is missing."""
    program = house.program(house.make_key(scope).secret)
    token, other = ada.make_token(), ada.make_token()

    answers = {
        "c": program.create(),
        "r": program.get(token.path),
        "k": program.complete(token),
        "x": program.cancel(other),
    }

    for action, answer in answers.items():
        if action in allowed:
            assert 200 == answer.status_code
        else:
            assert (403, "insufficient_scope") == (answer.status_code, answer.json()["code"])
            assert repr(scope) in answer.json()["detail"]
    assert ("COMPLETED" if "k" in allowed else "WAITING") == ada.show(token)["status"]


APPROVALS = [
    ("B-49 nothing chosen", {}, 400),
    ("B-49 another word", {"decision": "yes"}, 400),
    ("B-49 another case", {"decision": "APPROVE "}, 400),
    ("B-49 both", [("decision", "approve"), ("decision", "reject")], 400),
    ("B-49 long comment", {"decision": "approve", "comment": "x" * 10_001}, 400),
    ("B-49 raw JSON instead", {"data": '{"approved": true}'}, 400),
]


@pytest.mark.parametrize(("form", "status"), [row[1:] for row in APPROVALS], ids=[row[0] for row in APPROVALS])
def test_b49_a_form_that_decides_nothing_is_shown_again(house: House, ada: Program, form: Any, status: int) -> None:
    """The page comes back with the mistake named; the token keeps waiting."""
    token = ada.make_token()

    with nothing_changed(house):
        answer = approve(house, token, form)

    assert status == answer.status_code
    assert answer.headers["content-type"].startswith("text/html")
    assert "WAITING" == ada.show(token)["status"]


def test_b49_what_a_form_brings_besides_is_not_recorded(house: House, ada: Program) -> None:
    """The answer holds the decision and the comment, and nothing that the form does not have."""
    token = ada.make_token()

    approve(house, token, {"decision": "approve", "comment": " fine ", "extra": "1", "output": "{}"})

    assert {"approved": True, "comment": "fine"} == json.loads(ada.show(token)["output"])


def test_b50_a_form_posted_too_late_says_who_was_first(house: House, ada: Program) -> None:
    """409, with the page that tells what was decided; the late choice is not recorded."""
    token = ada.make_token()
    approve(house, token, {"decision": "reject", "comment": "no"})

    with nothing_changed(house):
        answer = approve(house, token, {"decision": "approve"})

    assert 409 == answer.status_code
    assert {"approved": False, "comment": "no"} == json.loads(ada.show(token)["output"])


FORGED = [
    ("another site", {"sec-fetch-site": "cross-site"}),
    ("a neighbour", {"sec-fetch-site": "same-site"}),
    ("an address bar", {"sec-fetch-site": "none"}),
    ("no word", {}),
    ("a null origin", {"origin": "null"}),
    ("a null origin of ours", {"origin": "null", "sec-fetch-site": "same-origin"}),
    ("another origin", {"origin": "https://evil.example"}),
    ("our origin, another site", {"origin": "{url}", "sec-fetch-site": "cross-site"}),
    ("our name under https", {"origin": "https://127.0.0.1"}),
    ("our name at another port", {"origin": "http://127.0.0.1:1"}),
    ("our name as a prefix", {"origin": "{url}.evil.example"}),
    ("our name in a path", {"origin": "https://evil.example/{url}"}),
]


@pytest.mark.parametrize("headers", [row[1] for row in FORGED], ids=[f"B-52 {row[0]}" for row in FORGED])
def test_b52_a_form_of_another_site_does_nothing(house: House, ada: Program, headers: dict[str, str]) -> None:
    """Signed in or holding a link, a browser that was sent by another page changes nothing."""
    token, session = ada.make_token(), house.sign_in()
    told = {name: value.replace("{url}", house.url) for name, value in headers.items()}
    cookie = {"cookie": f"waitpoint={session}; approval={token.public_access_token}"}

    with nothing_changed(house):
        answers = [
            house.client.post(path, data=form, headers={**told, **cookie})
            for path, form in [
                (f"/approve/{token.id}", {"decision": "approve"}),
                (f"/tokens/{token.id}/completion", {"decision": "approve"}),
                (f"/tokens/{token.id}/cancellation", {}),
                (f"/tokens/{token.id}/time-out", {}),
                ("/tokens", {"timeout": "1h"}),
                ("/settings/environments", {"slug": "evil", "name": "Evil"}),
                ("/settings/environments/dev/keys", {"name_dev": "evil", "scope_dev": "full"}),
                ("/sign-out", {}),
            ]
        ]

    assert [403] * len(answers) == [answer.status_code for answer in answers]


@pytest.mark.parametrize(
    "hosts", [["evil.example"], [], ["127.0.0.1", "evil.example"], ["127.0.0.1.evil.example"], ["evil.example:80"], [""]],
    ids=lambda hosts: f"B-53 {hosts}",
)  # fmt: skip
def test_b53_another_host_name_is_not_answered(house: House, ada: Program, hosts: list[str]) -> None:
    """Links are made from the configured address, and no request can make the server believe another."""
    headers = [("host", host) for host in hosts]
    lines = [b"POST " + TOKENS.encode() + b" HTTP/1.1", b"authorization: Bearer " + str(ada.credential).encode()]
    lines += [f"{name}: {value}".encode() for name, value in headers]

    with nothing_changed(house):
        status = raw(house, b"\r\n".join([*lines, b"content-length: 2", b"connection: close", b"", b"{}"]))

    assert 400 == status


def test_b53_no_header_changes_the_links_that_are_handed_out(house: House, ada: Program) -> None:
    """Forwarded names are not believed."""
    liars = {"x-forwarded-host": "evil.example", "forwarded": "host=evil.example", "x-forwarded-proto": "https"}

    answer = ada.create(headers={**liars, "x-host": "evil.example"})

    assert answer.json()["url"].startswith(house.url)


SOCKETS = [
    ("an origin of elsewhere", "/live/tokens", {"origin": "https://evil.example"}),
    ("a null origin", "/live/tokens", {"origin": "null"}),
    ("our name as a prefix", "/live/tokens", {"origin": "{url}.evil.example"}),
    ("no origin", "/live/tokens", {}),
    ("an origin of elsewhere at the approval page", "/approve/{id}/live", {"origin": "https://evil.example"}),
    ("no cookie", "/live/tokens", {"origin": "{url}", "cookie": "a=b"}),
    ("no cookie at the approval page", "/approve/{id}/live", {"origin": "{url}", "cookie": "a=b"}),
    ("the cookie of another approval", "/approve/{other}/live", {"origin": "{url}", "cookie": "approval={access}"}),
]


@pytest.mark.parametrize(("path", "headers"), [row[1:] for row in SOCKETS], ids=[f"B-54 {row[0]}" for row in SOCKETS])
def test_b54_a_socket_is_refused_before_it_opens(
    house: House, ada: Program, path: str, headers: dict[str, str]
) -> None:
    """403 to whoever is no page of ours, or holds no cookie for it."""
    token, other = ada.make_token(), ada.make_token()
    values = {"url": house.url, "id": token.id, "other": other.id, "access": token.public_access_token}
    cookie = f"waitpoint={house.sign_in()}; approval={token.public_access_token}"
    given = {"cookie": cookie} | {name: value.format_map(values) for name, value in headers.items()}

    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://127.0.0.1:{house.port}{path.format_map(values)}", additional_headers=given, proxy=None)

    assert 403 == refused.value.response.status_code


MESSAGES: list[tuple[str, Any, int | str]] = [
    ("5 MB", "x" * 5_000_000, 1009),
    ("5 kB", "x" * 5_000, 1009),
    ("binary", b"{}", 1003),
    ("nonsense", "nonsense", "invalid-message"),
    ("an unknown message", '{"type":"shout"}', "invalid-message"),
    ("a foreign token", '{"type":"subscribe","tokens":["{foreign}"]}', "not-found"),
    ("no token at all", '{"type":"subscribe","tokens":["run_1"]}', "not-found"),
]


@pytest.mark.parametrize(
    ("message", "answer"), [row[1:] for row in MESSAGES], ids=[f"B-54 {row[0]}" for row in MESSAGES]
)
def test_b54_a_bad_message_is_answered_or_ends_the_talk(
    house: House, ada: Program, cleo: Program, message: Any, answer: int | str
) -> None:
    """An error that says so, or the close code of the websocket standard."""
    said = message.replace("{foreign}", cleo.make_token().id) if isinstance(message, str) else message
    key = {"authorization": f"Bearer {ada.credential}"}

    with connect(f"ws://127.0.0.1:{house.port}/api/v1/realtime", additional_headers=key, proxy=None) as socket:
        socket.send('{"type":"subscribe"}')
        assert "ready" == json.loads(socket.recv(timeout=10))["type"]
        with suppress(ConnectionClosed):  # already, at the largest
            socket.send(said)
        try:
            heard: int | str = json.loads(socket.recv(timeout=10))["code"]
        except ConnectionClosed as closed:
            heard = closed.rcvd.code if closed.rcvd else 0

    # Who is still sending megabytes when the server hangs up may find the line dead before the goodbye is read.
    assert heard in ({answer, 0} if len(said) > 1_000_000 else {answer})


def test_b54_a_number_from_the_future_means_reload(house: House, ada: Program) -> None:
    """What the client has seen is not of this log."""
    key = {"authorization": f"Bearer {ada.credential}"}
    address = f"ws://127.0.0.1:{house.port}/api/v1/realtime?since=999999999"

    with connect(address, additional_headers=key, proxy=None) as socket:
        socket.send('{"type":"subscribe"}')
        assert "reload" == json.loads(socket.recv(timeout=10))["type"]


SETTINGS = [
    ("no scheme known", {"WAITPOINT_DATABASE_URL": "mysql://localhost/x"}, "WAITPOINT_DATABASE_URL"),
    ("nothing like a URL", {"WAITPOINT_DATABASE_URL": "waitpoint.db"}, "WAITPOINT_DATABASE_URL"),
    ("in memory", {"WAITPOINT_DATABASE_URL": "sqlite://"}, "WAITPOINT_DATABASE_URL"),
    ("no such folder", {"WAITPOINT_DATABASE_URL": "sqlite:////nowhere/at/all/x.db"}, "/nowhere/at/all"),
    ("a folder", {"WAITPOINT_DATABASE_URL": "sqlite:////proc"}, "WAITPOINT_DATABASE_URL"),
    ("no PostgreSQL there", {"WAITPOINT_DATABASE_URL": "postgresql://127.0.0.1:1/x"}, "database"),
    ("a key of another form", {"WAITPOINT_SECRET_KEY": "secret"}, "WAITPOINT_SECRET_KEY"),
    ("keys of another form", {"WAITPOINT_SECRET_KEYS": "prod:tr_prod_sk_1"}, "WAITPOINT_SECRET_KEYS"),
    ("an address of another kind", {"WAITPOINT_PUBLIC_URL": "ftp://x"}, "WAITPOINT_PUBLIC_URL"),
    ("no number", {"WAITPOINT_RATE_LIMIT": "many"}, "WAITPOINT_RATE_LIMIT"),
]


@pytest.mark.parametrize(("given", "names"), [row[1:] for row in SETTINGS], ids=[f"B-59 {row[0]}" for row in SETTINGS])
def test_b59_a_wrong_setting_ends_the_start_in_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: dict[str, str],
    names: str,
) -> None:
    """Exit code 2, the setting by its name, never a traceback and never the secret."""
    monkeypatch.chdir(tmp_path)
    for name, value in ({"WAITPOINT_DATABASE_URL": f"sqlite:///{tmp_path}/w.db"} | given).items():
        monkeypatch.setenv(name, value)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the process would end here, and its sockets with it
        status = _cli.main(["serve", "--port", "0"])
        gc.collect()
    said = capsys.readouterr().err

    assert 2 == status, said
    assert names in said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) <= 2
    assert "tr_prod_sk_1" not in said


def approve(house: House, token: Any, form: Any) -> Any:
    """Answer on the approval page, as a browser that was exchanged its link for a cookie."""
    pairs = form if isinstance(form, list) else list(form.items())
    headers = {"cookie": f"approval={token.public_access_token}", "origin": house.url, "sec-fetch-site": "same-origin"}
    return house.client.post(f"/approve/{token.id}", content=urlencode(pairs), headers={**headers, **FORM})


def raw(house: House, request: bytes) -> int:
    """The status of the answer to bytes that no client library would send."""
    with socket.create_connection(("127.0.0.1", house.port), timeout=10) as connection:
        connection.sendall(request)
        answer = connection.recv(65_536)
    return int(answer.split(b" ", 2)[1])


@contextmanager
def nothing_changed(house: House) -> Iterator[None]:
    """Not a token more, not an event."""
    before = house.read(_state)
    yield
    assert before == house.read(_state), "something was stored"


def _state(db: Unit) -> tuple[int, int]:
    count: int = db.execute(select(func.count()).select_from(table_of(TokenRow))).scalar_one()
    return count, head(db)[0]


def assert_is_a_problem(answer: Any) -> None:
    """RFC 9457, with the contract's string `error`, and nothing of our insides."""
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["status"] == answer.status_code
    assert all(isinstance(body[name], str) and body[name] for name in ("error", "type", "title", "detail", "code"))
    assert "Traceback" not in answer.text
    assert len(answer.content) < 2_000
