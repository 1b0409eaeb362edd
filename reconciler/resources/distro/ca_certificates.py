"""Certificate authorities that the machine's programs trust, beside those that its distribution ships.

Manages one certificate an item: its file among the machine's own authorities, and that the distribution's updater has put
it into the bundle that programs read. Several share one run of the updater; one that failed is run again. What the
distribution trusts is left alone, and so are programs with a store of their own (Firefox, Java, Node.js, Python's
certifi). Takes effect at once, for programs that start anew. On Debian, Ubuntu and Alpine with update-ca-certificates,
on Fedora and its kin with update-ca-trust.

    distro:
      ca_certificates:
        corp-root: {source: certs/corp-root.pem}
        corp-root-2019: {absent: true}

Source: update-ca-certificates(8) of ca-certificates 20230311; update-ca-trust(8).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from reconciler.formats import certificate
from reconciler.formats.certificate import Certificate, NotAnAuthorityError
from reconciler.model.address import Layer
from reconciler.model.claims import Need, Program
from reconciler.model.facts import Fact, FactSheet, FileText, PathInfo, PathType
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Unknown, Want
from reconciler.model.schema import Complaint, KindSchema, MapOf, Text, described, record_of
from reconciler.model.secrets import SecretText
from reconciler.model.states import Phase, Risk
from reconciler.model.tasks import RunCommand
from reconciler.model.values import Absent, RepoFile
from reconciler.resources.base import Base
from reconciler.resources.folders import Folder


@dataclass(frozen=True, slots=True, kw_only=True)
class CaCertificate:
    content: str | None = field(default=None, metadata=described("The certificate itself, in PEM."))
    source: RepoFile | None = field(default=None, metadata=described("A file of the repo that is the certificate."))

    @property
    def text(self) -> str:
        return self.content or (_decoded(self.source) if self.source else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """`folder` is for the machine's own authorities, `bundle` what `updater` makes. `links` are where it may link to a
    file; it drops links to what is gone or other only with the words `afresh`."""

    folder: Folder
    updater: tuple[str, ...]
    bundle: str
    links: tuple[str, ...] = ()
    afresh: tuple[str, ...] = ()


_DEBIAN: Final = Store(
    folder=Folder("/usr/local/share/ca-certificates", ".crt"),
    updater=("update-ca-certificates",),
    bundle="/etc/ssl/certs/ca-certificates.crt",
    links=("/etc/ssl/certs/{}.pem", "/etc/ssl/certs/ca-cert-{}.pem"),
    afresh=("--fresh",),
)
_FEDORA: Final = Store(
    folder=Folder("/etc/pki/ca-trust/source/anchors", ".pem"),
    updater=("update-ca-trust", "extract"),
    bundle="/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
)


class CaCertificates(Base):
    kind: ClassVar[str] = "ca_certificates"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        name = Text(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]*$",
            expected="a name for the authority, of letters, digits and . _ + -",
            fixed=True,
        )
        return KindSchema(
            items=MapOf(of=record_of(CaCertificate), keys=name, expected="certificates by a name for their authority"),
            description="Certificate authorities that the machine's programs trust.",
            check=_check,
        )

    def wanted_facts(self) -> frozenset[Fact]:
        found: set[Fact] = set()
        for store in (_DEBIAN, _FEDORA):
            found |= {FileText(store.bundle), *store.folder.facts(self.items), *Program(store.updater[0]).facts()}
            found |= {PathInfo(link.format(name)) for link in store.links for name in self.items}
        return frozenset(found)

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        store = _store(sheet)
        found = {name: self._seen(name, store, sheet) for name in self.items or store.folder.names(sheet)}
        return {name: seen for name, seen in found.items() if seen is not None}

    def _seen(self, name: str, store: Store, sheet: FactSheet) -> Observed | None:
        text = store.folder.text(name, sheet)
        if isinstance(text, Unknown | Blocked):
            return text
        if text is None:
            left = (
                isinstance(self.items.get(name), Absent) and not sheet.host.at_rest and _is_linked(name, store, sheet)
            )
            return Seen(fields={"trusted": True}) if left else None
        found = certificate.certificate(text)
        if found is None:
            return Seen(fields={"subject": "no certificate", "trusted": False})
        bundle = (sheet.file(store.bundle).data or b"").decode("latin-1")
        trusted = sheet.host.at_rest or certificate.is_in(bundle, found.pem)
        return Seen(fields={**_fields(found), "trusted": trusted, "content": found.pem})

    def want(self, name: str, item: object) -> Want:
        owns = tuple(store.folder.file(name) for store in (_DEBIAN, _FEDORA))
        if isinstance(item, Absent):
            return Want(owns=owns, risks=frozenset({Risk.DELETES}))
        fields = {**_fields(self._declared(name)), "trusted": True}
        return Want(fields=fields, owns=owns, risks=frozenset({Risk.GRANTS_RIGHTS}))

    def _declared(self, name: str) -> Certificate:
        item = self.items[name]
        assert isinstance(item, CaCertificate)
        return certificate.authority(item.text)

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        store = _store(sheet)
        declared = None if isinstance(after, Absent) else self._declared(name)
        parts = []
        if not _agrees(before, declared, store.folder.text(name, sheet)):
            edit = store.folder.edit(name, declared.pem if declared else None)
            parts.append(Part(thing=edit.path, edits=(edit,), needs=store.folder.needs(sheet) if declared else ()))
        if not sheet.host.at_rest:
            update = RunCommand(argv=store.updater, more=() if before is None else store.afresh)
            needs = (Need(Program(store.updater[0])),)
            parts.append(Part(thing=store.bundle, tasks=(update,), needs=needs, phase=Phase.RELOADS))
        return parts


def _agrees(before: Seen | None, declared: Certificate | None, on_disk: object) -> bool:
    """Whether the file is as it shall be, so that only the updater has not done its work."""
    if declared is None:
        return on_disk is None
    return before is not None and before.fields.get("content") == declared.pem


def _store(sheet: FactSheet) -> Store:
    """The distribution's own, by its folder: that is there also where nothing runs."""
    return _FEDORA if sheet.path(_FEDORA.folder.path).followed.type is PathType.DIRECTORY else _DEBIAN


def _is_linked(name: str, store: Store, sheet: FactSheet) -> bool:
    """Whether the updater has not yet taken back what it made of a file that is gone."""
    return any(sheet.path(link.format(name)).link == store.folder.file(name) for link in store.links)


def _fields(found: Certificate) -> dict[str, str | bool]:
    return {"subject": found.subject, "sha256": found.sha256, "expires": found.expires}


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    given = [key for key in ("content", "source") if key in fields]
    if len(given) != 1:
        what = "content and source" if given else "neither content nor source"
        return (Complaint(f"{name} has {what}; it is one certificate"),)
    value = fields[given[0]]
    if isinstance(value, SecretText):
        what = f"{name} would hold a secret, and everyone may read a certificate"
        return (Complaint(what, fix="write the certificate, which is no secret", field=given[0]),)
    text = value if isinstance(value, str) else _decoded(value) if isinstance(value, RepoFile) else None
    try:
        if text is not None:
            certificate.authority(text)
    except NotAnAuthorityError as error:
        return (Complaint(f"the certificate of {name} {error}", field=given[0]),)
    return ()


def _decoded(file: RepoFile) -> str:
    return file.data.decode("utf-8", "replace")


RESOURCE: Final[type[Resource]] = CaCertificates
