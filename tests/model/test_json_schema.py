"""The JSON Schema that editors get and documents are checked against."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry

from reconciler.documents import grammar
from reconciler.model.address import Layer
from reconciler.model.json_schema import published
from reconciler.model.schema import (
    Boolean,
    Field,
    Integer,
    KindSchema,
    ListOf,
    MapOf,
    Record,
    Schema,
    Text,
)
from reconciler.resources.catalogue import Catalogue


@pytest.fixture(scope="module")
def whole() -> dict[str, object]:
    kinds = Catalogue()
    return published(grammar.document(kinds, {layer: frozenset(kinds.names(layer)) for layer in Layer}))


def accepts(schema: Schema, value: object) -> bool:
    return Draft202012Validator(published(schema), registry=Registry()).is_valid(value)


@pytest.mark.parametrize("which", ["document", "machine"])
def test_it_is_valid_by_the_rules_of_2020_12(whole: dict[str, object], which: str) -> None:
    Draft202012Validator.check_schema(whole if which == "document" else published(grammar.MACHINE_FILE))


def test_it_refers_to_nothing_outside_itself(whole: dict[str, object]) -> None:
    text = json.dumps(whole)
    references = {part.partition('"')[0] for part in text.split('"$ref": "')[1:]}
    assert references == {"#/$defs/absent", "#/$defs/unmanaged"}
    assert (
        text.count("http") - text.count("http_proxy") >= 1
        and whole["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    )


KIND = KindSchema(
    items=MapOf(
        of=Record(
            partial=True,
            fields={
                "name": Field(schema=Text(), required=True),
                "on": Field(schema=Boolean(), removable=True),
                "mode": Field(schema=Text(pattern="^[0-7]{4}$")),
                "ports": Field(schema=ListOf(of=Integer(minimum=1), single=True)),
                "tags": Field(schema=ListOf(of=Text(), empty=False)),
            },
        ),
        keys=Text(pattern="^[a-z]+$"),
        names=True,
    )
).body
DEEP = KindSchema(items=Record(fields={"boot": Field(schema=Record(fields={"systemd": Field(schema=Boolean(), removable=True)}, partial=True))}), depth=2,
                  options={"repair": Field(schema=Boolean())}).body  # fmt: skip
NUMBERED = KindSchema(items=MapOf(of=Record(fields={}, partial=True), keys=Text(pattern=r"^\d+$")),
                      options={"use": Field(schema=Text()), "folder": Field(schema=Text())}).body  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "value", "accepted"),
    [
        (KIND, {}, True),
        (KIND, {"a": {}}, True),
        (KIND, ["a", "b"], True),
        (KIND, ["A"], False),
        (KIND, {"A": {}}, False),
        (KIND, {"a": {"name": "x", "on": True, "mode": "0644", "ports": [1, 2]}}, True),
        (KIND, {"a": {"name": 1.20}}, True),
        (KIND, {"a": {"mode": 644}}, True),
        (KIND, {"a": {"mode": "rw"}}, False),
        (KIND, {"a": {"mode": "0644\n"}}, True),
        (KIND, {"a": {"name": None}}, False),
        (KIND, {"a": None}, False),
        (KIND, {"a": {"on": "yes"}}, False),
        (KIND, {"a": {"on": "{{ vars.x }}"}}, True),
        (KIND, {"a": {"ports": 1}}, True),
        (KIND, {"a": {"ports": 0}}, False),
        (KIND, {"a": {"ports": ["{{ vars.x }}"]}}, True),
        (KIND, {"a": {"tags": "{{ vars.tags }}"}}, True),
        (KIND, {"a": {"tags": "x"}}, False),
        (KIND, {"a": {"tags": []}}, False),
        (KIND, {"a": {"other": 1}}, False),
        (KIND, {"a": {"absent": True}}, True),
        (KIND, {"a": {"absent": False}}, False),
        (KIND, {"a": {"unmanaged": True}}, True),
        (KIND, {"a": {"unmanaged": True, "name": "x"}}, False),
        (KIND, {"a": {"on": {"absent": True}}}, True),
        (KIND, {"a": {"name": {"absent": True}}}, False),
        (KIND, {"a": {"name": {"unmanaged": True}}}, True),
        (KIND, {"unmanaged": True}, False),
        (DEEP, {"boot": {"systemd": True}, "repair": True}, True),
        (DEEP, {"boot": {"systemd": {"absent": True}}}, True),
        (DEEP, {"boot": {"unmanaged": True}}, False),
        (DEEP, {"boot": {"absent": True}}, False),
        (DEEP, {"repair": {"unmanaged": True}}, True),
        (DEEP, {"repair": {"absent": True}}, False),
        (NUMBERED, {"1": {}, "use": "1", "folder": "/x"}, True),
        (NUMBERED, {"uses": {}}, False),
        (NUMBERED, {"use": {}}, False),
        (grammar.WORKSTATION, {"groups": ["a"]}, True),
        (grammar.WORKSTATION, {"unmanaged": True}, False),
        (grammar.WORKSTATION, {"groups": {"unmanaged": True}}, False),
        (grammar.WORKSTATION, {"ssh": {"port": "{{ vars.x }}"}}, False),
    ],
)
def test_reserved_values_and_templates_stand_where_they_may(schema: Schema, value: object, accepted: bool) -> None:
    assert accepts(schema, value) is accepted


@pytest.mark.parametrize("text", ["a\n", "a\r", "\x1b", "a\u202eb"])
def test_what_is_not_free_text_holds_no_control_character(text: str) -> None:
    assert not Text(pattern="^[^/]+$").reads(text)
    assert not Text(fixed=True).reads(text)
    assert Text().reads(text)
