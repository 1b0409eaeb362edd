"""The machine that kinds are planned on, and the documents that are planned."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from reconciler.documents.desire import Known, Source, open_documents
from reconciler.documents.inventory import Here
from reconciler.documents.reader import Caller
from reconciler.model.address import Target
from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.desired import DesiredItems
from reconciler.resources.catalogue import Catalogue

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

Reading = Callable[..., dict[Target, DesiredItems]]


def _machine_class() -> type[Machine]:
    """Tests are no package, so modules beside them are loaded by their place."""
    name = "simulated_machine"
    if name not in sys.modules:
        path = Path(__file__).parent.parent / "planning" / f"{name}.py"
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    found: type[Machine] = sys.modules[name].Machine
    return found


@pytest.fixture(scope="session")
def machines() -> type[Machine]:
    """The class: hypothesis makes a machine for each example."""
    return _machine_class()


@pytest.fixture
def machine() -> Machine:
    return _machine_class()()


@pytest.fixture
def reading(tmp_path: Path) -> Reading:
    """What documents desire of the distro `lt/main` and its user alice: a text, or a file of the repo."""

    def read(text: str | None = None, file: Path | None = None) -> dict[Target, DesiredItems]:
        if text is not None:
            (tmp_path / "reconcile.yaml").write_text(f"version: 1\n{text}", encoding="utf-8")
        caller = Caller(
            name="alice", uid=os.geteuid(), gid=os.getegid(), home=str(tmp_path), config=tmp_path / "config"
        )
        source = Source(
            start=tmp_path if file is None else file.parent,
            file=file,
            extra={},
            caller=caller,
            here=Here(hostname="lt", user="alice"),
            today=date(2026, 1, 1),
            version="0.4.0",
        )
        targets = (Target("lt", "main"), Target("lt", "main", "alice"))
        known = {target: Known(facts={}, home="/home/alice") for target in targets}
        return open_documents(source, Catalogue(), frozenset(DERIVED_FACTS), set()).desired(targets, known)

    return read
