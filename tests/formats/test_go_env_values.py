from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.formats.go_env_values import (
    ENVIRONMENT_KEYS,
    KNOWN_KEYS,
    UNCHANGEABLE_KEYS,
    refused_reason,
    runs_program,
)
from reconciler.formats.go_env_values.fields import UnterminatedQuoteError, quoted_fields

ANY_KEY = st.sampled_from([*KNOWN_KEYS, *UNCHANGEABLE_KEYS, *ENVIRONMENT_KEYS]) | st.text(max_size=10)
PIECES = [
    "go",
    "1",
    ".27",
    "-x",
    "=",
    "'",
    '"',
    " ",
    ",",
    "|",
    ":",
    ";",
    "/",
    "~",
    "$",
    "[",
    "]",
    "%",
    "@",
    "https://",
    "+",
    "*",
]
ANY_VALUE = st.text(max_size=20) | st.lists(st.sampled_from(PIECES), max_size=10).map("".join)

REFUSED = [
    ("GOBIN", "bin", '"bin" is not an absolute path; go install fails with it: write /home/you/go/bin'),
    ("GOBIN", "~/go/bin", 'go does not expand ~ in "~/go/bin": write {{ user.home }}/go/bin'),
    ("GOBIN", "${HOME}/bin", 'go does not expand $ in "${HOME}/bin": write {{ user.home }}/bin'),
    ("GOBIN", "/opt/bin ", '"/opt/bin " ends with a blank, which go takes as part of the name: write /opt/bin'),
    ("GOPATH", "~/a:~/b", 'go does not expand ~ in "~/a:~/b": write {{ user.home }}/a:{{ user.home }}/b'),
    ("GOPROXI", "off", "go 1.27.3 has no variable GOPROXI: write GOPROXY"),
    ("goproxy", "off", "go 1.27.3 has no variable goproxy: write GOPROXY"),
    ("GONOSUMCHECK", "1", "go 1.27.3 has no variable GONOSUMCHECK: write GONOSUMDB"),
    ("QUUX", "1", "go 1.27.3 has no variable QUUX: `go help environment` lists what there is"),
    ("GOVERSION", "1.27", "GOVERSION cannot be set here; it says which go runs: set GOTOOLCHAIN"),
    (
        "HTTPS_PROXY",
        "http://a:1",
        "HTTPS_PROXY is read from the process environment only: declare it under shell_env.variables",
    ),
    (
        "GOPROXY",
        "",
        "an empty GOPROXY hides the default of go, and every download fails: write {absent: true} for the default",
    ),
    ("GOPROXY", "'off'", "go keeps the quotes of 'off' as part of GOPROXY: write off"),
    (
        "GOPROXY",
        "Direct",
        '"Direct" in GOPROXY is neither direct nor off nor an address; every download fails with it: write direct',
    ),
    ("GOPROXY", "/srv/go", '"/srv/go" in GOPROXY has no scheme; every download fails with it: write file:///srv/go'),
    ("GOPROXY", "direct,https://a.b", 'go never looks behind "direct" in GOPROXY: put it last'),
    ("GOPRIVATE", "a.b, c.d", '" c.d" in GOPRIVATE matches nothing, since go keeps the blank: write a.b,c.d'),
    (
        "GOPRIVATE",
        "https://a.b/c",
        '"https://a.b/c" in GOPRIVATE matches nothing, since module paths have no scheme: write a.b/c',
    ),
    ("GOVCS", "*:gti", '"gti" in GOVCS is no version control program that go knows: write git'),
    ("GOFLAGS", "-tags x", '"x" in GOFLAGS is not a flag, and every go command fails with it: write -tags=x'),
    (
        "GOFLAGS",
        '-tags="a b"',
        '"b"" in GOFLAGS is not a flag, and every go command fails with it:'
        " put the quotes around the whole flag, '-tags=a b'",
    ),
    (
        "GOFLAGS",
        "-modd=mod",
        "no command of go 1.27.3 has a flag -modd, and every go command fails with it: write -mod",
    ),
    (
        "GOFLAGS",
        "'-tags=a",
        "GOFLAGS opens a word with ' and never closes it, so that go cannot read it: close the quote",
    ),
    ("GOTOOLCHAIN", "1.27.3", '"1.27.3" names no toolchain; every go command fails with it: write go1.27.3'),
    (
        "GOTOOLCHAIN",
        "go1.27+auto",
        '"go1.27" is a version of the language, and since 1.21 no release is called so;'
        " every go command fails with it: write go1.27.0+auto",
    ),
    ("CGO_ENABLED", "true", '"true" is not a value of CGO_ENABLED; go ignores it without a word: write 1'),
    ("GO111MODULE", "yes", '"yes" is not a value of GO111MODULE; go refuses it: write on'),
    ("GOARCH", "x86_64", '"x86_64" is not a value of GOARCH; go refuses it: write amd64'),
    ("GOAMD64", "v9", '"v9" is not a value of GOAMD64; go builds for v1 without a word, or fails: write v4'),
    ("GOBIN", "/a\nb", "GOBIN holds a line end or another control character, and go refuses it: keep it on one line"),
    ("GOBIN", "/\udcff", "GOBIN is not valid UTF-8, and go refuses it: type it again"),
]


@pytest.mark.parametrize(("key", "value", "reason"), REFUSED)
def test_a_refusal_says_what_is_wrong_what_it_leads_to_and_the_fix(key: str, value: str, reason: str) -> None:
    assert refused_reason(key, value) == reason


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[
            ("GOBIN", "bin"),
            ("GOBIN", "$HOME/b"),
            ("GOBIN", "'/b'"),
            ("GOPATH", ":/a"),
            ("GOPATH", "~/a:~/b"),
            ("GOTMPDIR", "t"),
        ],
        *[
            ("GOCACHE", "cache"),
            ("GOMODCACHE", "C:/m"),
            ("GOPROXY", "Direct"),
            ("GOPROXY", "proxy"),
            ("GOPROXY", "/srv/go"),
        ],
        *[
            ("GOPROXY", ",,"),
            ("GOSUMDB", "sum.golang.google.cn https://a.b"),
            ("GOPRIVATE", "a.b, c.d"),
            ("GOPRIVATE", "git://a"),
        ],
        *[
            ("GOVCS", "git"),
            ("GOAUTH", "git repo"),
            ("GOFLAGS", "-tags x"),
            ("GOFLAGS", "-p=0"),
            ("GOFLAGS", "-race=maybe"),
        ],
        *[
            ("GOTOOLCHAIN", "1.27.3"),
            ("GOTOOLCHAIN", "go1.27+path"),
            ("GOTOOLCHAIN", "go1.27.3+x"),
            ("GO111MODULE", "True"),
        ],
        *[
            ("CGO_ENABLED", "no"),
            ("GOAMD64", "4"),
            ("GOOS", "mac"),
            ("GOARCH", "aarch64"),
            ("GOARM", "8"),
            ("GOARM64", "9.0"),
        ],
        *[
            ("GOFIPS140", "on"),
            ("GOWASM", "all"),
            ("GO386", "sse3"),
            ("GORISCV64", "rva20"),
            ("GO_EXTLINK_ENABLED", "off"),
        ],
    ],
)
def test_what_a_fix_tells_to_write_is_not_refused_itself(key: str, value: str) -> None:
    reason = refused_reason(key, value) or ""
    _, write, written = reason.rpartition("write ")
    assert write
    assert refused_reason(key, written.replace("{{ user.home }}", "/home/you")) is None


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[
            ("GOPROXY", "https://proxy.golang.org,direct"),
            ("GOPROXY", "proxy.corp.example|direct"),
            ("GOPROXY", " off "),
        ],
        *[("GOPROXY", "https://user:word@proxy.corp:8443/go?x=%zz"), ("GOPROXY", "http://[::1]:8080,file:///srv/go")],
        *[
            ("GOSUMDB", "sum.golang.org https://sum.golang.google.cn"),
            ("GOSUMDB", "sum.golang.org sum.golang.google.cn"),
        ],
        ("GOSUMDB", "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"),
        *[
            ("GOTOOLCHAIN", "go1.21-corp"),
            ("GOTOOLCHAIN", "go1.22.0+path"),
            ("GOTOOLCHAIN", "go1.20"),
            ("GOBIN", "/a~/b"),
        ],
        *[
            ("GOPRIVATE", "[!-~]*.corp,a\\*b/"),
            ("GOVCS", "private:all, public : git | hg"),
            ("GOAUTH", "netrc; git /r"),
        ],
        *[
            ("GOAUTH", "/usr/bin/helper 'a b'"),
            ("GOFLAGS", "-buildvcs=auto -json -test.v"),
            ("GOCACHEPROG", "cache -x"),
        ],
        *[("GOEXPERIMENT", "whatever"), ("CGO_CFLAGS_ALLOW", "$("), ("CGO_LDFLAGS", "-Wl,-rpath,$ORIGIN/lib")],
    ],
)
def test_what_looks_odd_and_is_right_is_not_refused(key: str, value: str) -> None:
    assert refused_reason(key, value) is None


def _public_key(algorithm: int, name: str = "sum.corp.example") -> str:
    key = bytes([algorithm]) + bytes(range(32))
    digest = hashlib.sha256(f"{name}\n".encode() + key).hexdigest()[:8]
    return f"{name}+{digest}+{base64.b64encode(key).decode()}"


def test_a_public_key_is_refused_when_its_hash_is_wrong_or_its_algorithm_unknown() -> None:
    assert refused_reason("GOSUMDB", _public_key(1)) is None
    assert refused_reason("GOSUMDB", _public_key(1).replace("corp", "corb"))
    assert refused_reason("GOSUMDB", _public_key(2))


@pytest.mark.parametrize("value", ["https://user:secret@:x", "ftp://user:se/cret@a.b", "'https://user:secret@a.b'"])
def test_a_refusal_never_shows_the_password_of_an_address(value: str) -> None:
    reason = refused_reason("GOPROXY", value)
    assert reason is not None
    assert "xxxxx@" in reason
    assert "cret" not in reason


@pytest.mark.parametrize(
    ("key", "value", "risk"),
    [
        ("CC", "clang -x", "go starts clang in every build of a package with C"),
        ("GOFLAGS", "-v '-toolexec=/x/wrap -y'", "-toolexec starts /x/wrap for every compiler and linker run"),
        ("GOFLAGS", "--exec=/x/run", "-exec starts /x/run with every go run and go test"),
        ("GOFLAGS", "-overlay=/x.json", "-overlay puts the source files that /x.json names into every build"),
        ("GOFLAGS", "'-ldflags=-s -extld=/x/ld'", "-extld in -ldflags chooses the program that links, or its plugins"),
        ("GOAUTH", "netrc;/x/helper token", "go starts /x/helper with every download over https"),
        (
            "GOFLAGS",
            "-modfile=/x.mod",
            "-modfile takes the versions of modules, and what takes their place, from /x.mod",
        ),
        ("GOFLAGS", "-insecure", "-insecure fetches source code without encryption, from whoever answers"),
        ("GOINSECURE", "corp.example", "such modules are fetched without encryption, from whoever answers"),
        ("GOSUMDB", "off", "what servers send is built unchecked"),
        (
            "GOSUMDB",
            "sum.evil.example+b573e13f+AQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
            "what servers send is built by the word of sum.evil.example",
        ),
        (
            "GOPRIVATE",
            "corp.example,[^x]ithub.com/*",
            "[!x]ithub.com/* is also of public code, which is then built without go's database of checksums",
        ),
        ("GOAUTH", "git /r", "go asks git in /r for passwords, and git runs the helper that is set up there"),
        ("GOVCS", "a.b:git,*:svn|bzr", "servers of * may make go start bzr and svn, where its default is git and hg"),
        (
            "GOVCS",
            "*:all",
            "servers of * may make go start any version control program, where its default is git and hg",
        ),
        ("GOCACHEPROG", "'/a b/cache' -x", "go starts /a b/cache with every build"),
        ("PKG_CONFIG", "/x/pkg-config", "go starts /x/pkg-config in builds of packages that ask for it"),
        (
            "CGO_CFLAGS",
            "-O2 -fplugin=/x.so",
            "-fplugin makes the compiler or linker load a program or plugin in every build with C",
        ),
        (
            "CGO_LDFLAGS_ALLOW",
            ".*",
            "the source code of packages may pass such flags to the compiler and linker, which can run programs",
        ),
    ],
)
def test_a_value_that_runs_code_later_is_named_with_the_moment(key: str, value: str, risk: str) -> None:
    assert runs_program(key, value) == risk


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *[
            ("CC", "gcc"),
            ("CC", ""),
            ("GOFLAGS", "-mod=mod -trimpath"),
            ("GOFLAGS", "-toolexec="),
            ("GOFLAGS", "-ldflags=-w"),
        ],
        *[("GOAUTH", "netrc"), ("GOAUTH", "off"), ("GOVCS", "public:git|hg,private:all"), ("GOVCS", "*:off")],
        *[("CGO_CFLAGS", "-O2 -I/opt/x-B/include"), ("CGO_LDFLAGS", "-Wl,-Bstatic"), ("CGO_CFLAGS_DISALLOW", ".*")],
        *[("GOPROXY", "off"), ("GOBIN", "/x"), ("GOFLAGS", "-insecure=false"), ("GOSUMDB", "sum.golang.org")],
        *[("GOSUMDB", "sum.golang.org https://sum.example.com"), ("GOSUMDB", "sum.golang.google.cn")],
        *[("GOPRIVATE", "*.corp.example,git.example.com/*"), ("GONOSUMDB", "github.com/corp"), ("GOPRIVATE", ",")],
    ],
)
def test_a_value_that_starts_nothing_new_is_no_risk(key: str, value: str) -> None:
    assert runs_program(key, value) is None


def test_every_variable_is_described_in_one_line_without_a_period() -> None:
    assert KNOWN_KEYS.keys().isdisjoint(UNCHANGEABLE_KEYS)
    assert ENVIRONMENT_KEYS.isdisjoint(KNOWN_KEYS)
    assert all(text and "\n" not in text and not text.endswith(".") for text in KNOWN_KEYS.values())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a  b\tc", ("a", "b", "c")),
        ("'a b'\"c'd\"e", ("a b", "c'd", "e")),
        ("a'b c'd", ("a'b", "c'd")),
        ("'' \"\" a", ("", "", "a")),
        (" ", ()),
    ],
)
def test_quotes_count_at_the_beginning_of_a_word_only(value: str, words: tuple[str, ...]) -> None:
    assert quoted_fields(value) == words


@pytest.mark.parametrize("value", ["'a", 'a "b', "'a' '"])
def test_a_quote_that_nothing_closes_cannot_be_split(value: str) -> None:
    with pytest.raises(UnterminatedQuoteError):
        quoted_fields(value)


@given(ANY_KEY, ANY_VALUE)
def test_any_value_of_any_key_gets_a_verdict_in_one_form(key: str, value: str) -> None:
    reason = refused_reason(key, value)
    assert reason is None or (not reason.endswith(".") and ": " in reason)
    assert runs_program(key, value) is None or isinstance(runs_program(key, value), str)


@given(st.sampled_from(sorted(KNOWN_KEYS)), ANY_VALUE)
def test_a_value_that_would_break_the_file_is_always_refused(key: str, value: str) -> None:
    assert refused_reason(key, f"{value}\nGOFLAGS=-toolexec=/x")


@given(st.text("[]\\^-a", min_size=1, max_size=30))
def test_only_brackets_and_backslashes_make_a_pattern_invalid_and_long_ones_are_judged_at_once(pattern: str) -> None:
    assert refused_reason("GOPRIVATE", pattern * 200) is None or "[" in pattern or "\\" in pattern
