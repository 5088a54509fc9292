"""What a schema says about one value, put together: references followed, `allOf` merged, `null` set apart."""

from typing import Any

import msgspec

from .references import Schema, escaped, target

Place = tuple[Any, str]
"""A schema, and the pointer that leads to it from the root."""

_DEEPEST = 32  # schemas that say something about the same value


class Shape(msgspec.Struct, frozen=True):
    """All that is said about one value.

    `says` is the merged schema, `properties` where each property is described, `branches` the shapes of which it has
    one, `parts` the schemas that it was put together from, and `references` the places that it was found at.
    """

    says: Schema
    pointer: str
    properties: dict[str, Place]
    branches: tuple[Place, ...]
    parts: tuple[Place, ...]
    references: frozenset[str]
    is_nullable: bool

    @property
    def types(self) -> tuple[str, ...]:
        """The JSON types that the value may have, guessed from the other rules where none is named; never null."""
        named = self.says.get("type")
        if isinstance(named, str):
            named = [named]
        if named is None:
            named = [kind for kind, keywords in _SIGNS.items() if any(word in self.says for word in keywords)][:1]
        return tuple(name for name in named if name != "null")


_ONLY_A_CHOICE = {"anyOf", "oneOf", "title", "description"}
_DESCRIBING = {"$ref", "allOf", "anyOf", "const", "enum", "format", "items", "oneOf", "pattern", "properties", "type"}
_SIGNS = {
    "object": ("properties", "required", "additionalProperties", "patternProperties", "dependentRequired"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


def shape_of(root: Any, place: Place) -> Shape:
    """What the schema at a place says about its value."""
    references: set[str] = set()
    parts = _parts(root, place, references, 0)
    says: Schema = {}
    properties: dict[str, Place] = {}
    required: list[str] = []
    for schema, pointer in parts:
        for name, part in _named(schema, "properties"):
            properties.setdefault(name, (part, f"{pointer}/properties/{escaped(name)}"))
        required += [name for name in schema.get("required", []) if name not in required]
        says = {**schema, **says}
    if required:
        says["required"] = required
    branches, has_null = _branches(root, parts)
    types = says.get("type")
    is_null = types == "null" or (isinstance(types, list) and "null" in types)
    if isinstance(says.get("enum"), list) and None in says["enum"]:
        is_null = True
        says = {**says, "enum": [value for value in says["enum"] if value is not None]}
    shape = Shape(
        says,
        parts[0][1] if parts else place[1],
        properties,
        branches,
        tuple(parts),
        frozenset(references),
        is_null or has_null,
    )
    return _only_branch(root, shape) if len(branches) == 1 and has_null else shape


def _only_branch(root: Any, outer: Shape) -> Shape:
    """`anyOf` of one shape and null is that shape, with what stands beside it winning."""
    inner = shape_of(root, outer.branches[0])
    beside = {name: part for name, part in outer.says.items() if name not in {"anyOf", "oneOf"}}
    return Shape(
        {**inner.says, **beside},
        inner.pointer,
        {**inner.properties, **outer.properties},
        inner.branches,
        inner.parts,
        inner.references | outer.references,
        True,
    )


def _parts(root: Any, place: Place, references: set[str], depth: int) -> list[Place]:
    schema, pointer = place
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return []
    found: list[Place] = [place]
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference not in references:
        references.add(reference)
        inner = target(root, reference)
        leads_to = reference[1:] if reference[1:2] in {"", "/"} else pointer
        # A title of a class says less than the name of the property that holds it.
        found += [(_untitled(part), where) for part, where in _parts(root, (inner, leads_to), references, depth + 1)]
    for index, part in enumerate(schema.get("allOf", [])):
        found += _parts(root, (part, f"{pointer}/allOf/{index}"), references, depth + 1)
    return found


def _untitled(schema: Schema) -> Schema:
    return {name: part for name, part in schema.items() if name != "title"} if "title" in schema else schema


def _branches(root: Any, parts: list[Place]) -> tuple[tuple[Place, ...], bool]:
    """The first choice of shapes among the parts, and whether null is one of them.

    Branches that only forbid or ask for fields that stand elsewhere are left to the validator.
    """
    for schema, pointer in parts:
        for keyword in ("oneOf", "anyOf"):
            if isinstance(schema.get(keyword), list):
                places = [(part, f"{pointer}/{keyword}/{index}") for index, part in enumerate(schema[keyword])]
                branches, has_null = _flattened(root, places)
                if has_null or any(_describes(part) for part, _ in branches):
                    return branches, has_null
    return (), False


def _flattened(root: Any, places: list[Place]) -> tuple[tuple[Place, ...], bool]:
    """The shapes that are not null, and whether null was among them. A choice inside a choice is one choice."""
    flat: list[Place] = []
    has_null = False
    for place in places:
        if _is_null(place[0]):
            has_null = True
        elif isinstance(place[0], dict) and set(place[0]) <= _ONLY_A_CHOICE:
            inner, null_inside = _branches(root, [place])
            flat += inner
            has_null = has_null or null_inside
        else:
            flat.append(place)
    return tuple(flat), has_null


def _is_null(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    return schema.get("type") == "null" or schema.get("enum") == [None] or schema.get("const", 0) is None


def _describes(schema: Any) -> bool:
    return isinstance(schema, dict) and not _DESCRIBING.isdisjoint(schema)


def _named(schema: Schema, keyword: str) -> list[tuple[str, Any]]:
    named = schema.get(keyword)
    return list(named.items()) if isinstance(named, dict) else []
