"""Models as people write them, with answers that satisfy them: what Pydantic and msgspec make of them is in the corpus."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import msgspec
from pydantic import AnyUrl, BaseModel, ConfigDict, Field, HttpUrl, RootModel
from pydantic.alias_generators import to_camel


class Approval(BaseModel):
    approved: bool
    comment: str = ""


class Level(str, Enum):  # noqa: UP042 - as many people write it
    low = "low"
    very_high = "very_high"


class Stars(IntEnum):
    one = 1
    two = 2


class Review(BaseModel):
    level: Level
    stars: Stars
    also: Level | None = None
    tags: list[Level] = []
    unique: set[Level] = set()


class Address(BaseModel):
    street: str = Field(min_length=1, title="Street and number")
    city: str
    zip_code: str = Field(pattern=r"^\d{5}$", examples=["10115"])


class Customer(BaseModel):
    name: str
    billing: Address
    shipping: Address | None = None


class Line(BaseModel):
    sku: str
    count: int = Field(ge=1, le=99)
    price: Decimal = Field(ge=0, max_digits=8, decimal_places=2)


class Order(BaseModel):
    lines: list[Line] = Field(min_length=1, max_length=3)
    note: str | None = Field(default=None, max_length=1000)


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str = Field(min_length=1)


class Owner(BaseModel):
    pet: Annotated[Cat | Dog, Field(discriminator="kind")]
    other: Cat | Dog | None = None


class Pet(RootModel[Annotated[Cat | Dog, Field(discriminator="kind")]]):
    pass


class Times(BaseModel):
    day: date
    at: time
    moment: datetime
    span: timedelta | None = None


class Contact(BaseModel):
    site: HttpUrl
    link: AnyUrl | None = None
    id: UUID
    mail: Annotated[str, Field(json_schema_extra={"format": "email"})]


class Tree(BaseModel):
    name: str
    children: list["Tree"] = []


class Settings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    limits: dict[str, int] = {}
    flags: dict[str, bool] = {}


class Anything(BaseModel):
    value: Any
    maybe: Any = None
    raw: dict[str, Any] = {}


class Place(BaseModel):
    point: tuple[float, float]
    label: tuple[str, int] | None = None


class Either(BaseModel):
    value: int | str
    flag: bool | str
    number: float | None


class Consent(BaseModel):
    terms: Literal[True]
    version: Literal["v2"]
    choice: Literal["a", "b", 3]


class Camel(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    first_name: str
    last_name: Optional[str] = None  # noqa: UP045 - as many people write it


class Bounded(BaseModel):
    a: int = Field(gt=0, lt=10, multiple_of=3)
    b: float = Field(ge=-1.5, le=1.5)
    c: str = Field(min_length=2, max_length=4)
    d: list[int] = Field(min_length=2, max_length=2)


class Deep(BaseModel):
    customer: Customer
    orders: dict[str, Order]


class Defaults(BaseModel):
    name: str = "Ada"
    count: int = 3
    on: bool = True
    tags: list[str] = ["x"]
    where: Address = Address(street="Here 1", city="Berlin", zip_code="10115")
    nothing: str | None = "something"


class Hinted(BaseModel):
    mood: int = Field(ge=1, le=5, json_schema_extra={"x-ui": {"widget": "rating"}})
    about: str = Field(json_schema_extra={"x-ui": {"widget": "textarea"}})
    seen: bool = Field(default=False, json_schema_extra={"x-ui": {"widget": "checkbox"}})
    secret: str = Field(default="kept", json_schema_extra={"x-ui": {"widget": "hidden"}})


MODELS: list[tuple[type[BaseModel], list[Any], list[tuple[Any, str]]]] = [
    (Approval, [{"approved": True}, {"approved": False, "comment": "No.\nNot yet."}], [({}, "/approved")]),
    (
        Review,
        [{"level": "low", "stars": 2}, {"level": "very_high", "stars": 1, "also": None, "tags": ["low"], "unique": []}],
        [({"level": "high", "stars": 1}, "/level"), ({"level": "low", "stars": 3}, "/stars")],
    ),
    (
        Customer,
        [
            {"name": "Ada", "billing": {"street": "A 1", "city": "B", "zip_code": "10115"}},
            {
                "name": "Ada",
                "billing": {"street": "A 1", "city": "", "zip_code": "10115"},
                "shipping": {"street": "C", "city": "D", "zip_code": "20095"},
            },
        ],
        [
            ({"name": "Ada", "billing": {"street": "A 1", "city": "B", "zip_code": "1"}}, "/billing/zip_code"),
            (
                {"name": "A", "billing": {"street": "", "city": "B", "zip_code": "10115"}, "shipping": {"city": "D"}},
                "/shipping/street",
            ),
        ],
    ),
    (
        Order,
        [
            {"lines": [{"sku": "a", "count": 1, "price": "12.50"}]},
            {"lines": [{"sku": "a", "count": 1, "price": 3}, {"sku": "b", "count": 99, "price": 0.1}], "note": None},
        ],
        [
            ({"lines": []}, "/lines"),
            ({"lines": [{"sku": "a", "count": 100, "price": 1}]}, "/lines/0/count"),
            ({"lines": [{"sku": "a", "count": 1, "price": True}]}, "/lines/0/price"),
        ],
    ),
    (
        Owner,
        [
            {"pet": {"kind": "cat", "lives": 9}},
            {"pet": {"kind": "dog", "name": "Rex"}, "other": {"kind": "cat", "lives": 1}},
            {"pet": {"kind": "dog", "name": "Rex"}, "other": None},
        ],
        [({"pet": {"kind": "dog", "name": ""}}, "/pet:1/name"), ({}, "/pet")],
    ),
    (Pet, [{"kind": "cat", "lives": 9}, {"kind": "dog", "name": "Rex"}], [({"kind": "cat", "lives": "x"}, ":0:0/lives")]),
    (
        Times,
        [
            {"day": "2026-11-25", "at": "14:30", "moment": "2026-11-25T14:30:00+01:00"},
            {"day": "2026-11-25", "at": "14:30:15.5", "moment": "2026-11-25T14:30:15.123456Z", "span": "PT1H"},
        ],
        [
            ({"day": "2026-02-30", "at": "14:30", "moment": "2026-11-25T14:30:00Z"}, "/day"),
            ({"day": "2026-02-28", "at": "14:30", "moment": "soon"}, "/moment"),
        ],
    ),
    (
        Contact,
        [
            {
                "site": "https://example.com/",
                "id": "123e4567-e89b-12d3-a456-426614174000",
                "mail": "ada@example.com",
                "link": "mailto:x@example.com",
            }
        ],
        [({"site": "example.com", "id": "123e4567-e89b-12d3-a456-426614174000", "mail": "a@b"}, "/site")],
    ),
    (Tree, [{"name": "a"}, {"name": "a", "children": [{"name": "b", "children": [{"name": "c"}]}]}], [({"name": "a", "children": [{}]}, "/children/0")]),
    (
        Settings,
        [{}, {"limits": {"a": 1, "b/c": 2}, "flags": {"": True, "x y": False}}],
        [({"limits": {"a": "x"}}, "/limits/0/value"), ({"other": 1}, "")],
    ),
    (
        Anything,
        [{"value": 1}, {"value": {"a": [None]}, "maybe": "x", "raw": {"k": [1]}}, {"value": "text", "raw": {}}],
        [({}, "/value")],
    ),
    (
        Place,
        [{"point": [1.5, -2]}, {"point": [0, 0], "label": ["x", 1]}, {"point": [0, 0], "label": None}],
        [({"point": ["x", 1]}, "/point/0"), ({}, "/point/0")],
    ),
    (
        Either,
        [{"value": 5, "flag": True, "number": None}, {"value": "5", "flag": "true", "number": 1.5}],
        [({"value": 5, "flag": True, "number": "many"}, "/number")],
    ),
    (
        Consent,
        [{"terms": True, "version": "v2", "choice": "a"}, {"terms": True, "version": "v2", "choice": 3}],
        [({"version": "v2", "choice": "a"}, "/terms"), ({"terms": True, "version": "v2", "choice": "c"}, "/choice")],
    ),
    (Camel, [{"firstName": "Ada"}, {"firstName": "Ada", "lastName": None}], [({}, "/firstName")]),
    (
        Bounded,
        [{"a": 3, "b": -1.5, "c": "ab", "d": [1, 2]}],
        [({"a": 4, "b": 0, "c": "ab", "d": [1, 2]}, "/a"), ({"a": 3, "b": 2, "c": "ab", "d": [1, 2]}, "/b"), ({"a": 3, "b": 1, "c": "a", "d": [1]}, "/d")],
    ),
    (
        Deep,
        [
            {
                "customer": {"name": "A", "billing": {"street": "A 1", "city": "B", "zip_code": "10115"}},
                "orders": {"first": {"lines": [{"sku": "a", "count": 1, "price": 1}]}},
            }
        ],
        [
            (
                {
                    "customer": {"name": "A", "billing": {"street": "A 1", "city": "B", "zip_code": "10115"}},
                    "orders": {"first": {"lines": [{"sku": "a", "count": 0, "price": 1}]}},
                },
                "/orders/0/value/lines/0/count",
            )
        ],
    ),
    (
        Defaults,
        [{}, {"name": "Ben", "nothing": None, "tags": []}, {"where": {"street": "x", "city": "y", "zip_code": "20095"}}],
        [({"count": "x"}, "/count")],
    ),
    (
        Hinted,
        [{"mood": 5, "about": "a\nb", "seen": True, "secret": "proposed"}, {"mood": 1, "about": " "}],
        [({"mood": 6, "about": "x"}, "/mood")],
    ),
    (Line, [{"sku": "\ta ", "count": 9, "price": 0}], [({"sku": "a", "count": 1.5, "price": 1}, "/count")]),
]  # fmt: skip


class Hotel(msgspec.Struct, tag="hotel"):
    nights: int
    room: Literal["single", "double"] = "single"


class Flight(msgspec.Struct, tag="flight"):
    number: Annotated[str, msgspec.Meta(pattern="^[A-Z]{2}[0-9]+$", examples=["LH123"])]
    when: datetime


class Trip(msgspec.Struct, rename="camel"):
    traveller_name: str
    parts: list[Hotel | Flight]
    budget: Decimal | None = None
    starts_on: date | None = None


STRUCTS: list[tuple[Any, list[Any], list[tuple[Any, str]]]] = [
    (
        Trip,
        [
            {"travellerName": "Ada", "parts": []},
            {
                "travellerName": "Ada",
                "parts": [
                    {"type": "hotel", "nights": 2},
                    {"type": "flight", "number": "LH1", "when": "2026-11-25T14:30:00Z"},
                ],
                "budget": "12.5",
                "startsOn": None,
            },
        ],
        [
            ({"travellerName": "Ada", "parts": [{"type": "flight", "number": "1", "when": "2026-11-25T14:30:00Z"}]}, "/parts/0:1/number"),
            ({"parts": []}, "/travellerName"),
        ],
    )
]  # fmt: skip
