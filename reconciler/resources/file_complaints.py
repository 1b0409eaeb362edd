"""What documents may not say of a file: words that do not go together, and downloads that could be anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.model.address import Layer
from reconciler.model.schema import Complaint
from reconciler.model.secrets import SecretText

CONTENT_FIELDS: Final = ("content", "source", "template", "url", "block")
_OF_BLOCKS: Final = ("position", "comment")
_NOT_OF_BLOCKS: Final = ("mode", "owner", "group", "newline")
_OF_DOWNLOADS: Final = ("sha256", "archive", "strip", "via")
_WITH_USER: Final = re.compile(r"\w+://[^/?#]*@")
_BY_HAND: Final = "serve it without one, or put the file into the cache by hand: see the docs of files"

Fields = Mapping[str, object]


def complaints(layer: Layer, name: str, fields: Fields) -> tuple[Complaint, ...]:
    return tuple(_complaints(layer, name, fields))


def _complaints(layer: Layer, name: str, fields: Fields) -> Iterator[Complaint]:
    given = [key for key in CONTENT_FIELDS if key in fields]
    if len(given) > 1:
        yield Complaint(f"{name} has {' and '.join(given)}; one file has one content", field=given[1])
    yield from _of_block(name, fields)
    if "url" in fields:
        yield from _of_download(name, fields)
    else:
        for key in _OF_DOWNLOADS:
            if key in fields:
                yield Complaint(f"{name} has {key} without url", fix="add  url:, or take it out", field=key)
    if fields.get("archive") is True:
        yield from _of_archive(layer, name, fields)


def _of_block(name: str, fields: Fields) -> Iterator[Complaint]:
    block = fields.get("block")
    wrong = _NOT_OF_BLOCKS if "block" in fields else _OF_BLOCKS
    how = "with block, and the rest of the file is others'" if "block" in fields else "without block"
    for key in wrong:
        if key in fields:
            yield Complaint(f"{name} has {key} {how}", fix="take it out", field=key)
    if isinstance(block, SecretText):
        fix = "put it into a file of its own, with  content:"
        yield Complaint(f"the block in {name} would hold a secret, and others may read that file", fix, "block")
    elif isinstance(block, str) and any(mark in block for mark in (">>> reconcile ", "<<< reconcile ")):
        yield Complaint(f"the block in {name} holds a marker of blocks", fix="take that line out", field="block")


def _of_download(name: str, fields: Fields) -> Iterator[Complaint]:
    url = fields["url"]
    if "sha256" not in fields:
        fix = "add  sha256: of the very bytes you looked at, as sha256sum prints it"
        yield Complaint(f"{name} has url without sha256; whoever serves it could change it any day", fix, "url")
    if isinstance(url, SecretText):
        yield Complaint(f"the url of {name} would hold a secret, and everyone sees what is fetched", _BY_HAND, "url")
    elif isinstance(url, str) and _WITH_USER.match(url):
        yield Complaint(f"the url of {name} names a user, and everyone sees what is fetched", _BY_HAND, "url")
    if "newline" in fields:
        yield Complaint(f"{name} has newline; a download keeps its bytes", fix="take it out", field="newline")
    if fields.get("via") == "target" and isinstance(url, str):
        if url.startswith("file:"):
            yield Complaint(f"{name} is a file of this machine; no other can fetch it", "take  via: target  out", "via")
        elif fields.get("archive") is True and url.partition("?")[0].lower().endswith(".zip"):
            what = f"{name} is a zip, which is repacked here; machines unpack tar, also with gzip, xz or bzip2"
            yield Complaint(what, "take  via: target  out", "via")
    if "strip" in fields and fields.get("archive") is not True:
        yield Complaint(
            f"{name} has strip without archive: true", fix="add  archive: true, or take it out", field="strip"
        )


def _of_archive(layer: Layer, name: str, fields: Fields) -> Iterator[Complaint]:
    mode, owner = fields.get("mode"), fields.get("owner")
    if fields.get("follow") is True:
        yield Complaint(f"{name} is a directory; follow is for files", fix="take it out", field="follow")
    if isinstance(mode, str) and not int(mode, 8) & 0o111:
        yield Complaint(
            f"the mode of {name} is a directory's; with {mode} nobody could enter it", 'such as "0755"', "mode"
        )
    if layer is not Layer.DISTRO:
        return
    if isinstance(mode, str) and int(mode, 8) & 0o022:
        what = f"with mode {mode} others could change {name}, and root keeps out of such places"
        yield Complaint(what, 'write  mode: "0755"', "mode")
    if isinstance(owner, str) and owner != "root":
        what = f"{name} would be {owner}'s, and root keeps out of what others can change"
        yield Complaint(what, "declare it under user:", "owner")
