"""Whole repos with mutated documents and templates: whatever they hold, there is an error or a result, and soon.

A case is a number: `repo_of(number)` makes the same files wherever it runs. The fast share runs always; all 50,000 cases
with RECONCILE_FULL_FUZZ=1 (about a quarter of an hour on one core).
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from reconciler.cli.lint import lint
from reconciler.documents.desire import Documents, Source, open_documents
from reconciler.documents.inventory import Here, select
from reconciler.documents.machine_file import secret
from reconciler.documents.reader import Caller
from reconciler.model.derived_facts import DERIVED_FACTS
from reconciler.model.errors import ReconcileError
from reconciler.resources.catalogue import Catalogue
from yardstick import yardsticks

FULL = bool(os.environ.get("RECONCILE_FULL_FUZZ"))
CASES = 50_000 if FULL else 3_000
SHARES = 8
MOST_YARDSTICKS = 90
TOP = Path(__file__).resolve().parents[2]

Files = dict[str, str]


def _examples(folder: str) -> Files:
    paths = sorted(path for path in (TOP / "examples" / folder).rglob("*") if path.is_file())
    return {str(path.relative_to(TOP / "examples" / folder)): path.read_text(encoding="utf-8") for path in paths}


RICH = """version: 1
requires: ">=0.1"
use: [wsl-go-baseline@1, team-base@2]
include: [low.yaml, "parts/*.yaml"]
vars: {port: 7890, tags: [a, b], hosts: {one: 1.example.com}}
secrets: {token: {description: words}}
groups: {ci: {users: [builder], vars: {port: 1}}, backend: {}}
workstations:
  lt: {groups: [backend], match: {hostname: [lt, "lt-*"]}, vars: {port: 2}}
  bob: {distros: {main: {name: [Ubuntu, Debian], users: {self: {}, zoe: {vars: {port: 3}}}}, musl: {name: Alpine}}}
overlays:
  - {name: one, where: {workstation: lt, not: {groups: [ci]}}, until: 2027-03-31, user: {go_env: {GOPROXY: direct}}}
  - {where: {distro: musl, user: "z*"}, vars: {port: 4}, distro: {wsl_conf: {boot: {systemd: {unmanaged: true}}}}}
distro:
  wsl_conf: {boot: {systemd: true, command: "echo {{ vars.port }}"}, filesystem: {umask: "022"}, repair: true}
  files:
    /etc/motd: {content: "{{ vars.tags | join(' ') }} {{ facts.libc }}\\n", mode: "0644", owner: root}
    /etc/conf: {template: conf.j2}
  directories: {/opt/x: {mode: "0755", group: root}, /opt/y: {absent: true}}
  symlinks: {/usr/local/x: /opt/x}
user:
  go_env: {GOPROXY: "https://{{ secrets.token | urlencode }}@x,direct", GOFLAGS: {absent: true}, GOTOOLCHAIN: local}
  files: {~/rc: {source: parts/rc.txt, newline: crlf}, ~/t: {template: conf.j2, mode: "0600"}}
  directories: [~/go, "~/src"]
  symlinks: {~/l: "{{ user.home }}/go"}
"""
REPOS: tuple[Files, ...] = (
    _examples("laptop"),
    _examples("team"),
    {
        "reconcile.yaml": RICH,
        "low.yaml": "version: 1\nwhere: {groups: [backend]}\nuse: [team-base@2]\nuser: {go_env: {GOSUMDB: 'off'}}\n",
        "parts/a.yaml": "version: 1\nvars: {x: &a [1, 2], y: *a}\nuser: {files: {~/y: {content: '{{ vars.x | first }}{{ vars.y | last }}'}}}\n",
        "parts/rc.txt": "export A=1\n",
        "conf.j2": "{% for tag in vars.tags %}\n{% if loop.first %}# {{ tag }}{% endif %}\n{% endfor %}\n{{ workstation.name }} {{ vars.hosts.one }}\n",
        "playbooks/team-base@2.yaml": "version: 1\ninputs: {port: {type: integer, default: 80}}\nuser: {files: {~/p: {content: '{{ vars.port }}'}}}\n",
        "machine.yaml": "workstation: lt\ngroups: [ci]\nvars: {port: 5}\nsecrets: {token: {env: TOKEN}}\nallow: ['lt/*']\n",
    },
)

YAML_TOKENS = (
    ": ", "- ", "{", "}", "[", "]", "&a ", "*a", "*b", "<<: *a", "|", ">-", "'", '"', "\t", "\n", "\n  ", "---\n", "...\n", "? ", "# ", ",",
    "null", "~", "", "true", "on", "yes", "0777", "1e999", "-0", ".inf", "9" * 5000, "1.20", "\0", "\x1b", "\u202e", "\ufeff", "\u2028", "é", "😀",
    "!!python/object/apply:os.system [id]", "!!python/name:os.system", "!!str ", "!include x", "!x ", "%TAG ! x\n", "%YAML 9.9\n", "%APPDATA%",
    "@scope", "`x`", "*.corp", "{absent: true}", "{unmanaged: true}", "{absent: false}", "{absent: true, x: 1}", "[absent]", "absent", "2027-13-45",
    "../x", "/etc/passwd", "/dev/zero", "~/x", "~nobody/x", "C:\\temp\\new", '"C:\\temp\\new"', '"\\ud800"', '"\\u202e"', "**/*", "[", "*?[",
    "wsl-go-baseline@1", "wsl-go-baseline@99", "x@0", "self", "windows", "lt", "LT", "a/b", "a:b", ">=99", ">=0.0.0.0.0", "x" * 300,
)  # fmt: skip
WORDS = (
    "version", "requires", "use", "include", "where", "inputs", "vars", "secrets", "groups", "workstations", "overlays", "user", "distro", "windows",
    "go_env", "wsl_conf", "files", "directories", "symlinks", "boot", "systemd", "repair", "content", "template", "source", "mode", "owner", "until",
    "not", "name", "users", "distros", "match", "hostname", "ssh", "port", "type", "default", "hosts", "when", "state", "GOPROXY", "absent", "unmanaged",
)  # fmt: skip
TEMPLATES = (
    "{{ undefined }}", "{{ vars.nothing }}", "{{ vars }}", "{{ vars.hosts }}", "{{ vars.tags }}", "{{ vars.x.y.z }}", "{{ facts.kernel }}", "{{ facts.nothing }}",
    "{{ facts }}", "{{ secrets.token }}", "{{ secrets.other }}", "{{ secrets.token | length }}", "{{ user.home }}", "{{ user.nothing }}", "{{ distro.name }}",
    "{{ workstation.groups }}", "{{", "}}", "{%", "%}", "{#", "{{ }}", "{{ '", "{{ \"}}\" }}", "{% raw %}", "{% endfor %}", "{% if %}", "{% else %}",
    "{{ range(1000000000) }}", "{{ range(10000000) | list | length }}", "{{ range(10000) | join('x' * 10000) }}", "{{ range(10000) | list | tojson }}",
    "{% for a in range(10000) %}{% for b in range(10000) %}x{% endfor %}{% endfor %}", "{% for a in range(9999) %}{{ range(9999) | join }}{% endfor %}",
    "{% for a in vars.tags recursive %}{{ loop(vars.tags) }}{% endfor %}", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "{% include 'conf.j2' %}",
    "{% extends 'conf.j2' %}", "{% set x = 1 %}", "{% import 'os' as os %}", "{% block a %}{% endblock %}", "{% filter upper %}x{% endfilter %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ cycler.__init__.__globals__ }}", "{{ lipsum() }}", "{{ self }}", "{{ config }}", "{{ vars['__class__'] }}",
    "{{ 9 ** 9 ** 9 }}", "{{ 'a' * 999999999 }}", "{{ [1] * 999999999 }}", "{{ 1 / 0 }}", "{{ 1 // 0 }}", "{{ 5 % 0 }}", "{{ '%1000000000s' % 1 }}",
    "{{ 'a' | center(1000000000) }}", "{{ 'a' | replace('', 'b' * 99999) }}", "{{ ('a' * 9) | replace('a', 'aaaaaaaaa') }}", "{{ vars.port + 1 }}",
    "{{ vars.port | int + 1 }}", "{{ -vars.port }}", "{{ not vars.port }}", "{{ vars.tags[99] }}", "{{ vars.tags[-1] }}", "{{ vars.tags[1:] }}", "{{ vars.tags | sort }}",
    "{{ vars.tags | map('upper') | list }}", "{{ vars.x | default('y') }}", "{{ 'a' if vars.x is defined else 'b' }}", "{{ 1 if 2 else 3 }}", "{{ 1 == '1' }}",
    "{{ " + "(" * 400 + "1" + ")" * 400 + " }}", "{{ " + "not " * 300 + "true }}", "{{ " + " ~ ".join(["'x'"] * 900) + " }}", "{{ " + "[" * 200 + "]" * 200 + " }}",
    "{{ vars" + ".a" * 300 + " }}", "{{ 'x'" + " | upper" * 300 + " }}", "{{ '\\x00' }}", "{{ '\\ud800' }}", "{{ '\\u202e' }}", "{{ none }}", "{{ {} }}", "{{ {'a': vars} }}",
    "{{ 99999999999999999999999999 }}", "{{ 1e999 }}", "{{ 0x" + "f" * 5000 + " }}", "{{ " + "9" * 5000 + " }}", "{{ 'a' in range(10000) }}", "{{ caller() }}",
)  # fmt: skip


def _bomb(chance: random.Random) -> str:
    width, depth = chance.choice([2, 9, 50]), chance.choice([5, 20, 60])
    lines = [f"a0: &a0 [{', '.join(['x'] * width)}]"]
    lines += [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]" for level in range(1, depth)]
    return "\n" + "\n".join(lines) + "\n"


HUGE: tuple[Callable[[random.Random], str], ...] = (
    _bomb,
    lambda chance: "[" * chance.choice([40, 70, 3000]) + "x" + "]" * chance.choice([40, 70, 3000]),
    lambda chance: "{a: " * chance.choice([40, 70, 3000]),
    lambda chance: "\n" + "".join(f"{' ' * level}a:\n" for level in range(chance.choice([60, 500]))),
    lambda chance: "x" * chance.choice([10_000, 300_000, 1_200_000]),
    lambda chance: "\n".join(f"    ~/d{number}: {{}}" for number in range(chance.choice([500, 3000]))),
    lambda chance: ", ".join(f"~/d{number}" for number in range(chance.choice([500, 5000]))),
    lambda chance: "".join(
        f"\n{word}{number}: 1" for number in range(chance.choice([100, 5000])) for word in ("user", "x")
    ),
    lambda chance: "{{ vars.port }}" * chance.choice([100, 2000]),
    lambda chance: "{% if vars.port %}" * chance.choice([3, 100]) + "x",
    lambda chance: "'" + "a: " * chance.choice([1000, 50_000]),
    lambda chance: "\n- " * chance.choice([1000, 20_000]),
    lambda chance: "*" * chance.choice([100, 10_000]) + "/" + "**/" * 50,
)


def _span(text: str, chance: random.Random) -> tuple[int, int]:
    start = chance.randrange(len(text) + 1)
    return start, min(len(text), start + chance.choice([0, 0, 1, 2, 5, 20, 80]))


def _token(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    return text[:start] + chance.choice(chance.choice([YAML_TOKENS, WORDS, TEMPLATES])) + text[end:]


def _value(text: str, chance: random.Random) -> str:
    """Something else behind a colon: mutations that stay readable go deepest."""
    colons = [index for index in range(len(text) - 1) if text[index : index + 2] == ": "]
    if not colons:
        return _token(text, chance)
    start = chance.choice(colons) + 2
    end = next((index for index in range(start, len(text)) if text[index] in ",}]\n"), len(text))
    new = chance.choice(chance.choice([YAML_TOKENS, WORDS, TEMPLATES, TEMPLATES]))
    quoted = "'" + new.replace("'", "''") + "'" if chance.random() < 0.7 else new
    return text[:start] + quoted + text[end:]


def _word(text: str, chance: random.Random) -> str:
    """One of the language's words in place of another."""
    found = [word for word in WORDS if word in text]
    return text.replace(chance.choice(found), chance.choice(WORDS), 1) if found else text


def _lines(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    match chance.randrange(4):
        case 0:
            lines[one], lines[other] = lines[other], lines[one]
        case 1:
            lines.insert(one, lines[other])
        case 2:
            del lines[one]
        case _:
            lines[one] = " " * chance.randrange(9) + lines[one].strip()
    return "\n".join(lines)


def _splice(text: str, chance: random.Random) -> str:
    other = chance.choice([*chance.choice(REPOS).values()])
    start, end = _span(text, chance)
    from_, to = _span(other, chance)
    return text[:start] + other[from_ : to + 40] + text[end:]


def _huge(text: str, chance: random.Random) -> str:
    start, end = _span(text, chance)
    return text[:start] + chance.choice(HUGE)(chance) + text[end:]


MUTATIONS = (_token, _token, _value, _value, _value, _value, _word, _word, _lines, _lines, _splice)


def repo_of(number: int) -> Files:
    """The files of a case: one of the repos with one to four mutations."""
    chance = random.Random(number)
    files = dict(chance.choice(REPOS))
    for _ in range(chance.choice([1, 1, 1, 2, 4])):
        name = chance.choice([*files])
        files[name] = (_huge if chance.random() < 0.03 else chance.choice(MUTATIONS))(files[name], chance)
    return files


class Runner:
    """Writes cases into one folder and reads them as the command does."""

    def __init__(self, folder: Path) -> None:
        self.repo, self.home = folder / "repo", folder / "home"
        (self.repo / ".git").mkdir(parents=True)
        self.home.mkdir()
        self.good: set[str] = set()
        self.written: Files = {}
        self.caller = Caller(name="zoe", uid=os.geteuid(), gid=os.getegid(), home=str(self.home), config=self.home)

    def write(self, files: Files) -> None:
        for name in self.written.keys() - files.keys():
            self._path(name).unlink()
        for name, text in files.items():
            if self.written.get(name) != text:
                self._path(name).parent.mkdir(parents=True, exist_ok=True)
                self._path(name).write_bytes(text.encode("utf-8", "surrogatepass"))
        self.written = files

    def _path(self, name: str) -> Path:
        return self.home / name if name == "machine.yaml" else self.repo / name

    def read(self) -> str:
        """What became of it: the class of the error, or `planned`."""
        source = Source(
            start=self.repo, file=None, extra={}, caller=self.caller, here=Here(hostname="lt", user="zoe", distro_name="Ubuntu"),
            today=date(2026, 11, 21), version="0.4.0",
        )  # fmt: skip
        try:
            documents = open_documents(source, Catalogue(), frozenset(DERIVED_FACTS), self.good)
            self._desire(documents)
            lint(documents)
        except ReconcileError as error:
            assert error.problems and all(problem.what for problem in error.problems)
            return type(error).__name__
        return "planned"

    def _desire(self, documents: Documents) -> None:
        documents.desired(select(documents.inventory, None, False, documents.login, None))
        for name in documents.machine.secrets:
            if all(key.text != "command" for key, _ in documents.machine.secrets[name]):
                secret(documents.machine, name, self.caller, {"TOKEN": "x"})


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.mark.parametrize("number", range(len(REPOS)))
def test_the_repos_are_good_before_they_are_mutated(runner: Runner, number: int) -> None:
    runner.write(REPOS[number])
    assert runner.read() == "planned"


def _each(head: str, line: str, count: int) -> Files:
    """A document with `count` lines below its head, each with its own number in place of `N`."""
    return _main(f"{head}\n" + "".join(f"{line}\n".replace("N", str(number)) for number in range(count)))


LARGE: dict[str, Callable[[], Files]] = {
    "names": lambda: _main("user: {directories: [" + ", ".join(f"~/d{number}" for number in range(19_000)) + "]}"),
    "items": lambda: _each("user:\n  directories:", "    ~/dN: {}", 9_500),
    "links": lambda: _each("user:\n  symlinks:", "    ~/dN: /x", 9_500),
    "templates": lambda: _each("user:\n  symlinks:", "    ~/dN: 'N {{ user.name }}'", 2_000),
    "too many templates": lambda: _each("user:\n  symlinks:", "    ~/dN: 'N {{ user.name }}'", 9_500),
    "heavy templates": lambda: _each("user:\n  files:", "    ~/dN: {content: '{{ range(9999) | join }}'}", 2_000),
    "templates without end": lambda: _each("user:\n  symlinks:", "    ~/dN: '{{ user.name'", 9_500),
    "wrong names": lambda: _each("user:\n  symlinks:", "    ~/dN: '{{ user.nam }}'", 9_500),
    "wrong keys": lambda: _each("user:", "  kN: 1", 9_500),
    "wrong items": lambda: _each("user:\n  go_env:", "    GOXN: 1", 9_500),
    "wrong values": lambda: _each("user:\n  directories:", "    ~/dN: []", 9_500),
    "nulls": lambda: _each("user:\n  directories:", "    ~/dN:", 9_500),
    "overlays": lambda: _each("overlays:", "  - {where: {}, user: {directories: [~/a]}}", 2_000),
    "workstations": lambda: _each("user: {directories: [~/a]}\nworkstations:", "  wN: {}", 1_000),
    "groups that are not": lambda: _each("workstations:", "  wN: {groups: [gN]}", 3_000),
    "variables": lambda: _each("vars:", "  vN: 1", 9_500),
    "text": lambda: _main(f"user: {{files: {{~/a: {{content: {'x' * 1_000_000}}}}}}}"),
    "a long template": lambda: _main(f"user: {{files: {{~/a: {{content: '{'x' * 16_000}{{{{ 1 }}}}'}}}}}}"),
    "files": lambda: {
        **_main("include: ['parts/*.yaml']"),
        **{f"parts/{number}.yaml": "version: 1\n" for number in range(300)},
    },
    "one file often": lambda: {**_each("include:", "  - a.yaml", 9_500), "a.yaml": "version: 1\n"},
    "files that are not": lambda: _each("include:", "  - aN.yaml", 9_500),
    "one playbook often": lambda: _each("use:", "  - wsl-go-baseline@1", 9_500),
    "playbooks that are not": lambda: _each("use:", "  - none-N@1", 9_500),
    "wildcards": lambda: _main("include: ['" + "*/" * 50_000 + "', '" + "**/" * 50_000 + "x']"),
    "loops": lambda: {
        **_main("user: {files: {~/a: {template: a.j2}}}"),
        "a.j2": "{% for a in range(999) %}{% for b in range(999) %}x{% endfor %}{% endfor %}",
    },
    "many loops": lambda: {
        **_each("user:\n  files:", "    ~/dN: {template: a.j2}", 3_000),
        "a.j2": "{% for a in range(300) %}{% for b in range(80) %}{{ a ~ b }}{% endfor %}{% endfor %}",
    },
    "much output": lambda: {
        **_each("user:\n  files:", "    ~/dN: {template: a.j2}", 3_000),
        "a.j2": "x" * 250_000 + "{{ user.name }}",
    },
    "a long template file": lambda: {
        **_main("user: {files: {~/a: {template: a.j2}}}"),
        "a.j2": "{{ user.name }}\n" * 6_000,
    },
    "a deep template": lambda: {
        **_main("user: {files: {~/a: {template: a.j2}}}"),
        "a.j2": "{{ " + "[" * 5_000 + "]" * 5_000 + " }}",
    },
}


def _main(text: str) -> Files:
    return {"reconcile.yaml": f"version: 1\n{text}\n"}


@pytest.mark.parametrize("what", LARGE)
def test_what_is_large_takes_no_longer(runner: Runner, what: str) -> None:
    runner.write(LARGE[what]())
    assert yardsticks(runner.read) < MOST_YARDSTICKS


@pytest.mark.parametrize("share", range(SHARES))
def test_no_mutation_ends_in_a_traceback_or_takes_long(runner: Runner, share: int) -> None:
    outcomes: dict[str, int] = {}
    longest = (0.0, 0)
    for number in range(share, CASES, SHARES):
        runner.write(repo_of(number))
        started = time.process_time()
        try:
            outcome = runner.read()
        except Exception as error:
            raise AssertionError(f"case {number} ended in {type(error).__name__}: {error}") from error
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
        longest = max(longest, (time.process_time() - started, number))
    runner.good.clear()
    runner.write(repo_of(longest[1]))
    assert yardsticks(runner.read) < MOST_YARDSTICKS, f"case {longest[1]} takes {longest[0]:.2f} s"
    assert outcomes["planned"] > CASES / SHARES / 20, "some mutations must leave the documents good"
    assert outcomes["ReadingError"] > CASES / SHARES / 5
