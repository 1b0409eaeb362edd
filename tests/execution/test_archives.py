"""Archives are looked at before they are sent: what passes stays in its directory, under the tars that machines have."""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import io
import lzma
import os
import random
import shutil
import stat
import subprocess
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from reconciler.execution.archive_members import MOST_BYTES, ArchiveRefusedError, Kind, Members
from reconciler.execution.archives import ready
from reconciler.execution.blobs import Blob
from reconciler.model.tasks import MARKER

COMPRESSED: Mapping[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


def blob(data: bytes) -> Blob:
    file = tempfile.TemporaryFile()  # noqa: SIM115  # a blob is an open file
    file.write(data)
    file.flush()
    return Blob.of(file)  # type: ignore[arg-type]


def member(
    name: str, data: bytes = b"", *, kind: bytes = tarfile.REGTYPE, **fields: object
) -> tuple[tarfile.TarInfo, bytes]:
    found = tarfile.TarInfo(name)
    found.size, found.type = len(data), kind
    for key, value in fields.items():
        setattr(found, key, value)
    return found, data


def link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, kind=tarfile.SYMTYPE, linkname=target)


def hard_link(name: str, target: str) -> tuple[tarfile.TarInfo, bytes]:
    return member(name, kind=tarfile.LNKTYPE, linkname=target)


def tar(*members: tuple[tarfile.TarInfo, bytes], form: int = tarfile.GNU_FORMAT) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as archive:
        for info, data in members:
            archive.addfile(info, io.BytesIO(data))
    return stream.getvalue()


def packed(members: Mapping[str | zipfile.ZipInfo, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return stream.getvalue()


def entry(name: str, mode: int, *, system: int = 3) -> zipfile.ZipInfo:
    found = zipfile.ZipInfo(name, (2024, 2, 3, 4, 5, 6))
    found.external_attr, found.create_system = mode << 16, system
    return found


def why(data: bytes, room: Path, strip: int = 0) -> str:
    with pytest.raises(ArchiveRefusedError) as caught:
        ready(blob(data), strip, room)
    return str(caught.value)


# ---- tar


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT])
@pytest.mark.parametrize("how", COMPRESSED)
def test_a_good_archive_is_sent_as_it_is(how: str, form: int, tmp_path: Path) -> None:
    names = ["with blank", "-rf", "$HOME", "back\\slash", "line\nend", "grüße", "not-utf8-\udcff", "x" * 90]
    archive = tar(
        *(member(f"top/{name}", name.encode("utf-8", "surrogateescape")) for name in names),
        member("top/bin", kind=tarfile.DIRTYPE, mode=0o2775),
        member("top/bin/run", b"x" * 100_000, mode=0o755),
        link("top/current", "bin/run"),
        link("top/bin/up", "../with blank"),
        hard_link("top/again", "top/bin/run"),
        member("README", b"beside"),
        form=form,
    )
    found = blob(COMPRESSED[how](archive))
    assert ready(found, 1, tmp_path) is found
    assert list(tmp_path.iterdir()) == []


def test_streams_one_after_another_are_one_archive(tmp_path: Path) -> None:
    archive = tar(member("a", os.urandom(3000)), member("b", os.urandom(3000)))
    for how in COMPRESSED.values():
        joined = how(archive[:4000]) + how(archive[4000:])
        ready(blob(joined), 0, tmp_path)
    ready(blob(lzma.compress(archive[:4000]) + bytes(8) + lzma.compress(archive[4000:]) + bytes(4)), 0, tmp_path)


HOSTILE: Mapping[str, tuple[bytes, str]] = {
    "absolute name": (tar(member("/etc/passwd")), "/etc/passwd has an absolute name"),
    "up": (tar(member("../x")), "../x has a name with .."),
    "up within": (tar(member("a/../../x")), "a/../../x has a name with .."),
    "absolute link": (tar(link("l", "/etc/passwd")), "l is a link that leads out of the directory, to /etc/passwd"),
    "link up": (tar(link("a/l", "../../x")), "a/l is a link that leads out of the directory, to ../../x"),
    "link down and up": (tar(link("a", "."), link("l", "a/../..")), "l is a link that leads out"),
    "link with two slashes": (tar(link("a/b/l", "..//../../x")), "a/b/l is a link that leads out"),
    "link to nothing": (tar(link("l", "")), "l is a link that leads out"),
    "below a link": (tar(member("d", kind=tarfile.DIRTYPE), link("l", "d"), member("l/x")), "l/x lies below a link"),
    "below a link but for case": (tar(link("L", "d"), member("l/x")), "l/x lies below a link"),
    "twice": (tar(member("a"), link("a", "b")), "a is there twice, once as a link"),
    "twice but for case": (tar(link("A", "b"), member("a")), "a is there twice, once as a link"),
    "hard link out": (
        tar(hard_link("h", "/etc/passwd")),
        "h has an absolute name",
    ),
    "hard link to nothing": (
        tar(hard_link("h", "x")),
        "h is a hard link to x, which is not in the archive before it",
    ),
    "hard link to a link": (tar(link("l", "x"), hard_link("h", "l")), "h is a hard link to l"),
    "fifo": (tar(member("p", kind=tarfile.FIFOTYPE)), "p is no file, directory or link"),
    "device": (tar(member("p", kind=tarfile.CHRTYPE)), "p is no file, directory or link"),
    "volume": (tar(member("p", kind=b"V")), "p is no file, directory or link"),
    "setuid": (tar(member("s", mode=0o4755)), "s is setuid or setgid"),
    "setgid": (tar(member("s", mode=0o2755)), "s is setuid or setgid"),
    "marker": (tar(member(f"./{MARKER}")), f"./{MARKER} is the name of reconcile's own marker"),
    "nothing": (tar(), "it holds nothing"),
    "large": (member("a", size=MOST_BYTES + 1)[0].tobuf(tarfile.GNU_FORMAT), "it holds more than 20 GB: a is too much"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_reaches_out_is_refused_by_name(name: str, tmp_path: Path) -> None:
    data, words = HOSTILE[name]
    assert why(gzip.compress(data), tmp_path).startswith(words)


def test_what_counts_is_what_is_left_of_a_name(tmp_path: Path) -> None:
    archive = tar(member(f"top/{MARKER}"), member("other/a"))
    assert f"top/{MARKER} is the name" in why(archive, tmp_path, strip=1)
    ready(blob(archive), 0, tmp_path)
    assert "leads out" in why(tar(link("top/a/l", "../../x")), tmp_path, strip=1)
    assert why(archive, tmp_path, strip=2) == "it holds nothing below 2 leading components"
    ready(blob(tar(member("./top", kind=tarfile.DIRTYPE), member("./top/a"))), 2, tmp_path)


def test_names_that_differ_in_case_are_two_names(tmp_path: Path) -> None:
    """terminfo has both A and a."""
    ready(blob(tar(member("A/x"), member("a/x"), member("a/X"))), 0, tmp_path)


def test_too_many_members_are_refused() -> None:
    members = Members(0, most=5000)
    for number in range(5000):
        members.add(f"d/{number}", Kind.FILE)
    with pytest.raises(ArchiveRefusedError, match="more than 5,000 members: d/last is the next"):
        members.add("d/last", Kind.FILE)


def dictionary(size_code: int) -> bytes:
    """An xz stream whose decoder has to keep much in memory."""
    data = bytearray(lzma.compress(tar(member("a"))))
    assert data[14:16] == b"\x21\x01"
    data[16] = size_code
    length = (data[12] + 1) * 4
    data[12 + length - 4 : 12 + length] = zlib.crc32(data[12 : 12 + length - 4]).to_bytes(4, "little")
    return bytes(data)


BROKEN: Sequence[tuple[bytes, str]] = (
    (b"", "empty"),
    (b"\n", "truncated"),
    (b"<html>" * 200, "invalid header"),
    (tar(member("a", b"x" * 5000))[:3000], "unexpected end of data"),
    (gzip.compress(tar(member("a", os.urandom(5000))))[:3000], "end"),
    (bz2.compress(tar(member("a", os.urandom(50_000))))[:3000], "end"),
    (lzma.compress(tar(member("a", os.urandom(50_000))))[:3000], "ends in the middle"),
    (gzip.compress(b"no tar"), "truncated"),
    (b"\x1f\x8b\x08broken" * 90, ""),
    (b"\xfd7zXZ\0broken" * 90, ""),
    (dictionary(37), "emory"),
    (tar(member("a", b"x" * 1024))[:1536] + b"garbage" * 100, "damaged at byte 1536"),
)


@pytest.mark.parametrize("number", range(len(BROKEN)))
def test_what_is_no_whole_archive_is_refused(number: int, tmp_path: Path) -> None:
    data, words = BROKEN[number]
    said = why(data, tmp_path)
    assert said.startswith("it is no whole archive (tar, also with gzip, xz or bzip2, or zip): ")
    assert words in said


def test_a_long_description_of_a_member_is_not_read_into_memory(tmp_path: Path) -> None:
    for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME):
        header, _ = member("x", kind=kind, size=3_000_000_000)
        packer = zlib.compressobj(9, zlib.DEFLATED, 31)
        data = packer.compress(header.tobuf(tarfile.GNU_FORMAT))
        data += b"".join(packer.compress(bytes(1_000_000)) for _ in range(20)) + packer.flush()
        assert "name or description is too long" in why(data, tmp_path)


# ---- zip


def test_a_zip_is_repacked_as_tar(tmp_path: Path) -> None:
    data = packed(
        {
            entry("top/", stat.S_IFDIR | 0o755): b"",
            entry("top/run", stat.S_IFREG | 0o755): b"#!" * 50_000,
            entry("top/dos", stat.S_IFREG | 0o777, system=0): b"dos",
            entry("top/link", stat.S_IFLNK | 0o777): b"run",
            "top/grüße": b"utf-8",
            "not-utf8-?": b"odd",
        }
    ).replace(b"not-utf8-?", b"not-utf8-\xff")

    found = ready(blob(data), 0, tmp_path)

    assert found.digest == hashlib.sha256(b"".join(found.pieces())).hexdigest()
    with tarfile.open(fileobj=io.BytesIO(b"".join(found.pieces())), errors="surrogateescape") as archive:
        seen = {item.name: (item.type, oct(item.mode), _content(archive, item)) for item in archive}
        times = {item.mtime for item in archive if item.name == "top/run"}
    assert seen == {
        "top": (tarfile.DIRTYPE, "0o755", ""),
        "top/run": (tarfile.REGTYPE, "0o755", b"#!" * 50_000),
        "top/dos": (tarfile.REGTYPE, "0o644", b"dos"),
        "top/link": (tarfile.SYMTYPE, "0o777", "run"),
        "top/grüße": (tarfile.REGTYPE, "0o600", b"utf-8"),
        "not-utf8-\udcff": (tarfile.REGTYPE, "0o600", b"odd"),
    }
    assert times == {1706933106}
    assert list(tmp_path.iterdir()) == [], "the file has no name"


def _content(archive: tarfile.TarFile, item: tarfile.TarInfo) -> object:
    found = archive.extractfile(item) if item.isfile() else None
    return item.linkname if found is None else found.read()


def encrypted() -> bytes:
    data = bytearray(packed({"a": b"x"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


WRONG_ZIPS: Sequence[tuple[bytes, str]] = (
    (packed({"/etc/passwd": b""}), "/etc/passwd has an absolute name"),
    (packed({"../x": b""}), "../x has a name with .."),
    (packed({entry("l", stat.S_IFLNK): b"../x"}), "l is a link that leads out"),
    (packed({entry("p", stat.S_IFIFO): b""}), "p is no file, directory or link"),
    (packed({entry("s", stat.S_IFREG | 0o4755): b""}), "s is setuid or setgid"),
    (packed({MARKER: b""}), f"{MARKER} is the name of reconcile's own marker"),
    (packed({}), "it holds nothing"),
    (encrypted(), "a is encrypted"),
    (packed({"a": os.urandom(5000)})[:3000], "it is no whole zip archive: "),
    (packed({"a": b"x"}).replace(zlib.crc32(b"x").to_bytes(4, "little"), b"1234"), "it is no whole zip archive"),
    (b"PK\x03\x04" + bytes(100), "it is no whole zip archive"),
    (packed({"x": b"x"}).replace(b"x", b"\0"), "it is no whole zip archive"),
)


@pytest.mark.parametrize("number", range(len(WRONG_ZIPS)))
def test_a_zip_that_does_wrong_is_refused(number: int, tmp_path: Path) -> None:
    data, words = WRONG_ZIPS[number]
    assert why(data, tmp_path).startswith(words)


def test_a_zip_that_says_less_than_it_holds_gives_no_more(tmp_path: Path) -> None:
    data = packed({"a": bytes(10_000_000)})
    place = data.index(b"PK\x01\x02") + 24
    hurt = data[:place] + (10).to_bytes(4, "little") + data[place + 4 :]
    assert "it is no whole zip archive" in why(hurt, tmp_path)


def test_without_room_a_zip_is_not_repacked(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No such file"):
        ready(blob(packed({"a": b"x"})), 0, tmp_path / "gone")


# ---- any bytes at all


@pytest.mark.parametrize("seed", range(6))
def test_hurt_archives_are_refused_or_fine_and_nothing_else_happens(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    inner = tar(member("a", b"x" * 700), link("b", "a"), hard_link("c", "a"), form=[0, 1, 2][seed % 3])
    zipped = packed({"a": b"x" * 700, entry("l", stat.S_IFLNK): b"a"})
    for data in (inner, gzip.compress(inner), lzma.compress(inner), bz2.compress(inner), zipped):
        for _ in range(60):
            hurt = bytearray(data)
            for _ in range(chance.randint(1, 4)):
                hurt[chance.randrange(len(hurt))] = chance.choice((0, 0x37, 0xFF, chance.randrange(256)))
            cut = bytes(hurt[: chance.choice((None, chance.randrange(len(hurt))))])
            with suppress(ArchiveRefusedError):
                ready(blob(cut), chance.choice((0, 1)), tmp_path)


PARTS = ("a", "b", "A", "..", ".", "", "c")


def any_member(chance: random.Random) -> tuple[tarfile.TarInfo, bytes]:
    def path() -> str:
        return "/".join(chance.choice(PARTS) for _ in range(chance.randint(1, 4)))

    kinds = (tarfile.REGTYPE, tarfile.REGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE)
    kind = chance.choice(kinds)
    is_link = kind in (tarfile.SYMTYPE, tarfile.LNKTYPE)
    return member(
        path(), b"new" if kind == tarfile.REGTYPE else b"", kind=kind, linkname=path() if is_link else "", mode=0o755
    )


def _is_circle(place: Path) -> bool:
    try:
        place.stat()
    except OSError as error:
        return error.errno == errno.ELOOP
    return False


@pytest.mark.parametrize("program", [("tar",), ("busybox", "tar")], ids=["GNU tar", "busybox"])
def test_what_passes_stays_inside_whatever_unpacks_it(program: tuple[str, ...], tmp_path: Path) -> None:
    found = shutil.which(program[0]) or pytest.skip(f"{program[0]} is not installed")
    chance = random.Random(program[-1])
    passed = links = 0
    for number in range(400):
        archive = tar(*(any_member(chance) for _ in range(chance.randint(1, 5))))
        strip = chance.choice((0, 0, 1))
        try:
            ready(blob(archive), strip, tmp_path)
        except ArchiveRefusedError:
            continue
        passed += 1
        folder = tmp_path / f"{number}/deep/er"
        folder.mkdir(parents=True)
        (folder.parent / "a").write_bytes(b"old")
        subprocess.run(
            [found, *program[1:], "-xof", "-", "--strip-components", str(strip), "-C", str(folder)],
            input=archive,
            capture_output=True,
            timeout=10,
        )
        assert {place.name for place in folder.parent.iterdir()} == {"a", "er"}
        assert (folder.parent / "a").read_bytes() == b"old"
        for place in folder.rglob("*"):
            if place.is_symlink() and not _is_circle(place):
                links += 1
                end = os.path.realpath(place)
                assert end == str(folder) or end.startswith(f"{folder}/"), (place, place.readlink())
    assert passed > 50 and links > 5
