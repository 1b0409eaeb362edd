"""What we read and write against npm's jsonc-parser, the one that VS Code itself reads with. See tests/npm/README.md."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import pytest

from formats.jsonc_documents import random_changes, random_document
from reconciler.formats.jsonc import ABSENT, Json, JsoncError, edit_entries, edit_settings, equal, parse, settings

NPM = Path(__file__).parents[1] / "npm"
VERSION = json.loads((NPM / "package.json").read_text(encoding="utf-8"))["dependencies"]["jsonc-parser"]

_PIECES = [
    *'{}[]":,\\/*\n\r\t -.eE0159xu',
    *(
        "//",
        "/*",
        "*/",
        '""',
        "\\u00e9",
        "\\ud800",
        "\\x",
        "true",
        "nul",
        "null",
        "-1",
        "1.5",
        ",,",
        ",}",
        ",]",
        "{}",
        "[]",
    ),
    *("\ufeff", "\xa0", "\u2028", "\x00", "'", "#", "é", '"a": 1', "\r\n"),
]


class Answer(NamedTuple):
    errors: list[str]
    value: Json


@pytest.fixture(scope="module")
def node_modules() -> Path:
    folder = Path(os.environ.get("RECONCILE_NPM") or Path.home() / ".cache" / "reconcile-npm") / "node_modules"
    manifest = folder / "jsonc-parser" / "package.json"
    if shutil.which("node") is None:
        pytest.skip("needs node, to ask VS Code's own parser")
    if not manifest.exists():
        pytest.skip("needs npm's jsonc-parser: tests/npm/install puts it there")
    if (version := json.loads(manifest.read_text(encoding="utf-8"))["version"]) != VERSION:
        pytest.skip(f"jsonc-parser is {version} and not {VERSION}: tests/npm/install puts it there")
    return folder


def ask(node_modules: Path, texts: Sequence[str]) -> list[Answer]:
    """What jsonc-parser makes of each text, from one process; a document without a value is an empty object."""
    answered = subprocess.run(
        ["node", str(NPM / "parse_jsonc.js")],
        input="".join(json.dumps(text) + "\n" for text in texts),
        env={"PATH": os.environ["PATH"], "NODE_PATH": str(node_modules)},
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=60,
    )
    answers = [json.loads(line) for line in answered.stdout.removesuffix("\n").split("\n")]
    assert len(answers) == len(texts)
    return [Answer(answer["errors"], answer.get("value", {})) for answer in answers]


def as_javascript_has_it(value: Json) -> Json:
    """Numbers are floats, and what is infinite is written as null."""
    if isinstance(value, dict):
        return {key: as_javascript_has_it(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [as_javascript_has_it(inner) for inner in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
        return None if number in (float("inf"), float("-inf")) else number
    return value


def mutated(chance: Random) -> str:
    text = random_document(chance)
    for _ in range(chance.choice([1, 1, 1, 1, 2, 4])):
        at, length = chance.randint(0, len(text)), chance.choice([0, 0, 1, 1, 1, 2, 5])
        piece = chance.choice([*_PIECES, "", "", "", text[at : at + 3], text[at + 2 : at + 4]])
        text = text[:at] + piece + text[at + length :]
    return text


def test_what_was_edited_5000_times_is_clean_to_vs_code_and_reads_as_it_was_meant(node_modules: Path) -> None:
    cases = []
    seed = 0
    while len(cases) < 5000:
        chance = Random(seed)
        text, changes = random_document(chance), random_changes(chance)
        seed += 1
        try:
            result = edit_settings(text, changes)
        except JsoncError:
            continue
        if result != text:
            cases.append((seed, changes, result))
    assert seed < 7000
    for (seed, changes, result), answer in zip(cases, ask(node_modules, [case[2] for case in cases]), strict=True):
        assert answer.errors == [], (seed, result)
        assert equal(as_javascript_has_it(parse(result)), answer.value), (seed, result)
        for name, value in settings(json.dumps(answer.value), changes).items():
            wanted = changes[name]
            same = (
                value is wanted if value is ABSENT or wanted is ABSENT else equal(value, as_javascript_has_it(wanted))
            )
            assert same, (seed, name, result)


def test_edited_entries_are_clean_to_vs_code_too(node_modules: Path) -> None:
    results = []
    for seed in range(500):
        chance = Random(seed)
        text = random_document(chance, ("version", "x"))
        for name in chance.sample(["a", "b", "c", "é"], k=3):
            wanted = ABSENT if chance.random() < 0.2 else random_changes(chance)
            text = edit_entries(text, "tasks", "label", {name: wanted}, skeleton={"version": "2.0.0"})
            results.append(text)
    for text, answer in zip(results, ask(node_modules, results), strict=True):
        assert answer.errors == [], text
        assert equal(as_javascript_has_it(parse(text)), answer.value), text


def test_5000_mutated_documents_are_taken_or_refused_as_vs_code_does_and_read_the_same(node_modules: Path) -> None:
    texts = [mutated(Random(seed)) for seed in range(5000)]
    refused = 0
    for text, answer in zip(texts, ask(node_modules, texts), strict=True):
        try:
            value = parse(text)
        except JsoncError:
            refused += 1
            assert answer.errors != [], text
        else:
            assert answer.errors == [], text
            assert equal(as_javascript_has_it(value), answer.value), text
    assert 1500 < refused < 3500
