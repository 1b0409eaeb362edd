"""Whatever stands in a file, loading it gives a tree or a DocumentError, soon, and never anything else."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.documents.load import EventLoader, lines_of, load, snippet
from reconciler.model.errors import DocumentError
from reconciler.model.tree import Mapping, Node, Scalar, Sequence

CORPUS = (
    """\
# reconcile.yaml: a laptop; the whole repo
version: 1
use: [wsl-go-baseline@1]
vars: {proxy_port: 7890}

distro:
  wsl_conf:
    boot: {systemd: true}
    automount: {options: "metadata,umask=022"}
  directories: {/opt/gobin/stable: {owner: root, mode: "0755"}}
  bind_mounts:
    /usr/local/gobin: {source: /opt/gobin/stable, read_only: true}
""",
    """\
user:
  go_env:
    GOPROXY: https://goproxy.cn,direct
    GO111MODULE: on
    GOFLAGS: {absent: true}
  shell_env:
    path: {gobin: {directory: /usr/local/gobin, position: first}}
    variables: {HTTPS_PROXY: "http://{{ facts.windows_host_address }}:{{ vars.proxy_port }}"}
  vscode_settings:
    machine: {go.toolsManagement.autoUpdate: false, "[go]": {editor.rulers: null}}
""",
    """\
windows:
  wslconfig: {wsl2: {memory: 16GB, networkingMode: mirrored}}
  firewall_rules:
    dlv-dap: {direction: inbound, action: allow, protocol: tcp, local_ports: [50000-50100], profiles: [domain, private]}
""",
    """\
# a team: base and backend documents, one exception
version: 1
use: [wsl-go-baseline@1, dual-go@1]
include: [team/base.yaml, team/backend.yaml]     # backend.yaml begins with  where: {groups: backend}
secrets: {proxy_password: {}}
groups:
  ci: {ssh: {user: ops}, users: [builder], vars: {go_version: 1.27.3}}
  backend: {}
""",
    """\
workstations:                       # only what must be named
  carol-lt: {}
  bob-lt:
    groups: [backend]
    distros:
      main: {name: [Ubuntu-24.04, Ubuntu], users: [self]}     # the first that exists
      musl: {name: Alpine, users: [self]}
  build-07: {groups: [ci], ssh: {host: 10.0.0.7}, guard: {machine_id: 4f0c6d2a9b1e4a7f8c3d5e6f7a8b9c0d}}
""",
    """\
overlays:
  - name: bob's Alpine has no systemd
    where: {workstation: bob-lt, distro: musl}
    distro: {wsl_conf: {boot: {systemd: false}}}
  - name: carol keeps her own proxy
    where: {workstation: carol-lt}
    until: 2027-03-31
    user: {shell_env: {variables: {HTTPS_PROXY: {unmanaged: true}}}}
""",
    """\
where: {groups: backend, not: {distro: "mus*"}}
user:
  files:
    ~/.config/go/note.txt:
      content: |
        first line
          second line: with a colon
      mode: "0644"
    ~/.netrc: {template: files/netrc.j2, mode: "0600"}
""",
    """\
windows:
  files:
    $APPDATA/go/env: {content: 'GOPATH=C:\\Users\\me\\go', newline: crlf}
  defender_exclusions: {paths: ['C:\\go', "D:/build"]}
""",
    """\
version: 1
requires: ">=0.3"
inputs: {proxy_port: {type: integer, default: 7890}}
vars: &shared
  proxy: "http://proxy.corp:{{ vars.proxy_port }}"
  no_proxy: "localhost,*.corp"
groups: {a: {vars: *shared}, "日本": {vars: {greeting: "grüß 'dich'"}}}
""",
    """\
user:
  packages: [git, curl, "@vue/cli"]
  services:
  - name: dlv
    command: >-
      dlv dap
      --listen 127.0.0.1:50000
    environment: {GOFLAGS: "-trimpath \\t", EMPTY: ''}
""",
)
FRAGMENTS = (
    *"[]{},:#&*!|>'\"%@`-?\\~=.$ \t\n\r\0",
    *("{{ ", " }}", "{{ vars.x }}", "{% if x %}", ": ", "- ", "? ", "---\n", "...\n", "%TAG ! x\n", "%YAML 1.2\n"),
    *("!!str ", "!!python/name:os.system ", "!include ", "&a ", "*a", "<<: *a", "\n  ", "\n\t", "null", "a: b\n"),
    *(
        '"C:\\Users\\x"',
        "'it's'",
        "\\x00",
        "\\ud800",
        "\\U00110000",
        "\\N",
        "|2-\n",
        ">9\n",
        "é",
        "日",
        "\x85",
        "\u2028",
    ),
    *("\ufeff", "\u202e", "\x1b[2J", "[" * 70, "{a: " * 70, "- " * 70, "a,direct", "x" * 1500),
)
LOADERS = [yaml.CSafeLoader, yaml.SafeLoader] if yaml.__with_libyaml__ else [yaml.SafeLoader]
LONGEST_LOAD_SECONDS = 2.0

seeded = settings(
    derandomize=True, deadline=None, max_examples=300, database=None, suppress_health_check=list(HealthCheck)
)


def check(data: bytes, loader: EventLoader) -> None:
    """Loads, and holds the result to what every caller relies on."""
    began = time.process_time()
    try:
        node = load(data, "fuzz.yaml", loader)
    except DocumentError as error:
        assert error.problems
        for problem in error.problems:
            assert problem.what
            assert problem.fix
            assert "\n" not in problem.what + problem.fix
            assert problem.origin is not None
            assert snippet(lines_of(data), problem.origin)
            assert "cannot be read as YAML" not in problem.what or loader is yaml.SafeLoader, "an error nobody explains"
    else:
        check_tree(node)
    assert time.process_time() - began < LONGEST_LOAD_SECONDS


def check_tree(root: Node | None) -> None:
    for node in nodes(root):
        assert node.origin.line >= 1
        assert node.origin.column >= 1
        if isinstance(node, Scalar):
            node.text.encode()
        if isinstance(node, Mapping):
            names = [key.text for key, _ in node]
            assert len(set(names)) == len(names)


def nodes(root: Node | None) -> Iterator[Node]:
    waiting = [root] if root else []
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, Sequence):
            waiting += node.items
        if isinstance(node, Mapping):
            waiting += [each for entry in node for each in entry]


def mutated(text: str, seed: int) -> str:
    """One to six edits that people and hostile pull requests make: lost, doubled, moved and foreign pieces."""
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 6)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice((0, 1, 1, 2, 5, 30)))
        piece = chance.choice((*FRAGMENTS, "", "", text[start:end] * 2, text[end : end + 40]))
        text = text[:start] + piece + text[end:]
    return text


@pytest.mark.parametrize("document", CORPUS)
@pytest.mark.parametrize("loader", LOADERS)
def test_the_documents_themselves_are_read(document: str, loader: EventLoader) -> None:
    assert isinstance(load(document.encode(), "corpus.yaml", loader), Mapping)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("document", CORPUS)
def test_both_parsers_read_the_same_tree(document: str, loader: EventLoader) -> None:
    assert load(document.encode(), "corpus.yaml", loader) == load(document.encode(), "corpus.yaml")


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("number", range(len(CORPUS)))
def test_a_mutated_document_is_read_or_refused(number: int, loader: EventLoader) -> None:
    for seed in range(150):
        check(mutated(CORPUS[number], seed * len(CORPUS) + number).encode(), loader)


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize("document", CORPUS)
def test_a_document_cut_off_anywhere_is_read_or_refused(document: str, loader: EventLoader) -> None:
    for end in range(0, len(document), 3):
        check(document[:end].encode(), loader)


@pytest.mark.parametrize("loader", LOADERS)
@seeded
@given(pieces=st.lists(st.sampled_from(FRAGMENTS) | st.sampled_from(("a", "b: ", "\n", " ", "1")), max_size=40))
def test_pieces_of_yaml_in_any_order_are_read_or_refused(pieces: list[str], loader: EventLoader) -> None:
    check("".join(pieces).encode(), loader)


@pytest.mark.parametrize("loader", LOADERS)
@seeded
@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused(text: str, loader: EventLoader) -> None:
    check(text.encode(), loader)


@seeded
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    check(data, LOADERS[0])
