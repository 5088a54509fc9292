"""Fields that are asked for in some cases only: `if`/`then`/`else`, `dependentRequired`, `dependentSchemas`."""

from collections.abc import Iterator
from typing import Any

from .fields import Condition
from .labels import in_words, label_of
from .options import offered, word_for
from .shapes import Place, Shape, shape_of

OTHERWISE = "it follows from your other answers"


def conditions_in(root: Any, shape: Shape) -> Iterator[tuple[Condition, Place]]:
    """Each case of a group, with the schema that holds in it."""
    for schema, pointer in shape.parts:
        if isinstance(schema.get("if"), dict):
            answers, words, opposite = _case(root, shape, schema["if"])
            rule = f"{pointer}/if"
            if isinstance(schema.get("then"), dict):
                yield Condition(words or OTHERWISE, rule=rule, answers=answers), (schema["then"], f"{pointer}/then")
            if isinstance(schema.get("else"), dict):
                yield (
                    Condition(opposite or OTHERWISE, rule=rule, is_negated=True, answers=answers),
                    (schema["else"], f"{pointer}/else"),
                )
        for keyword in ("dependentSchemas", "dependentRequired"):
            for name, part in (schema.get(keyword) or {}).items():
                then = part if isinstance(part, dict) else {"required": part}
                words = f"{_label(root, shape, name)} is filled in"
                yield Condition(words, present=name), (then, f"{pointer}/{keyword}/{name}")


def needs_in(root: Any, shape: Shape) -> dict[str, str]:
    """In which case, in words, a property that can be left out cannot be."""
    needs: dict[str, str] = {}
    for condition, place in conditions_in(root, shape):
        for name in shape_of(root, place).says.get("required", []):
            needs.setdefault(name, condition.words)
    return needs


def _case(root: Any, shape: Shape, rule: dict[str, Any]) -> tuple[dict[str, tuple[Any, ...]], str, str]:
    """What must be answered, as values (where it is that simple) and in words; and the opposite in words."""
    says = shape_of(root, (rule, ""))
    required = says.says.get("required", [])
    answers: dict[str, tuple[Any, ...]] = {}
    words: list[tuple[str, str]] = []
    for name, place in says.properties.items():
        values = _values(shape_of(root, place).says)
        if values:
            answers[name] = values
            named = " or ".join(_named(root, shape, name, value) for value in values)
            words.append((_label(root, shape, name), named))
    words += [(_label(root, shape, name), "filled in") for name in required if name not in says.properties]
    is_simple = set(rule) <= {"properties", "required", "type"} and set(answers) == set(says.properties) == set(
        required
    )
    opposite = " is not ".join(words[0]) if len(words) == 1 else ""
    return (answers if is_simple else {}), " and ".join(" is ".join(each) for each in words), opposite


def _named(root: Any, shape: Shape, name: str, value: Any) -> str:
    """What a value is called among the options of a property."""
    if name in shape.properties:
        for option in offered(root, shape_of(root, shape.properties[name])):
            if option.value == value and isinstance(option.value, bool) == isinstance(value, bool):
                return _quoted(option.label)
    return _quoted(word_for(value))


def _quoted(text: str) -> str:
    return f"“{text}”" if " " in text else text


def _values(says: dict[str, Any]) -> tuple[Any, ...]:
    if "const" in says:
        return (says["const"],)
    return tuple(says["enum"]) if isinstance(says.get("enum"), list) else ()


def _label(root: Any, shape: Shape, name: str) -> str:
    place = shape.properties.get(name)
    return _quoted(label_of(name, shape_of(root, place).says) if place else in_words(name))
