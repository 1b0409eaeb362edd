"""The variables of the go command, as data. Source: internal/cfg/cfg.go, cmd/go/internal/envcmd, `go help environment`.

The list belongs to one release: an older go ignores a line that it does not know, a newer one may know more.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

GO_VERSION = "1.27.3"

KNOWN_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "AR": "the archiver that builds with gccgo run",
        "CC": "the command that compiles C",
        "CGO_CFLAGS": "flags for the C compiler, beside those in the source",
        "CGO_CFLAGS_ALLOW": "a regular expression of more C flags that source code may ask for",
        "CGO_CFLAGS_DISALLOW": "a regular expression of C flags that source code may not ask for",
        "CGO_CPPFLAGS": "flags for the C preprocessor, beside those in the source",
        "CGO_CPPFLAGS_ALLOW": "a regular expression of more preprocessor flags that source code may ask for",
        "CGO_CPPFLAGS_DISALLOW": "a regular expression of preprocessor flags that source code may not ask for",
        "CGO_CXXFLAGS": "flags for the C++ compiler, beside those in the source",
        "CGO_CXXFLAGS_ALLOW": "a regular expression of more C++ flags that source code may ask for",
        "CGO_CXXFLAGS_DISALLOW": "a regular expression of C++ flags that source code may not ask for",
        "CGO_ENABLED": "whether packages may use C: 0 or 1; by default 1 where a C compiler is found",
        "CGO_FFLAGS": "flags for the Fortran compiler, beside those in the source",
        "CGO_FFLAGS_ALLOW": "a regular expression of more Fortran flags that source code may ask for",
        "CGO_FFLAGS_DISALLOW": "a regular expression of Fortran flags that source code may not ask for",
        "CGO_LDFLAGS": "flags for the linker, beside those in the source",
        "CGO_LDFLAGS_ALLOW": "a regular expression of more linker flags that source code may ask for",
        "CGO_LDFLAGS_DISALLOW": "a regular expression of linker flags that source code may not ask for",
        "CXX": "the command that compiles C++",
        "FC": "the command that compiles Fortran",
        "GCCGO": "the command that `go build -compiler=gccgo` runs",
        "GO111MODULE": "whether go works with modules: on (the default), off or auto",
        "GO386": "floating point for GOARCH=386: sse2 (the default) or softfloat",
        "GOAMD64": "the oldest processor for GOARCH=amd64: v1 (the default) to v4",
        "GOARCH": "the processor to build for",
        "GOARM": "the oldest processor for GOARCH=arm: 5, 6 or 7, with ,softfloat or ,hardfloat",
        "GOARM64": "the oldest processor for GOARCH=arm64: v8.0 (the default) to v9.5, with ,lse or ,crypto",
        "GOAUTH": "where passwords for https come from: netrc (the default), off, git DIRECTORY or a command",
        "GOBIN": "the folder that `go install` puts programs in; by default bin in the first GOPATH folder",
        "GOCACHE": "the folder of build results; by default ~/.cache/go-build",
        "GOCACHEPROG": "a command that keeps build results in go's place",
        "GOEXPERIMENT": "experiments of the toolchain to switch on or, with no in front, off",
        "GOFIPS140": "the FIPS 140 mode of built programs: off (the default), latest, inprocess, certified or v1.Y.Z",
        "GOFLAGS": "flags for every go command that knows them",
        "GOINSECURE": "module paths that may be fetched without checking who answers",
        "GOMIPS": "floating point for GOARCH=mips: hardfloat (the default) or softfloat",
        "GOMIPS64": "floating point for GOARCH=mips64: hardfloat (the default) or softfloat",
        "GOMODCACHE": "the folder of downloaded modules; by default pkg/mod in the first GOPATH folder",
        "GONOPROXY": "module paths to fetch without a proxy; by default those of GOPRIVATE",
        "GONOSUMDB": "module paths not to look up in the checksum database; by default those of GOPRIVATE",
        "GOOS": "the operating system to build for",
        "GOPATH": "folders for modules and installed programs; by default ~/go",
        "GOPPC64": "the oldest processor for GOARCH=ppc64: power8 (the default), power9 or power10",
        "GOPRIVATE": "module paths that are fetched without a proxy and without the checksum database",
        "GOPROXY": "where modules come from; by default https://proxy.golang.org,direct",
        "GORISCV64": "the oldest processor for GOARCH=riscv64: rva20u64 (the default), rva22u64 or rva23u64",
        "GOSUMDB": "the checksum database; by default sum.golang.org",
        "GOTMPDIR": "the folder for temporary files of builds",
        "GOTOOLCHAIN": "which go runs: auto (the default), local, path or a release",
        "GOVCS": "which version control programs may fetch which modules",
        "GOWASM": "features for GOARCH=wasm",
        "GO_EXTLINK_ENABLED": "whether programs with C are linked by the C compiler: 0 or 1",
        "PKG_CONFIG": "the pkg-config program that builds with C run",
    }
)
"""What `go env -w` of go 1.27.3 on Linux lets one set, with what it is for."""

UNCHANGEABLE_KEYS: Mapping[str, str] = MappingProxyType(
    {
        "GOEXE": "it follows from GOOS: set GOOS",
        "GOGCCFLAGS": "it is computed: set CGO_CFLAGS",
        "GOHOSTARCH": "it says what go was built for: set GOARCH",
        "GOHOSTOS": "it says what go was built for: set GOOS",
        "GOMOD": "it is the go.mod of the current folder: use -modfile in GOFLAGS",
        "GOROOT": "go finds its own folder: put the bin folder of the go you want first in PATH",
        "GOTELEMETRY": "it is no line of this file: run `go telemetry off`",
        "GOTELEMETRYDIR": "it follows from the config folder: leave it out",
        "GOTOOLDIR": "it follows from the folder of go: leave it out",
        "GOVERSION": "it says which go runs: set GOTOOLCHAIN",
        "GOWORK": "it belongs to one folder: write a go.work file there, or export GOWORK=off in that shell",
    }
)
"""What `go env` prints and `go env -w` refuses to change: why, and what to do."""

ENVIRONMENT_KEYS = frozenset(
    {
        "GCCGOTOOLDIR",
        "GIT_ALLOW_PROTOCOL",
        "GOCOVERDIR",
        "GODEBUG",
        "GOENV",
        "GOGC",
        "GOMAXPROCS",
        "GOMEMLIMIT",
        "GOPACKAGESDRIVER",
        "GOTRACEBACK",
        "HTTPS_PROXY",
        "HTTP_PROXY",
        "NETRC",
        "NO_PROXY",
    }
)
"""What go, its tools and the programs built with it read from the process environment, and from nowhere else."""

OPERATING_SYSTEMS = (
    *("aix", "android", "darwin", "dragonfly", "freebsd", "illumos", "ios", "js", "linux"),
    *("netbsd", "openbsd", "plan9", "solaris", "wasip1", "windows"),
)
ARCHITECTURES = (
    *("386", "amd64", "arm", "arm64", "loong64", "mips", "mips64", "mips64le", "mipsle"),
    *("ppc64", "ppc64le", "riscv64", "s390x", "sparc64", "wasm"),
)
"""GOOS and GOARCH one by one. Which pairs exist, only go knows."""
