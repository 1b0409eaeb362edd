"""Every example and playbook: loaded, free of findings, right for editors, and planned."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry

import example_downloads
from reconciler.cli.main import run
from reconciler.cli.schema import document_schema
from reconciler.documents.load import load
from reconciler.documents.reading import free
from reconciler.model.address import Layer
from reconciler.resources.catalogue import Catalogue

TOP = Path(__file__).resolve().parent.parent
KINDS = sorted((TOP / "examples/kinds").glob("*.yaml"))
REPOS = sorted(path.parent for path in TOP.glob("examples/*/reconcile.yaml"))
MAIN = [*KINDS, *(repo / "reconcile.yaml" for repo in REPOS)]
DOCUMENTS = [path for folder in ("examples", "playbooks") for path in sorted((TOP / folder).rglob("*.yaml"))]


def name(path: Path) -> str:
    return str(path.relative_to(TOP))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root file system with the user dev; the caller's own home is empty."""
    folder = tmp_path / "root"
    uid, gid = os.geteuid(), os.getegid()
    user = 1000 if uid == 0 else uid
    for path in ("etc", "home/dev", "opt"):
        (folder / path).mkdir(parents=True)
    (folder / "etc/passwd").write_text(
        f"root:x:{uid}:{gid}:root:/root:/bin/sh\ndev:x:{user}:{user}::/home/dev:/bin/bash\n"
    )
    (folder / "etc/group").write_text(f"root:x:{gid}:\ndev:x:{user}:\n")
    if uid == 0:
        os.chown(folder / "home/dev", user, user)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "SUDO_USER", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(variable, raising=False)
    return folder


NOT_AT_REST = {"checks", "go_tools", "groups", "packages", "users", "vscode_extensions"}
"""Kinds that need a running system for whatever they do."""


def test_there_is_an_example_for_every_kind() -> None:
    catalogue = Catalogue()
    kinds = {kind for layer in Layer for kind in catalogue.names(layer)}
    assert {path.stem for path in KINDS} == kinds
    for path in KINDS:
        root = yaml.safe_load(path.read_text(encoding="utf-8"))
        layers = {layer for layer in Layer if path.stem in set(catalogue.names(layer))}
        assert {layer for layer in layers if path.stem in root.get(layer.value, {})} == layers, (
            "the example shows every layer of its kind"
        )


@pytest.mark.parametrize("path", MAIN, ids=name)
def test_an_example_is_free_of_findings(path: Path, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["lint", "-f", str(path)]) == 0, capsys.readouterr().err
    assert f"Lint: nothing wrong in {name(path)}" in capsys.readouterr().out or path.parent.name == "team"


@pytest.mark.parametrize("path", sorted((TOP / "playbooks").glob("*.yaml")), ids=name)
def test_a_playbook_is_free_of_findings(
    path: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reconcile.yaml").write_text(f"version: 1\nuse: ['{path.stem}']\n")
    assert run(["lint", "-C", str(tmp_path)]) == 0, capsys.readouterr().err


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_an_editor_accepts_it(path: Path) -> None:
    """Editors read YAML 1.2 and know the published schema, nothing else."""
    node = load(path.read_bytes(), name(path))
    assert node is not None
    validator = Draft202012Validator(document_schema(), registry=Registry())
    assert [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(free(node))] == []


@pytest.mark.parametrize("path", MAIN, ids=name)
def test_an_example_is_planned_applied_and_then_in_sync(
    path: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECONCILE_SECRET_PROXY_PASSWORD", "not-for-anybody")
    machine = Path(os.environ["HOME"]) / ".config/reconcile/machine.yaml"
    machine.parent.mkdir(parents=True)
    machine.write_text(
        "workstation: carol-lt\ngroups: [backend]\n" if path.parent.name == "team" else "workstation: laptop\n"
    )
    text = path.read_text(encoding="utf-8")
    served = example_downloads.served(text, Path(os.environ["HOME"]) / ".cache/reconcile/downloads")
    if served != text:
        path = root.parent / path.name
        path.write_text(served, encoding="utf-8")
    place = ["-f", str(path), "--root", str(root), "--user", "dev"]
    before = tree(root)
    code = run(["plan", "--detailed-exitcode", *place])
    planned = capsys.readouterr().out
    assert (code, "to add" in planned) == ((0, False) if path.stem in NOT_AT_REST else (2, True)), planned
    assert "blocked" not in planned and "not-for-anybody" not in planned
    assert run(["apply", "--yes", "--allow-exec", *place]) == 0, capsys.readouterr()
    assert run(["verify", *place]) == 0, capsys.readouterr()
    if tree(root) != before:
        capsys.readouterr()
        code = run(["undo", "--yes", *place])
        undone = capsys.readouterr()
        assert code == 0 and "nothing leads that back" not in undone.out, undone
        assert tree(root) == before


def tree(root: Path) -> dict[str, object]:
    """What a root file system holds, but for what the tool keeps for itself."""
    own = ("var/lib", "home/dev/.local")
    return {
        str(place.relative_to(root)): (
            place.lstat().st_mode,
            place.lstat().st_uid,
            place.readlink() if place.is_symlink() else place.read_bytes() if place.is_file() else None,
        )
        for place in root.rglob("*")
        if not str(place.relative_to(root)).startswith(own) and str(place.relative_to(root)) != "var"
    }


@pytest.mark.parametrize("path", sorted((TOP / "playbooks").glob("*.yaml")), ids=name)
def test_a_playbook_is_planned_applied_and_then_in_sync(
    path: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reconcile.yaml").write_text(f"version: 1\nuse: ['{path.stem}']\n")
    place = ["-C", str(tmp_path), "--root", str(root), "--user", "dev"]
    assert run(["plan", "--detailed-exitcode", *place]) in (0, 2), capsys.readouterr().err
    assert run(["apply", "--yes", "--allow-exec", *place]) == 0, capsys.readouterr()
    assert run(["verify", *place]) == 0, capsys.readouterr()
    assert "blocked" not in capsys.readouterr().out


def test_the_team_example_differs_by_place(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    team = str(TOP / "examples/team")

    def value(address: str) -> str:
        assert run(["explain", "-C", team, address]) == 0, capsys.readouterr().err
        return next(line.split("value: ")[1] for line in capsys.readouterr().out.splitlines() if "value: " in line)

    assert value("bob-lt/main:wsl_conf:boot.systemd") == "true"
    assert value("bob-lt/musl:wsl_conf:boot.systemd") == "false"
    assert value("bob-lt/main/bob:go_env:GOTOOLCHAIN") == "auto"
    assert value("build-07/main/builder:go_env:GOTOOLCHAIN") == "local"
    assert value("bob-lt/main/bob:go_env:GOPRIVATE") == "git.example.com/backend"
    assert value("carol-lt/main/carol:go_env:GOPROXY") == "unmanaged"
    assert value("carol-lt/main/carol:shell_env:variables.HTTPS_PROXY") == "unmanaged"
    assert "secrets.proxy_password" in value("bob-lt/main/bob:go_env:GOPROXY")
