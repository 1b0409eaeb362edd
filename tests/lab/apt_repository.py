"""Packages for tests of apt, built on the machine by dpkg-deb, and a repository of them that needs no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote

from lab.machine import Machine

FOLDER = "/srv/apt"
BUILD_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """`files` are texts by absolute path; those below /etc are conffiles, as debhelper would have it.

    `scripts` are bodies for /bin/sh by name (preinst, postinst, prerm, postrm), `fields` more lines of control.
    """

    name: str
    version: str = "1.0"
    depends: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)


EXAMPLES: Sequence[Package] = (
    Package(name="hello", version="1.0", files={"/usr/bin/hello": "echo one\n", "/etc/hello.conf": "one\n"}),
    Package(name="hello", version="2.0", files={"/usr/bin/hello": "echo two\n", "/etc/hello.conf": "two\n"}),
    Package(name="greeter", depends="hello", files={"/usr/bin/greeter": "hello\n"}),
    Package(name="broken", scripts={"postinst": "echo it cannot be configured >&2; exit 3"}),
    Package(name="lonely", depends="nothing-has-this-name"),
)
"""Two versions of one, one that needs it, one whose installation fails, one that cannot be installed."""


def publish(
    machine: Machine,
    packages: Sequence[Package] = EXAMPLES,
    *,
    suite: str = "lab",
    origin: str = "Lab",
    has_source: bool = True,
) -> str:
    """The line for a sources.list, which is in /etc/apt/sources.list.d/SUITE.list unless `has_source` is False.

    Another call for the same suite replaces what it had. Nobody runs `apt-get update` here.
    """
    line = f"deb [trusted=yes] file:{FOLDER} {suite} main"
    script = [f"set -eu; umask 022; rm -rf {FOLDER}/dists/{suite} /tmp/build; mkdir -p /tmp/build"]
    for number, package in enumerate(packages):
        script += _build(package, f"/tmp/build/{number}", f"{FOLDER}/dists/{suite}/pool")
    script.append(f"folder={FOLDER} suite={quote(suite)} origin={quote(origin)}\n{INDEX}")
    if has_source:
        script.append(f"echo {quote(line)} >/etc/apt/sources.list.d/{suite}.list")
    machine.commander.succeed(["/bin/sh", "-s"], input="\n".join(script).encode(), timeout=BUILD_SECONDS)
    return line


def _build(package: Package, tree: str, pool: str) -> Iterator[str]:
    control = {
        "Package": package.name,
        "Version": package.version,
        "Architecture": "all",
        "Maintainer": "Lab <lab@example.org>",
        "Description": f"{package.name} of the lab",
        **({"Depends": package.depends} if package.depends else {}),
        **package.fields,
    }
    yield f"mkdir -p {tree}/DEBIAN {pool}"
    yield _write(f"{tree}/DEBIAN/control", "".join(f"{name}: {value}\n" for name, value in control.items()))
    for path, text in package.files.items():
        is_program = "/bin/" in path or "/sbin/" in path
        yield _write(f"{tree}{path}", f"#!/bin/sh\n{text}" if is_program else text, mode="755" if is_program else "644")
    if conffiles := [path for path in package.files if path.startswith("/etc/")]:
        yield _write(f"{tree}/DEBIAN/conffiles", "".join(f"{path}\n" for path in conffiles))
    for name, body in package.scripts.items():
        yield _write(f"{tree}/DEBIAN/{name}", f"#!/bin/sh\n{body}\n", mode="755")
    yield f"dpkg-deb --root-owner-group -Znone --build {tree} {pool} >/dev/null"


def _write(path: str, text: str, *, mode: str = "644") -> str:
    return (
        f"mkdir -p {quote(path.rpartition('/')[0])}; printf %s {quote(text)} >{quote(path)}; chmod {mode} {quote(path)}"
    )


# Runs where the packages are; what apt-ftparchive would say of them.
INDEX = """\
cd "$folder"
mkdir -p "dists/$suite/pool"
architecture=$(dpkg --print-architecture)
index=main/binary-$architecture/Packages
mkdir -p "dists/$suite/${index%/*}"
for file in "dists/$suite/pool"/*.deb; do
  [ -e "$file" ] || continue
  dpkg-deb --field "$file"
  read -r sum _ <<SUM
$(sha256sum "$file")
SUM
  printf 'Filename: %s\\nSize: %s\\nSHA256: %s\\n\\n' "$file" "$(stat -c %s "$file")" "$sum"
done >"dists/$suite/$index"
cd "dists/$suite"
read -r sum _ <<SUM
$(sha256sum "$index")
SUM
cat >Release <<RELEASE
Origin: $origin
Label: $origin
Suite: $suite
Codename: $suite
Date: $(LC_ALL=C date -u '+%a, %d %b %Y %H:%M:%S UTC')
Architectures: $architecture
Components: main
SHA256:
 $sum $(stat -c %s "$index") $index
RELEASE
rm -rf /tmp/build
"""
