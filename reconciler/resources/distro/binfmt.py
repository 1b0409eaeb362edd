r"""Which programs run files that are no programs of this machine: the kernel's binfmt_misc.

Manages a registration by name: the file /etc/binfmt.d/NAME.conf, from which systemd-binfmt registers it at start, and the
kernel's own list, which inside WSL all distros share. One that says otherwise is replaced; the list as a whole is never
switched off or cleared. Where binfmt_misc is not mounted, only the file counts: a mount is another kind's. Takes effect at
once. `WSLInterop`, which starts Windows programs, exists inside WSL only. Bytes that are not visible ASCII, and `\`, are written `\xHH`, in single quotes.

    distro:
      binfmt:
        WSLInterop: {magic: MZ, interpreter: /init, flags: PF}
        java: {extension: jar, interpreter: /usr/bin/jexec}
        qemu-arm: {absent: true}

Source: Documentation/admin-guide/binfmt-misc.rst of Linux, binfmt.d(5).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler.formats import binfmt
from reconciler.formats.binfmt import Registration
from reconciler.model.address import Layer
from reconciler.model.claims import Need
from reconciler.model.facts import Fact, FactSheet, PathInfo, PathType
from reconciler.model.resource import Blocked, Fields, FileEdit, NotApplicable, Part, Resource, Seen, Unknown, Want
from reconciler.model.schema import Complaint, Integer, KindSchema, MapOf, Text, described, record_of
from reconciler.model.states import Phase, Risk
from reconciler.model.tasks import RunCommand
from reconciler.model.values import Absent
from reconciler.resources.folders import Folder
from reconciler.resources.kernel import LIVE, KernelKind

KERNEL: Final = "/proc/sys/fs/binfmt_misc"
_FILES: Final = Folder("/etc/binfmt.d", ".conf")
_WSL_INTEROP: Final = "WSLInterop"
_IN_KERNEL: Final = Folder(KERNEL, "")
_REGISTER: Final = f"{KERNEL}/register"
_REGISTERED: Final = "registered as declared"
_BYTES: Final = r"^([!-\[\]-~]|\\x[0-9A-Fa-f]{2})+$"
_COMMAND: Final = f'"for file in /etc/binfmt.d/*.conf; do cat $file >{_REGISTER}; done"'


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryFormat:
    interpreter: Annotated[
        str, Text(pattern=r"^/[^:\x00-\x20\x7f]*$", expected="an absolute path without blanks or :", fixed=True)
    ] = field(metadata=described("The program that such a file is handed to."))
    magic: Annotated[str | None, Text(pattern=_BYTES, expected=r"bytes such as MZ or \x7fELF", fixed=True)] = field(
        default=None, metadata=described(r"The bytes that such a file has; `\xHH` for those that are no visible ASCII.")
    )
    mask: Annotated[str | None, Text(pattern=_BYTES, expected=r"bytes such as \xff\x00", fixed=True)] = field(
        default=None, metadata=described("Which bits of the magic count, as many bytes; all, where there is no mask.")
    )
    offset: Annotated[int, Integer(minimum=0, maximum=binfmt.LAST_BYTE)] = field(
        default=0, metadata=described("Where in the file the magic stands.")
    )
    extension: Annotated[
        str | None,
        Text(pattern=r"^[^.:/\x00-\x20\x7f][^:/\x00-\x20\x7f]*$", expected="an extension without its dot", fixed=True),
    ] = field(default=None, metadata=described("The end of such a file's name, without the dot, in place of magic."))
    flags: Annotated[str, Text(pattern=r"^[POCF]*$", expected="some of the letters P, O, C and F", fixed=True)] = field(
        default="",
        metadata=described(
            "P keeps argv[0], O hands the file over open, C takes its rights, F opens the interpreter at once."
        ),
    )

    @property
    def registration(self) -> Registration:
        return binfmt.registration(
            interpreter=self.interpreter,
            magic=self.magic,
            mask=self.mask,
            offset=self.offset,
            extension=self.extension,
            flags=self.flags,
        )


class Binfmt(KernelKind):
    kind: ClassVar[str] = "binfmt"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        name = Text(
            pattern=r"^(?!(register|status|\.{1,2})$)[A-Za-z0-9._+-]{1,60}$",
            expected="a registration's name",
            fixed=True,
        )
        return KindSchema(
            items=MapOf(of=record_of(BinaryFormat), keys=name, expected="registrations of binfmt_misc by name"),
            description="Programs that run foreign files, by their magic bytes or extension.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        return frozenset({PathInfo(_REGISTER), *_FILES.facts(self.items), *_IN_KERNEL.facts(self.items)})

    def names(self, sheet: FactSheet) -> Iterable[str]:
        return self.items or _FILES.names(sheet)

    def has_kernel(self, sheet: FactSheet) -> bool:
        return not sheet.host.at_rest and sheet.path(_REGISTER).type is not PathType.MISSING

    def kept(self, name: str, sheet: FactSheet) -> str | Unknown | Blocked | None:
        text = _FILES.text(name, sheet)
        if not isinstance(text, str):
            return text
        found = binfmt.read_file(text, name)
        return binfmt.line_of(name, found) if found else text

    def live(self, name: str, sheet: FactSheet) -> str | Unknown | Blocked | None:
        text = _IN_KERNEL.text(name, sheet)
        if not isinstance(text, str):
            return text
        found = binfmt.read_status(text)
        return binfmt.line_of(name, found) if found else "switched off"

    def live_field(self, name: str, kept: str | None, live: str | None) -> str | None:
        return _REGISTERED if live is not None and live == (self.declared(name) or kept) else live

    def removed_live(self, name: str) -> bool:
        return isinstance(self.items.get(name), Absent)

    def want(self, name: str, item: object) -> Want:
        path = _FILES.file(name)
        if isinstance(item, Absent):
            return Want(owns=(path,), risks=frozenset({Risk.DELETES}))
        assert isinstance(item, BinaryFormat)
        rights = {Risk.GRANTS_RIGHTS} if "C" in item.flags else set()
        return Want(
            fields={**_fields(item.registration), LIVE: _REGISTERED},
            owns=(path,),
            risks=frozenset({Risk.RUNS_CODE_LATER} | rights),
        )

    def declared(self, name: str) -> str | None:
        item = self.items.get(name)
        return binfmt.line_of(name, item.registration) if isinstance(item, BinaryFormat) else None

    def fields(self, name: str, normal: str) -> Fields:
        found = binfmt.read_file(normal, name)
        return _fields(found) if found else {"interpreter": normal}

    def edit(self, name: str, normal: str | None) -> FileEdit:
        return _FILES.edit(name, None if normal is None else f"{normal}\n")

    def edit_needs(self, sheet: FactSheet) -> tuple[Need, ...]:
        return _FILES.needs(sheet)

    def load(self, name: str, normal: str | None, sheet: FactSheet) -> Sequence[Part] | Blocked:
        """The kernel changes none that it has: -1 takes it out first."""
        tasks = []
        if self.live(name, sheet) is not None:
            tasks.append(RunCommand(argv=("tee", f"{KERNEL}/{name}"), stdin=b"-1"))
        if normal is not None:
            tasks.append(RunCommand(argv=("tee", _REGISTER), stdin=normal.encode()))
        return (Part(thing=f"{KERNEL}/{name}", tasks=tuple(tasks), phase=Phase.RELOADS),)

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        if name == _WSL_INTEROP and not sheet.host.wsl:
            # Elsewhere /init may be another program, which every Windows program would then start.
            return NotApplicable("this is not WSL")
        return super().write(name, before, after, sheet)

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        declared = any(isinstance(item, BinaryFormat) for item in self.items.values())
        if not declared or sheet.host.at_rest:
            return ()
        if not self.has_kernel(sheet):
            return (f"binfmt_misc is not mounted at {KERNEL}: what is declared counts once it is, at the next start",)
        return self.start_remarks(_FILES.path, _COMMAND, sheet)


def _fields(found: Registration) -> dict[str, str | int | None]:
    """As a document says it."""
    how: dict[str, str | int | None] = {"magic": found.magic, "mask": found.mask, "offset": found.offset}
    if found.magic is None:
        how = {"extension": found.extension}
    return {**how, "interpreter": found.interpreter, "flags": found.flags}


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    magic, mask, offset = fields.get("magic"), fields.get("mask"), fields.get("offset", 0)
    if (magic is None) == (fields.get("extension") is None):
        both = "has both magic and extension" if magic is not None else "has neither magic nor extension"
        return (Complaint(f"{name} {both}; files are known by one of them"),)
    if magic is None and (mask is not None or offset):
        return (
            Complaint(f"{name} has no magic that its mask or offset could go with", field="mask" if mask else "offset"),
        )
    if isinstance(magic, str) and isinstance(mask, str) and len(binfmt.bytes_of(magic)) != len(binfmt.bytes_of(mask)):
        return (Complaint(f"the mask of {name} must have as many bytes as its magic", field="mask"),)
    if isinstance(magic, str) and isinstance(offset, int) and offset + len(binfmt.bytes_of(magic)) > binfmt.LAST_BYTE:
        return (
            Complaint(
                f"the kernel looks for the magic of {name} in the first {binfmt.LAST_BYTE} bytes only", field="magic"
            ),
        )
    interpreter = fields.get("interpreter")
    if isinstance(interpreter, str) and len(interpreter) > binfmt.LONGEST_INTERPRETER:
        what = f"the interpreter of {name} has more than {binfmt.LONGEST_INTERPRETER} characters, which the kernel does not take"
        return (Complaint(what, field="interpreter"),)
    return ()


RESOURCE: Final[type[Resource]] = Binfmt
