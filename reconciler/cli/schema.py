"""`reconcile schema`: the JSON Schema of documents, as `schemas/` publishes it."""

from __future__ import annotations

import json

import click

from reconciler.cli.console import say
from reconciler.documents import grammar
from reconciler.model.address import Layer
from reconciler.model.json_schema import published
from reconciler.resources.catalogue import Catalogue


def document_schema() -> dict[str, object]:
    """The schema of a document with every kind there is."""
    kinds = Catalogue()
    used = {layer: frozenset(kinds.names(layer)) for layer in Layer}
    title = "reconcile.yaml: the desired state of workstations, layer by layer"
    return {**published(grammar.document(kinds, used)), "title": title}


def schema_text() -> str:
    return json.dumps(document_schema(), indent=1, sort_keys=True, ensure_ascii=True)


@click.command("schema")
def command() -> int:
    """Print the JSON Schema (2020-12) of documents, for editors."""
    say(schema_text())
    return 0
