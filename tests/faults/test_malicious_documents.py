"""What a hostile pull request can bring is refused, or marked and kept back; and no payload runs."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import tarfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

import certificates
from faults.pull_requests import PullRequest, corpus
from private_machine import HOME, PrivateMachine, private_machine
from reconciler.cli.demo import USER, build
from reconciler.cli.main import run

CORPUS: Final = tuple(corpus())
REFUSED: Final = [case for case in CORPUS if case.refused]
BLOCKED: Final = [case for case in CORPUS if case.blocked]
AT_REST: Final = [case for case in CORPUS if (case.risk or case.marked) and case.place == "rest"]
RUNNING: Final = [case for case in CORPUS if case.place == "running"]
FORBIDDEN: Final = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")
"""What would act on a terminal, or make text read otherwise than it is."""
OUR_OWN: Final = re.compile(rf"(home/{USER}/\.local(/state(/reconcile)?)?|var(/lib(/reconcile)?)?)(/.+)?")
"""What apply itself keeps. Start files of shells may change too: they would read an environment that is empty."""
START_FILES: Final = {f"home/{USER}/.profile", f"home/{USER}/.bashrc"}


def name(case: PullRequest) -> str:
    return case.name


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """Everything, with all blanks run together, so that wrapping makes no difference."""
        return re.sub(r"\s+", " ", self.out + self.err)


@dataclass(frozen=True)
class Desk:
    """A reviewer's checkout and a machine at rest. Each command is run in this process."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    @property
    def root(self) -> Path:
        return self.folder / "machine"

    @property
    def canary(self) -> Path:
        return self.folder / "canary"

    def run(self, command: str, *words: str) -> Ran:
        self.capture.readouterr()
        code = run([command, "-C", str(self.folder / "repo"), *words])
        said = self.capture.readouterr()
        assert not FORBIDDEN.search(said.out + said.err), "what the pull request says reached the terminal as it is"
        return Ran(code, said.out, said.err)

    def on_machine(self, command: str, *words: str) -> Ran:
        return self.run(command, "--root", str(self.root), "--user", USER, *words)

    def census(self) -> Mapping[str, tuple[object, ...]]:
        """All that a write would change."""
        found: dict[str, tuple[object, ...]] = {}
        for path in [self.root, *self.root.rglob("*")]:
            state = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            found[str(path.relative_to(self.root))] = (state.st_ino, state.st_mode, state.st_uid, content)
        return found

    def written(self, before: Mapping[str, tuple[object, ...]]) -> set[str]:
        """What an apply has changed since."""
        after = self.census()
        changed = {path for path in after.keys() | before.keys() if after.get(path) != before.get(path)}
        return {path for path in changed - START_FILES if not OUR_OWN.fullmatch(path)}


@pytest.fixture(scope="module")
def authority() -> str:
    return certificates.Authority("Nobody").pem


@pytest.fixture
def desk(
    tmp_path: Path, authority: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[[PullRequest], Desk]:
    def at(case: PullRequest) -> Desk:
        made = Desk(tmp_path, capfd)
        (tmp_path / "home").mkdir()
        build(made.root, tmp_path / "repo")
        (made.root / f"home/{USER}/src/app").mkdir(parents=True)
        case.check_out(tmp_path / "repo", {"CANARY": str(made.canary), "AUTHORITY": authority})
        return made

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("NO_COLOR", "1")
    for variable in ("XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "SUDO_USER", "WSL_DISTRO_NAME"):
        monkeypatch.delenv(variable, raising=False)
    return at


@pytest.fixture
def no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever starts a program asks a machine, or runs something."""

    def refuse(*words: object, **how: object) -> None:
        raise AssertionError(f"started: {words}")

    monkeypatch.setattr(subprocess, "Popen", refuse)


def test_the_corpus_is_as_large_as_it_should_be_and_each_case_has_one_end() -> None:
    assert len({case.name for case in CORPUS}) == len(CORPUS) >= 250
    for case in CORPUS:
        assert [case.refused, case.risk, case.marked, case.blocked].count(None) == 3, case.name


@pytest.mark.usefixtures("no_process")
@pytest.mark.parametrize("case", REFUSED, ids=name)
def test_what_may_not_be_said_is_refused_before_any_machine_is_asked(
    desk: Callable[[PullRequest], Desk], case: PullRequest
) -> None:
    one = desk(case)
    before = one.census()
    for ran in (one.run("lint"), one.on_machine("apply", "--yes", "--allow-exec")):
        assert ran.code == 1, ran
        assert case.refused and case.refused in ran.words, ran.err
        assert re.search(r"^[\w./@+-]+:\d+:\d+: ", ran.err, re.MULTILINE), ran.err
        assert re.search(r"^  fix: |; expected | is not an? | is not the ", ran.err, re.MULTILINE), ran.err
    assert one.census() == before and not one.canary.exists()


@pytest.mark.parametrize("case", AT_REST, ids=name)
def test_what_does_more_than_it_says_is_marked_and_kept_back(
    desk: Callable[[PullRequest], Desk], case: PullRequest
) -> None:
    one = desk(case)
    before, wanted = one.census(), case.risk or case.marked
    told = json.loads(one.on_machine("plan", "--format", "json").out)
    items = [item for target in told["workstations"][0]["targets"] for item in target["items"]]
    marked = [item["address"] for item in items if wanted in item["risks"]]
    assert marked
    shown = one.on_machine("apply", "--yes") if case.risk else one.on_machine("plan")
    assert re.search(f"risk: [a-z, ]*{wanted}", shown.words), shown.out
    assert shown.code == (5 if case.risk else 0), shown
    for address in marked if case.risk else ():
        assert f"--allow-exec={address}" in shown.words, shown.out
    assert one.written(before) == set() and not one.canary.exists()


@pytest.mark.parametrize("case", BLOCKED, ids=name)
def test_what_nobody_could_check_is_left_out(desk: Callable[[PullRequest], Desk], case: PullRequest) -> None:
    one = desk(case)
    before = one.census()
    ran = one.on_machine("apply", "--yes", "--allow-exec")
    assert ran.code == 5 and case.blocked and case.blocked in ran.words, ran
    assert "fix: " in ran.words and one.written(before) == set()


# ---- on a machine that runs


@pytest.fixture(scope="module")
def running() -> Iterator[PrivateMachine]:
    with private_machine() as made:
        made.run("mkdir", "-p", f"{HOME}/.vscode-server/bin/x/bin")
        yield made


@pytest.mark.parametrize("case", RUNNING, ids=name)
def test_what_only_a_running_machine_could_do_is_marked_and_kept_back(
    running: PrivateMachine, case: PullRequest
) -> None:
    canary, mark = f"{HOME}/canary", f"{HOME}/mark"
    document = case.document.replace("CANARY", canary)
    planned = running.reconcile("plan", document, "--format", "json")
    items = [item for target in json.loads(planned.stdout)["workstations"][0]["targets"] for item in target["items"]]
    assert any(case.risk in item["risks"] for item in items), planned.stdout
    running.run("touch", mark)
    applied = running.reconcile("apply", document, "--yes")
    assert applied.returncode == 5, applied
    written = running.says("find", "/etc", "/var/lib", HOME, "-newer", mark, "-type", "f", "!", "-path", "*/repo/*")
    assert written == "" and not running.at(canary).exists()


# ---- several at once, and what a document only points to


def test_a_folder_by_another_name_does_not_let_a_key_in(desk: Callable[[PullRequest], Desk]) -> None:
    document = "user:\n  symlinks: {~/notes: .ssh}\n  files: {~/notes/authorized_keys: {content: key}}\n"
    one = desk(PullRequest(name="two steps", document=document))
    (one.root / f"home/{USER}/.ssh").mkdir()
    ran = one.on_machine("apply", "--yes")
    assert ran.code == 5, ran
    assert [*(one.root / f"home/{USER}/.ssh").iterdir()] == []


def test_consent_to_one_address_is_none_to_another(desk: Callable[[PullRequest], Desk]) -> None:
    one = desk(PullRequest(name="two", document="user: {go_env: {CC: /x/cc, CXX: /x/cxx}}\n"))
    ran = one.on_machine("apply", "--yes", "--allow-exec=*:go_env:CC")
    assert ran.code == 5, ran
    text = (one.root / f"home/{USER}/.config/go/env").read_text()
    assert "CC=/x/cc\n" in text and "/x/cxx" not in text


def test_a_saved_plan_needs_consent_too(desk: Callable[[PullRequest], Desk], tmp_path: Path) -> None:
    one = desk(PullRequest(name="saved", document="user: {files: {~/.bashrc: {block: touch CANARY}}}\n"))
    before, saved = one.census(), str(tmp_path / "plan")
    assert one.on_machine("plan", "-o", saved).code == 0
    assert run(["apply", saved, "--yes"]) == 5
    assert one.census() == before and not one.canary.exists()


@pytest.mark.parametrize(
    "text",
    [
        "user: " + "[" * 100_000,
        "vars: {x: " + "a" * 2_000_000 + "}",
        "vars: {" + ", ".join(f"x{number}: 1" for number in range(30_000)) + "}",
        "? " * 5_000 + "x",
        "&a " * 5_000 + "x",
    ],
    ids=["deep", "long", "wide", "keys in keys", "anchors"],
)
@pytest.mark.usefixtures("no_process")
def test_a_bomb_is_refused_with_a_place(desk: Callable[[PullRequest], Desk], text: str) -> None:
    one = desk(PullRequest(name="bomb", document=text))
    ran = one.run("lint")
    assert ran.code == 1 and re.match(r"reconcile\.yaml:\d+:\d+: ", ran.err), ran.err[:500]
    assert len(ran.err) < 5_000


def member(title: str, *, kind: bytes = tarfile.REGTYPE, link: str = "", mode: int = 0o644) -> tarfile.TarInfo:
    made = tarfile.TarInfo(title)
    made.type, made.linkname, made.mode = kind, link, mode
    return made


@pytest.mark.parametrize(
    "members",
    [
        [member("../.bashrc")],
        [member("a/../../.bashrc")],
        [member("/etc/cron.d/x")],
        [member("x", kind=tarfile.SYMTYPE, link="/etc"), member("x/passwd")],
        [member("x", kind=tarfile.SYMTYPE, link="..")],
        [member("x", kind=tarfile.LNKTYPE, link="../../etc/shadow")],
        [member("x", kind=tarfile.BLKTYPE)],
        [member("x", kind=tarfile.FIFOTYPE)],
        [member("x", mode=0o4755)],
        [member(".reconcile-archive")],
    ],
    ids=[
        "up",
        "up inside",
        "absolute",
        "below a link",
        "link out",
        "hard link out",
        "device",
        "fifo",
        "setuid",
        "marker",
    ],
)
def test_an_archive_that_reaches_out_is_not_unpacked(
    desk: Callable[[PullRequest], Desk], members: list[tarfile.TarInfo], tmp_path: Path
) -> None:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        for each in members:
            archive.addfile(each)
    (tmp_path / "x.tar").write_bytes(held.getvalue())
    digest = hashlib.sha256(held.getvalue()).hexdigest()
    item = f'{{url: "file://{tmp_path}/x.tar", sha256: {digest}, archive: true}}'
    one = desk(PullRequest(name="archive", document=f"user: {{files: {{~/x: {item}}}}}\n"))
    before = one.census()
    ran = one.on_machine("apply", "--yes", "--allow-exec")
    assert ran.code == 5 and "refused" in ran.words, ran
    assert one.written(before) == set()
