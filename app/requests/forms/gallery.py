"""A form with every kind of field, for people who want to see what a schema becomes."""

from .references import Schema

EVERY_FIELD: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "EveryField",
    "type": "object",
    "properties": {
        "full_name": {"type": "string", "title": "Full Name", "minLength": 1, "maxLength": 80, "x-ui": {"autocomplete": "name"}},
        "email": {"type": "string", "format": "email", "title": "Email address"},
        "phone": {"anyOf": [{"type": "string", "format": "phone"}, {"type": "null"}], "default": None, "title": "Telephone number"},
        "website": {"type": "string", "format": "uri", "description": "With its beginning, such as https://example.com."},
        "about": {"type": "string", "maxLength": 2000, "title": "About you", "x-ui": {"widget": "textarea"}},
        "guests_expected": {"type": "integer", "minimum": 1, "maximum": 500, "description": "You can change this later."},
        "budget": {"type": "number", "minimum": 0, "multipleOf": 0.01, "x-ui": {"unit": "EUR"}},
        "plan": {"enum": ["small", "medium", "large"], "default": "small"},
        "country": {
            "type": "string",
            "enum": ["at", "be", "ch", "de", "dk", "fr", "it", "nl", "pl", "se"],
            "x-ui": {"labels": ["Austria", "Belgium", "Switzerland", "Germany", "Denmark", "France", "Italy", "Netherlands", "Poland", "Sweden"]},
        },
        "needs": {
            "type": "array",
            "items": {"enum": ["food", "drinks", "music", "parking"]},
            "uniqueItems": True,
            "description": "Choose all that apply.",
        },
        "indoors": {"type": "boolean", "title": "Is it indoors?"},
        "day": {"type": "string", "format": "date"},
        "doors_open": {"type": "string", "format": "time"},
        "deadline": {"type": "string", "format": "date-time", "title": "Answer needed by"},
        "mood": {"type": "integer", "minimum": 1, "maximum": 5, "x-ui": {"widget": "rating"}, "title": "How much do you look forward to it?", "description": "1 is not at all, 5 is very much."},
        "kind": {"oneOf": [{"const": "private", "title": "A private party"}, {"const": "company", "title": "A company event"}], "title": "What is it?"},
        "company": {"type": "string", "title": "Company name"},
        "address": {"$ref": "#/$defs/Address"},
        "guests": {"type": "array", "items": {"$ref": "#/$defs/Guest"}, "minItems": 1, "maxItems": 5, "title": "Guests of honour"},
        "keywords": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "payment": {"oneOf": [{"$ref": "#/$defs/Card"}, {"$ref": "#/$defs/Invoice"}], "title": "Payment"},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}, "description": "A name and a value each."},
        "place": {"type": "array", "prefixItems": [{"type": "number", "title": "Latitude"}, {"type": "number", "title": "Longitude"}], "items": False, "title": "Place on the map"},
        "plan_of_rooms": {"type": "object", "format": "file", "properties": {"type": {"enum": ["application/pdf", "image/png"]}, "size": {"maximum": 2_000_000}}, "title": "Plan of the rooms", "description": "A PDF or a picture of at most 2 MB. On this page it is looked at, and not kept."},
        "extra": {"title": "Anything else", "description": "As JSON."},
        "reference": {"type": "string", "readOnly": True, "default": "EV-2026-118", "title": "Reference"},
        "source": {"type": "string", "default": "gallery", "x-ui": {"widget": "hidden"}},
        "terms": {"const": True, "title": "I have read the house rules"},
    },
    "required": ["full_name", "email", "guests_expected", "indoors", "kind", "address", "payment", "terms"],
    "if": {"properties": {"kind": {"const": "company"}}, "required": ["kind"]},
    "then": {
        "properties": {"vat_number": {"type": "string", "title": "VAT number", "pattern": "^[A-Z]{2}[0-9A-Z]{2,12}$", "examples": ["DE123456789"]}},
        "required": ["company", "vat_number"],
    },
    "dependentRequired": {"phone": ["country"]},
    "$defs": {
        "Address": {
            "title": "Address",
            "type": "object",
            "properties": {
                "street": {"type": "string", "minLength": 1, "x-ui": {"autocomplete": "street-address"}},
                "city": {"type": "string", "minLength": 1, "default": "Berlin"},
            },
            "required": ["street", "city"],
        },
        "Guest": {
            "title": "Guest",
            "type": "object",
            "properties": {"name": {"type": "string", "minLength": 1}, "speaks": {"type": "boolean", "title": "Gives a speech", "x-ui": {"widget": "checkbox"}}},
            "required": ["name"],
        },
        "Card": {
            "title": "Card",
            "type": "object",
            "properties": {"by": {"const": "card"}, "last_four": {"type": "string", "pattern": "^[0-9]{4}$", "title": "Last four digits", "examples": ["4242"]}},
            "required": ["by", "last_four"],
        },
        "Invoice": {
            "title": "Invoice",
            "type": "object",
            "properties": {"by": {"const": "invoice"}, "order_number": {"type": "string", "minLength": 1}},
            "required": ["by", "order_number"],
        },
    },
}  # fmt: skip
