"""What is generated is fresh: schemas/, the references in docs/, the picture, and the output in README.md."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TOP = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_build", TOP / "docs/build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_generated_files_are_fresh(build: ModuleType) -> None:
    stale = [path for path, text in build.generated().items() if (TOP / path).read_text(encoding="utf-8") != text]
    assert stale == [], "run: python docs/build.py"


def test_the_readme_names_both_commands() -> None:
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    assert "/bin/reconcile demo" in readme and "/bin/pytest" in readme
