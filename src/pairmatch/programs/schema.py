"""What a program file may hold: pydantic models made from the frozen values themselves."""

from __future__ import annotations

import types
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from pairmatch import constraints, scoring
from pairmatch.programs.earlier import HISTORY_SCHEMA, make_history
from pairmatch.programs.words import Leftovers, Objective, describe_fields
from pairmatch.scoring import Criterion, History

__all__ = ["CONSTRAINTS", "CRITERIA", "field_hints", "file_model", "program_schema"]


CRITERIA: dict[str, type] = {
    name: kind
    for name in scoring.__all__
    for kind in [getattr(scoring, name)]
    if isinstance(kind, type)
    and is_dataclass(kind)
    and hasattr(kind, "pair_units")
    and kind is not scoring.Custom
}
"""Criteria that have a place in a file: all but functions."""

CONSTRAINTS: dict[str, type] = {
    name: kind
    for name in constraints.__all__
    for kind in [getattr(constraints, name)]
    if isinstance(kind, type) and is_dataclass(kind)
}
"""Constraints: whatever frozen value the room shows."""

_TYPING_ONLY = {
    "Any": Any,
    "Collection": Collection,
    "Criterion": Criterion,
    "Iterable": Iterable,
    "Literal": Literal,
    "Mapping": Mapping,
    "Missing": Literal["neutral", "zero", "exclude"],
    "Sequence": Sequence,
}
"""Names that modules import for the type checker only."""

_DEFAULTS = {"objective": "coverage", "leftovers": "grow", "rounds": 1, "meet_at_most": 1}

_LISTS = (Sequence, Iterable, Collection, list, frozenset, set)


@cache
def field_hints(kind: type) -> dict[str, Any]:
    """Return the annotation of each parameter of a value; ``Any`` where it cannot be resolved."""
    hints = {}
    for entry in fields(kind):
        if not entry.init:
            continue
        alone = type("Alone", (), {"__annotations__": {entry.name: entry.type}})
        module = __import__(kind.__module__, fromlist=["*"])
        try:
            found = get_type_hints(alone, _TYPING_ONLY | vars(module))
            hints[entry.name] = found[entry.name]
        except NameError:
            hints[entry.name] = Any
    return hints


def program_schema() -> dict[str, Any]:
    """Return the JSON schema of program files, for editors that check while one types.

    Returns
    -------
    dict
        A JSON schema, draft 2020-12.

    Examples
    --------
    >>> sorted(program_schema()["properties"])[:3]
    ['constraints', 'criteria', 'leftovers']
    """
    schema: dict[str, Any] = file_model().model_json_schema(by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "pairmatch program"}
    return head | {key: part for key, part in schema.items() if key != "title"}


@cache
def file_model() -> Any:
    """Return the pydantic model of a whole file; validating makes the values themselves."""
    from pydantic import ConfigDict, Field, StrictInt, create_model

    said = {
        "criteria": "What makes a good pair; left out: one for each standard column.",
        "constraints": "What must hold.",
        "objective": "What the best plan is the best in.",
        "size": "People in a group, or the smallest and the largest number: [4, 6].",
        "leftovers": "What becomes of people who are left over.",
        "roles": "Fixed seats of a group.",
        "rounds": "How many groupings are formed, for a whole term.",
        "meet_at_most": "How often two people may share a group over all rounds.",
    }
    shapes: dict[str, Any] = {
        "criteria": list[_criterion()],  # type: ignore[misc]
        "constraints": list[_union(CONSTRAINTS)],  # type: ignore[misc]
        "objective": Objective,
        "size": StrictInt | tuple[StrictInt, StrictInt],
        "leftovers": Leftovers,
        "roles": dict[str, StrictInt],
        "rounds": StrictInt,
        "meet_at_most": StrictInt,
    }
    content: Any = {
        f"a_{name}": (
            shape,
            Field(
                default=None,
                alias=name,
                description=said[name],
                json_schema_extra=_say_default(_DEFAULTS.get(name)),
            ),
        )
        for name, shape in shapes.items()
    }
    return create_model("ProgramFile", __config__=ConfigDict(extra="forbid"), **content)


@cache
def _criterion() -> Any:
    return _union(CRITERIA)


def _union(kinds: Mapping[str, type]) -> Any:
    """Return the type of a table whose ``kind`` says which value it is."""
    from typing import Annotated

    from pydantic import AfterValidator, Field

    models = [Annotated[_model(kind), AfterValidator(_maker(kind))] for kind in kinds.values()]
    return Annotated[Union[tuple(models)], Field(discriminator="kind")]  # noqa: UP007


def _maker(kind: type) -> Any:
    """Return a function from a validated table to the value; its own checks speak then."""

    def make(table: Any) -> Any:
        given = {name.removeprefix("a_") for name in table.model_fields_set} - {"kind"}
        return kind(**{name: getattr(table, f"a_{name}") for name in sorted(given)})

    return make


def _model(kind: type) -> Any:
    from pydantic import ConfigDict, Field, create_model

    said = describe_fields(kind)
    hints = field_hints(kind)
    content: Any = {"kind": (Literal[kind.__name__], ...)}
    for entry in fields(kind):
        if entry.name in hints:
            needed = entry.default is MISSING and entry.default_factory is MISSING
            default: Any = ... if needed else None
            told = Field(
                default,
                alias=entry.name,
                description=said.get(entry.name) or None,
                json_schema_extra=_say_default(entry.default),
            )
            content[f"a_{entry.name}"] = (_shape(hints[entry.name]), told)
    doc = (kind.__doc__ or "").split("\n\n")[0].strip()
    config = ConfigDict(extra="forbid", title=kind.__name__, json_schema_extra={"description": doc})
    return create_model(kind.__name__, __config__=config, **content)


def _say_default(default: Any) -> Any:
    """Return what gives a JSON schema the true default, where it is a plain one."""

    def tell(schema: dict[str, Any]) -> None:
        schema.pop("default", None)
        if isinstance(default, str | int | float):
            schema["default"] = default

    return tell


def _shape(hint: Any) -> Any:
    """Return what pydantic is to expect in a file for an annotation of ours."""
    from pydantic import StrictBool, StrictFloat, StrictInt, StrictStr

    plain = {int: StrictInt, float: StrictInt | StrictFloat, str: StrictStr, bool: StrictBool}
    origin, inner = get_origin(hint), get_args(hint)
    if hint is Criterion:
        return _criterion()
    if hint is History:
        return _history()
    if hint in plain:
        return plain[hint]
    if origin is Literal:
        return hint
    if origin in (Union, types.UnionType):
        if any(get_origin(part) in (Mapping, dict) for part in inner):
            inner = tuple(part for part in inner if get_origin(part) is not tuple)
        return Union[tuple(_shape(part) for part in inner if part is not type(None))]  # noqa: UP007
    if origin is tuple and inner[-1:] != (...,):
        shapes: Any = tuple(_shape(part) for part in inner)
        return tuple[shapes]
    if origin is tuple or origin in _LISTS:
        return list[_shape(inner[0])]  # type: ignore[misc]
    if origin in (Mapping, dict):
        return _mapping(_shape(inner[1]))
    return _loose()


def _mapping(content: Any) -> Any:
    """Return the type of a mapping: a table, or a list of entries where keys are no texts."""
    from typing import Annotated

    from pydantic import AfterValidator

    def read(entries: Any) -> Any:
        if isinstance(entries, dict):
            return entries
        try:
            return {row[0] if len(row) == 2 else tuple(row[:-1]): row[-1] for row in entries}
        except (TypeError, IndexError):
            raise ValueError("entries such as [key, value]") from None

    return Annotated[dict[str, content] | list[list[Any]], AfterValidator(read)]


@cache
def _history() -> Any:
    """Return the type of earlier cycles: names of files beside this one, or a table of pairs."""
    from typing import Annotated

    from pydantic import AfterValidator, ValidationInfo, WithJsonSchema

    def read(content: Any, info: ValidationInfo) -> History:
        folder = (info.context or {}).get("folder")
        return make_history(content, Path() if folder is None else folder)

    return Annotated[Any, AfterValidator(read), WithJsonSchema(dict(HISTORY_SCHEMA))]


@cache
def _loose(depth: int = 2) -> Any:
    """Return the type of anything, in which a table with a ``kind`` is a criterion."""
    from typing import Annotated

    from pydantic import Discriminator, Tag

    def tag(content: Any) -> str:
        if isinstance(content, list) and depth:
            return "list"
        return "criterion" if isinstance(content, dict) and "kind" in content else "plain"

    parts: Any = Annotated[_criterion(), Tag("criterion")] | Annotated[Any, Tag("plain")]
    if depth:
        parts |= Annotated[list[_loose(depth - 1)], Tag("list")]  # type: ignore[misc]
    return Annotated[parts, Discriminator(tag)]
