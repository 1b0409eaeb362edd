"""Files that shells read when they start: what they say, and what each real shell makes of them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.formats.shell_environment import fish, posix
from reconciler.formats.shell_environment.names import why_taken

ORDER = ("path.gobin", "path.odd", "path.local")
PATHS = {
    "path.gobin": "first /usr/local/gobin",
    "path.odd": 'first ~/it\'s $x `y` "z" *',
    "path.local": "last ~/.local/bin",
}
AWKWARD = (
    "vim",
    "",
    "a b  c",
    "$HOME ${HOME} $(id) `id`",
    "it's 'quoted' ''twice'' '",
    '"double" "',
    "\\ \\\\ \\n \\' \\",
    "! # ~ * ? [a-z] {a,b} ; & | < > ( ) % = : , @ ^",
    "\täöü \U0001f600 \u2028",
    "~/bin:~alice",
    "-n",
    "/a:/b",
)
VARIABLES = {f"variables.V{number}": value for number, value in enumerate(AWKWARD)} | {
    "variables.GOPATH": "/a:/b",
    "secret.V2": "yes",
}
SHELLS = {
    "bash": ("bash",),
    "bash, as POSIX has it": ("bash", "--posix"),
    "dash": ("dash",),
    "mksh": ("mksh",),
    "busybox": ("busybox", "ash"),
    "ksh": ("ksh",),
    "zsh": ("zsh", "-f"),
    "zsh with odd options": ("zsh", "-f", "-o", "rcquotes", "-o", "ksharrays", "-o", "globsubst", "-o", "shwordsplit"),
    "fish": ("fish", "--no-config"),
}
NAMES = st.sampled_from(["EDITOR", "A", "b_c", "_X1"])
VALUES = st.text(st.characters(exclude_characters="\n\r\0", exclude_categories=["Cs"]), max_size=12)
DIRECTORIES = st.from_regex(r"(~/|/)[^\n\r\0:/ ][^\n\r\0:]{0,8}", fullmatch=True)
MEMBERS = st.tuples(
    st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.tuples(st.sampled_from(["first", "last"]), DIRECTORIES)),
    st.dictionaries(NAMES, st.tuples(VALUES, st.booleans())),
).map(
    lambda found: {
        **{f"path.{name}": " ".join(entry) for name, entry in found[0].items()},
        **{f"variables.{name}": value for name, (value, _) in found[1].items()},
        **{f"secret.{name}": "yes" for name, (_, is_secret) in found[1].items() if is_secret},
    }
)


# ---- the text


@pytest.mark.parametrize("language", [posix, fish])
@settings(max_examples=300, deadline=None)
@given(members=MEMBERS, order=st.permutations(["path.a", "path.b", "path.c"]))
def test_what_is_written_is_read_and_written_alike(
    language: ModuleType, members: Mapping[str, str], order: Sequence[str]
) -> None:
    text = language.text(members, order)
    assert language.members(text) == members
    assert language.text(language.members(text), order) == text
    named = [name for name in language.members(text) if name in order]
    first = [name for name in named if members[name].startswith("first")]
    last = [name for name in named if members[name].startswith("last")]
    assert first == [name for name in order if name in first] and last == [name for name in order if name in last]


def test_nothing_to_say_is_no_file() -> None:
    for language in (posix, fish):
        assert (language.text({}), language.members("")) == ("", {})


@pytest.mark.parametrize(
    "line",
    [
        "export A=b",
        "export A='b' # mine",
        "export A='b''c'",
        "PATH=/x",
        "_reconcile_put first /x # a",
        "export A='b'\r",
    ],
)
def test_lines_that_are_not_ours_say_nothing(line: str) -> None:
    assert posix.members(f"{line}\nexport B='c'\n") == {"variables.B": "c"}


# ---- in real shells


def shell(name: str) -> list[str]:
    program, *options = SHELLS[name]
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return [found, *options]


def environment(
    argv: Sequence[str], folder: Path, members: Mapping[str, str], path: str, *, anew: bool = False, options: str = ""
) -> dict[str, str]:
    """What a program gets from a shell that has read the file, twice."""
    is_fish = "fish" in argv[0]
    file = folder / ("env.fish" if is_fish else "env.sh")
    file.write_text((fish if is_fish else posix).text(members, ORDER), encoding="utf-8")
    begin = f"{posix.ANEW}=yes\n" if anew else ""
    script = f"{options}{begin}. '{file}'\n. '{file}'\nexec /usr/bin/env -0"
    done = subprocess.run(
        [*argv, "-c", script], env={"HOME": "/home/it's me", "PATH": path}, capture_output=True, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, b"")
    pairs = done.stdout.decode("utf-8").split("\0")[:-1]
    return dict(pair.split("=", 1) for pair in pairs)


each_shell = pytest.mark.parametrize("name", SHELLS)


@each_shell
def test_values_arrive_as_they_stand(name: str, tmp_path: Path) -> None:
    found = environment(shell(name), tmp_path, VARIABLES, "/usr/bin:/bin")
    assert {f"variables.{key}": found.get(key) for key in (f"V{n}" for n in range(len(AWKWARD)))} == {
        key: value for key, value in VARIABLES.items() if key.startswith("variables.V")
    }
    assert found["GOPATH"] == "/a:/b"


@each_shell
def test_directories_stand_in_their_places_and_reading_twice_changes_nothing(name: str, tmp_path: Path) -> None:
    found = environment(shell(name), tmp_path, PATHS, "/usr/bin:/bin")
    home = "/home/it's me"
    assert found["PATH"] == f'/usr/local/gobin:{home}/it\'s $x `y` "z" *:/usr/bin:/bin:{home}/.local/bin'


@each_shell
def test_what_was_put_in_front_since_stays_there(name: str, tmp_path: Path) -> None:
    """An activated virtual environment, say."""
    path = "/venv/bin:/usr/local/gobin:/usr/bin"
    found = environment(shell(name), tmp_path, {"path.gobin": "first /usr/local/gobin"}, path)
    assert found["PATH"] == path


@pytest.mark.parametrize("name", [name for name in SHELLS if name != "fish"])
def test_where_a_session_begins_the_order_is_put_right(name: str, tmp_path: Path) -> None:
    path = "/home/it's me/.local/bin:/usr/bin:/usr/local/gobin:/bin:/usr/local/gobin"
    members = {key: value for key, value in PATHS.items() if key != "path.odd"}
    found = environment(shell(name), tmp_path, members, path, anew=True)
    assert found["PATH"] == "/usr/local/gobin:/usr/bin:/bin:/home/it's me/.local/bin"


def test_where_a_session_of_fish_begins_too(tmp_path: Path) -> None:
    argv = [*shell("fish"), "--login"]
    path = "/home/it's me/.local/bin:/usr/bin:/usr/local/gobin:/bin:/usr/local/gobin"
    members = {key: value for key, value in PATHS.items() if key != "path.odd"}
    assert (
        environment(argv, tmp_path, members, path)["PATH"] == "/usr/local/gobin:/usr/bin:/bin:/home/it's me/.local/bin"
    )


@pytest.mark.parametrize("name", [name for name in SHELLS if name not in ("fish", "zsh with odd options")])
def test_a_shell_that_stops_at_everything_does_not_stop(name: str, tmp_path: Path) -> None:
    for anew in (False, True):
        found = environment(
            shell(name), tmp_path, {**PATHS, **VARIABLES}, "/usr/bin:/usr/local/gobin", anew=anew, options="set -eu\n"
        )
        assert found["V1"] == ""


@pytest.mark.parametrize("name", [name for name in SHELLS if not name.startswith(("fish", "zsh"))])
def test_an_empty_path_gets_no_empty_entry(name: str, tmp_path: Path) -> None:
    """An empty entry means the current directory. (zsh and fish give an empty PATH entries of their own.)"""
    for anew in (False, True):
        found = environment(shell(name), tmp_path, PATHS, "", anew=anew)
        assert "" not in found["PATH"].split(":")


@each_shell
def test_nothing_but_the_members_is_left_behind(name: str, tmp_path: Path) -> None:
    argv = shell(name)
    before = environment(argv, tmp_path, {}, "/usr/bin")
    after = environment(argv, tmp_path, {**PATHS, "variables.A": "1"}, "/usr/bin", anew=name != "fish")
    assert after.keys() - before.keys() == {"A"}


# ---- names


CANDIDATES = (
    "_ A a_b http_proxy HTTPS_PROXY no_proxy npm_config_prefix EDITOR VISUAL PAGER TZ TERM DISPLAY BROWSER SHELL "
    "GOPATH GOFLAGS MANPATH CDPATH ENV BASH_ENV PS1 PROMPT PROMPT_COMMAND HISTFILE HISTSIZE SAVEHIST TMOUT FPATH "
    "TMPDIR MAIL MAILPATH PROMPT_DIRTRIM SSH_AUTH_SOCK JAVA_HOME NVM_DIR ZDOTDIR DOTNET_ROOT WSLENV"
)


@each_shell
def test_every_name_that_is_not_taken_can_be_set(name: str, tmp_path: Path) -> None:
    members = {f"variables.{key}": "1" for key in CANDIDATES.split() if why_taken(key) is None}
    assert len(members) == len(CANDIDATES.split()) - 1
    found = environment(shell(name), tmp_path, members, "/usr/bin")
    assert {key for key in members if found.get(key.removeprefix("variables.")) != "1"} == set()


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("bash", "compgen -v; readonly -p | sed 's/=.*//; s/.* //'"),
        ("zsh", "print -l ${(k)parameters[(R)*(special|readonly)*]}"),
        ("mksh", "typeset +"),
        ("fish", "set --names"),
    ],
)
def test_every_name_that_a_shell_would_not_set_is_taken(name: str, ask: str) -> None:
    """Of all variables that the shell knows by itself."""
    argv = shell(name)
    clean = {"HOME": "/", "PATH": "/usr/bin:/bin"}
    known = subprocess.run([*argv, "-c", ask], env=clean, capture_output=True, text=True, timeout=60, check=True).stdout
    words = [word for word in known.split() if word.isidentifier() and word != "PATH"]
    assert words
    set_it = "set -gx {0} 1" if name == "fish" else "export {0}='1'"
    refused = []
    for word in dict.fromkeys(words):
        if why_taken(word) is None:
            script = f"{set_it.format(word)}\nexec /usr/bin/env -0"
            done = subprocess.run([*argv, "-c", script], env=clean, capture_output=True, text=True, timeout=60)
            if f"{word}=1" not in done.stdout.split("\0"):
                refused.append(word)
    assert refused == []
