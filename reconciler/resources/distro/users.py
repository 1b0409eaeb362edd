"""Users of the distro: their account, the groups they are in, and what sudo lets them do.

Manages of an account what is declared: `shell`, `home`, `uid`, `comment`, that it is in `groups` (other memberships stay),
and with `sudo` a file of its own in /etc/sudoers.d, which visudo must find right. A new account gets a home, filled from
/etc/skel, and a group of its own. Leaves alone passwords (a new account has none: nobody logs in with one), the rest of
sudoers, and the home: a new `home` moves nothing, and whoever is absent leaves it behind. In force with the next login.

    distro:
      users:
        dev: {shell: /bin/zsh, groups: [docker], sudo: password}    # or nopasswd, or a rule
        ci: {uid: 1500, home: /srv/ci, comment: builds, sudo: "ALL=(root) NOPASSWD: /usr/bin/apt-get update"}
        intern: {absent: true}

Source: passwd(5), group(5), sudoers(5), visudo(8).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, ClassVar, Final

from reconciler.formats import sudoers
from reconciler.formats.account_files import Entry, groups_of
from reconciler.model.address import Layer
from reconciler.model.claims import Account, Claim, Group, Need, Program
from reconciler.model.facts import Account as AccountFact
from reconciler.model.facts import Fact, FactSheet, FileText, PathInfo
from reconciler.model.resource import Blocked, Fields, NotApplicable, Observed, Part, Resource, Seen, Unknown, Want
from reconciler.model.schema import Complaint, Integer, KindSchema, ListOf, MapOf, Text, described, record_of
from reconciler.model.secrets import SecretText
from reconciler.model.states import Phase, Risk
from reconciler.model.tasks import RunCommand
from reconciler.model.values import ABSENT, Absent, Json
from reconciler.resources import accounts, sudo_rules
from reconciler.resources.accounts import Suite
from reconciler.resources.base import ABSOLUTE_PATH, ACCOUNT_NAME, Base
from reconciler.resources.privileged_paths import folder_risks, is_open

LOGIN: Final = "/proc/self/loginuid"
"""The number of who logged in, also where sudo made them root since."""
POWERFUL: Final = frozenset(
    {
        *("root", "sudo", "wheel", "admin", "staff", "disk", "kmem", "shadow"),
        *("docker", "podman", "microk8s", "lxd", "incus", "incus-admin", "libvirt"),
    }
)
"""Groups whose members are as good as root."""
_USUAL_SHELL: Final = re.compile(r"/(usr/)?(local/)?s?bin/[^/]+")
_NO_LOGIN: Final = ("/nologin", "/false")
_RULE: Final = Text(
    pattern=r"^(password|nopasswd|[^#].*=.*[^\\])$", expected="password, nopasswd, or a rule as sudoers has it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    shell: Annotated[str | None, ABSOLUTE_PATH] = field(default=None, metadata=described("The login shell."))
    groups: Annotated[tuple[str, ...], ListOf(of=ACCOUNT_NAME, single=True)] = field(
        default=(), metadata=described("Groups to be in, beside others.")
    )
    home: Annotated[str | None, ABSOLUTE_PATH] = field(default=None, metadata=described("The home directory."))
    uid: Annotated[int | None, Integer(minimum=1, maximum=2**32 - 2, expected="a user's number, above 0")] = field(
        default=None, metadata=described("The number.")
    )
    comment: Annotated[str | None, Text(pattern="^[^:]*$", expected="text without a colon")] = field(
        default=None, metadata=described("Who that is, in words.")
    )
    sudo: Annotated[str | Absent | None, _RULE] = field(
        default=None,
        metadata=described(
            "What sudo lets them do: all with the password, all without, or what a rule says.", removable=True
        ),
    )

    leaves: tuple[str, ...] = field(default=(), metadata={"undocumented": True})
    """Groups that it is led back out of."""

    def declared(self) -> Iterator[tuple[str, Json]]:
        """Its fields in normal form."""
        for key in ("shell", "home", "uid"):
            if getattr(self, key) is not None:
                yield key, getattr(self, key)
        if self.comment is not None:
            yield "comment", self.comment.rstrip(",")
        if self.groups or self.leaves:
            yield "groups", [*sorted({*self.groups})]
        if self.sudo is not None:
            yield "sudo", None if isinstance(self.sudo, Absent) else self.sudo


class Users(Base):
    kind: ClassVar[str] = "users"
    layers: ClassVar[frozenset[Layer]] = frozenset({Layer.DISTRO})

    @classmethod
    def schema(cls, layer: Layer) -> KindSchema:
        expected = "users by name, or a list of names"
        return KindSchema(
            items=MapOf(of=record_of(User), keys=ACCOUNT_NAME, names=True, expected=expected),
            description="Users: account, groups, sudo.",
            check=_check,
        )

    @classmethod
    def as_declared(
        cls, layer: Layer, name: str, seen: Mapping[str, Json], data: bytes | None, after: Mapping[str, Json] | None
    ) -> object | None:
        """Without a rule where there was none, and out of the groups that it was put into."""
        known = super().as_declared(layer, name, seen, data, after)
        assert isinstance(known, dict)
        gone = {"sudo": ABSENT} if "sudo" in seen and seen["sudo"] is None else {}
        had = accounts.group_names(seen)
        return {**known, **gone, "leaves": [group for group in accounts.group_names(after or {}) if group not in had]}

    def wanted_facts(self) -> frozenset[Fact]:
        found: set[Fact] = {*accounts.FACTS, *map(AccountFact, self.items)}
        for name, item in self.items.items():
            if isinstance(item, Absent):
                found.add(FileText(LOGIN))
            if isinstance(item, User) and item.shell:
                found.add(PathInfo(item.shell))
            if _has_rule(item):
                found |= sudo_rules.facts(name)
        return frozenset(found)

    def observe(self, sheet: FactSheet) -> Mapping[str, Observed]:
        why = accounts.unreadable(sheet)
        if why:
            return dict.fromkeys(self.items, Unknown(why))
        known = accounts.passwd(sheet)
        if not self.items:
            people = (entry for entry in known.values() if entry.uid in accounts.PEOPLE)
            return {one.name: _person(one, sheet) for one in people if not one.shell.endswith(_NO_LOGIN)}
        found = {name: _seen(name, item, known.get(name), sheet) for name, item in self.items.items()}
        return {name: seen for name, seen in found.items() if seen is not None}

    def want(self, name: str, item: object) -> Want:
        owns = (sudoers.path(name),) if _has_rule(item) else ()
        if isinstance(item, Absent):
            return Want(owns=owns, risks=frozenset({Risk.DELETES, Risk.CUTS_ACCESS}))
        assert isinstance(item, User)
        provides: frozenset[Claim] = frozenset({Account(name), Group(name)})
        return Want(fields=dict(item.declared()), owns=owns, provides=provides, risks=frozenset(_risks(item)))

    def write(
        self, name: str, before: Seen | None, after: Fields | Absent, sheet: FactSheet
    ) -> Sequence[Part] | Blocked | NotApplicable:
        if isinstance(after, Absent):
            return _removal(name, sheet)
        wanted = {key: value for key, value in after.items() if before is None or before.fields.get(key) != value}
        account = {key: value for key, value in wanted.items() if key != "sudo"}
        parts: list[Part] = []
        if account or before is None:
            made = _account(name, account, before, sheet, self.items[name])
            if not isinstance(made, Part):
                return made
            parts.append(made)
        if "sudo" in wanted and wanted["sudo"] != sudo_rules.seen(name, sheet):
            parts.append(sudo_rules.part(name, _text(wanted["sudo"]), sheet))
        return parts

    def remarks(self, sheet: FactSheet) -> Sequence[str]:
        if sheet.host.at_rest or accounts.unreadable(sheet):
            return ()
        known = accounts.passwd(sheet)
        made = [name for name, item in self.items.items() if isinstance(item, User) and name not in known]
        return (f"{', '.join(made)}: a new account has no password, also one that had one before",) if made else ()


def _has_rule(item: object) -> bool:
    return isinstance(item, Absent) or (isinstance(item, User) and item.sudo is not None)


def _risks(item: User) -> Iterator[Risk]:
    if isinstance(item.sudo, Absent):
        yield Risk.CUTS_ACCESS
    if isinstance(item.sudo, str) or POWERFUL.intersection(item.groups):
        yield Risk.GRANTS_RIGHTS
    if (item.shell and not _USUAL_SHELL.fullmatch(item.shell)) or (item.home and _is_others(item.home)):
        yield Risk.RUNS_CODE_LATER


def _is_others(home: str) -> bool:
    """Whether somebody else decides which start files stand there."""
    return is_open(home) or bool(folder_risks(home))


# ---- what is there


def _person(entry: Entry, sheet: FactSheet) -> Seen:
    """As a document would say it, for any machine: without the number, and what every account has."""
    groups: list[Json] = [name for name in groups_of(entry, accounts.groups(sheet)) if name != entry.name]
    home = None if entry.home == f"/home/{entry.name}" else entry.home
    comment = entry.comment.rstrip(",") or None
    return Seen(fields={"shell": entry.shell, "home": home, "comment": comment, "groups": groups or None})


def _seen(name: str, item: object, entry: Entry | None, sheet: FactSheet) -> Observed | None:
    if entry is None and sheet.answers.get(AccountFact(name)) is not None:
        return Blocked(f"{name} does not stand in /etc/passwd: the account comes from elsewhere")
    fields: dict[str, Json] = {}
    if _has_rule(item):
        obstacle = sudo_rules.obstacle(name, sheet)
        if obstacle is not None:
            return obstacle
        fields["sudo"] = sudo_rules.seen(name, sheet)
    if entry is None:
        return Seen(fields=fields) if isinstance(item, Absent) and fields["sudo"] is not None else None
    groups = groups_of(entry, accounts.groups(sheet))
    declared = (*item.groups, *item.leaves) if isinstance(item, User) else ()
    # Its own group comes and goes with it.
    groups = tuple(group for group in groups if (group in declared if declared else group != name))
    fields |= {"shell": entry.shell, "home": entry.home, "uid": entry.uid}
    return Seen(fields=fields | {"comment": entry.comment.rstrip(","), "groups": [*groups]})


# ---- what is written


def _account(
    name: str, fields: Fields, before: Seen | None, sheet: FactSheet, item: object
) -> Part | Blocked | NotApplicable:
    if sheet.host.at_rest:
        return NotApplicable("accounts are made and changed where the system runs")
    suite = accounts.suite_of(sheet)
    if suite is None:
        return accounts.NO_SUITE
    uid = before.fields["uid"] if before else None
    if "uid" in fields and uid is not None and uid not in accounts.PEOPLE:
        return Blocked(f"{name} is an account of the system: its number stays {uid}", fix="take  uid  out")
    tasks = _programs(name, fields, before, suite, sheet)
    if isinstance(tasks, Blocked):
        return tasks
    if before and isinstance(item, User) and "groups" in fields:
        is_in = accounts.group_names(before.fields)
        tasks += accounts.left_groups(name, [group for group in item.leaves if group in is_in], suite)
    needs = [Need(Group(group)) for group in accounts.group_names(fields)]
    shell = _text(fields.get("shell"))
    if shell:
        needs.append(Need(Program(shell)))
        tasks = (*(() if Program(shell).holds(sheet) else (accounts.shell_is_there(shell),)), *tasks)
    asks = (f"a new login of {name}",) if before and {"shell", "groups"} & fields.keys() else ()
    return Part(thing=f"user {name}", tasks=tasks, needs=tuple(needs), phase=Phase.ACCOUNTS, asks=asks)


def _programs(
    name: str, fields: Fields, before: Seen | None, suite: Suite, sheet: FactSheet
) -> tuple[RunCommand, ...] | Blocked:
    if before is None:
        return accounts.new_account(name, fields, suite, has_group=name in accounts.groups(sheet))
    joins = set(accounts.group_names(fields)).difference(accounts.group_names(before.fields))
    changed = {key: value for key, value in fields.items() if key != "groups" or joins}
    return accounts.changed_account(name, changed, suite) if changed else ()


def _removal(name: str, sheet: FactSheet) -> Sequence[Part] | Blocked | NotApplicable:
    """What sudo allows goes first."""
    entry = accounts.passwd(sheet).get(name)
    parts = () if sudo_rules.seen(name, sheet) is None else (sudo_rules.part(name, None, sheet),)
    if entry is None:
        return parts
    if sheet.host.at_rest:
        return NotApplicable("accounts are removed where the system runs")
    if entry.uid == 0:
        return Blocked(f"nobody removes {name}, whose number is 0")
    if name == sheet.host.user or str(entry.uid).encode() == (sheet.file(LOGIN).data or b"").strip():
        return Blocked(f"{name} is who asks", fix="log in as somebody else")
    suite = accounts.suite_of(sheet)
    if suite is None:
        return accounts.NO_SUITE
    tasks = accounts.removed_account(entry, suite)
    return (*parts, Part(thing=f"user {name}", tasks=tasks, phase=Phase.ACCOUNTS))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _check(name: str, fields: Mapping[str, object]) -> tuple[Complaint, ...]:
    found = [
        Complaint(f"{key} of {name} would be a secret, and other users may read it", field=key)
        for key, value in fields.items()
        if isinstance(value, SecretText)
    ]
    if name == "ALL" and "sudo" in fields:
        found.append(Complaint("to sudoers ALL means everybody", fix="write what is meant under  files", field="sudo"))
    return tuple(found)


RESOURCE: Final[type[Resource]] = Users
