"""What a document may hold beside the kinds: the grammar of DESIGN §3 as schemas, and hints for words of other tools."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from reconciler.model import guard, remote
from reconciler.model.address import WINDOWS_KEY, Layer
from reconciler.model.schema import Field, FreeJson, Integer, KindSchema, ListOf, MapOf, Record, Schema, Text

NAME: Final = Text(
    pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
    expected="a name of letters, digits, dots, dashes and underscores",
    fixed=True,
)
IDENTIFIER: Final = Text(
    pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", expected="a name of letters, digits and underscores", fixed=True
)
GLOB: Final = Text(expected="a name or a glob such as ci-*", fixed=True, empty=False)
PATH: Final = Text(expected="a path", fixed=True, empty=False)
DATE: Final = Text(pattern=r"^\d{4}-\d{2}-\d{2}$", expected="a date such as 2027-03-31", fixed=True)
PLAYBOOK: Final = Text(
    pattern=r"^[a-z0-9][a-z0-9-]{0,99}@[1-9][0-9]{0,8}$",
    expected="a playbook with its number, such as wsl-go-baseline@1",
    fixed=True,
)
DISTRO_KEY: Final = Text(
    pattern=rf"^(?!{WINDOWS_KEY}$)[A-Za-z0-9][A-Za-z0-9._-]*$",
    expected=f"a distro's key: a name, and {WINDOWS_KEY} is reserved for the Windows host",
    fixed=True,
)
_ONE_VERSION: Final = r"(>=|>|==|<=|<|!=|~=)?\s*\d{1,9}(\.\d{1,9})*"
REQUIREMENT: Final = Text(
    pattern=rf"^\s*{_ONE_VERSION}(\s*,\s*{_ONE_VERSION})*\s*$",
    expected='a version of reconcile such as ">=0.3"',
    fixed=True,
)

Hints = Mapping[str, str]
"""What to say of a key that is unknown where it stands, by the key."""


class Kinds(Protocol):
    """The kinds that exist, by layer."""

    def names(self, layer: Layer) -> Iterable[str]: ...

    def schema(self, layer: Layer, kind: str) -> KindSchema | None: ...


def _fields(**schemas: Schema) -> Mapping[str, Field]:
    return {name: Field(schema=schema) for name, schema in schemas.items()}


_ONE_OR_MORE: Final = ListOf(of=GLOB, expected="a name, or a list of names", single=True)
_CONDITION: Final = _fields(workstation=_ONE_OR_MORE, groups=_ONE_OR_MORE, distro=_ONE_OR_MORE, user=_ONE_OR_MORE)
WHERE: Final = Record(
    fields={**_CONDITION, "not": Field(schema=Record(fields=_CONDITION, expected="conditions"))},
    expected="conditions such as {groups: backend}",
)
VARIABLES: Final = MapOf(of=FreeJson(), keys=IDENTIFIER, expected="names with values")
SSH: Final = Record(
    fields=_fields(
        host=remote.HOST,
        port=remote.PORT,
        user=remote.USER,
        identity_file=remote.IDENTITY_FILE,
        proxy_jump=remote.PROXY_JUMP,
        client=remote.CLIENT,
    )
)
GUARD: Final = Record(
    fields=_fields(machine_id=guard.MACHINE_ID, host_key=guard.HOST_KEY, os=guard.OS, arch=guard.ARCH, libc=guard.LIBC)
)
_USERS: Final = MapOf(
    of=Record(fields=_fields(vars=VARIABLES)),
    keys=NAME,
    expected="a list of users, or users with their vars",
    names=True,
)
_DISTRO: Final = Record(
    fields=_fields(
        name=ListOf(
            of=NAME, expected="a distro's name, or a list of which the first that exists is meant", single=True
        ),
        ssh=SSH,
        vars=VARIABLES,
        users=_USERS,
    )
)
WORKSTATION: Final = Record(
    fields=_fields(
        groups=ListOf(of=NAME, expected="a list of groups"),
        match=Record(fields=_fields(hostname=ListOf(of=GLOB, expected="a host name, or a list of them", single=True))),
        vars=VARIABLES,
        guard=GUARD,
        ssh=SSH,
        windows=Record(fields=_fields(ssh=SSH)),
        distros=MapOf(of=_DISTRO, keys=DISTRO_KEY, expected="distros by key"),
    )
)
GROUP: Final = Record(fields=_fields(ssh=SSH, users=_USERS, vars=VARIABLES, guard=GUARD))
INPUT: Final = Record(
    fields={
        "type": Field(
            schema=Text(choices=("string", "integer", "boolean"), expected="string, integer or boolean", fixed=True),
            required=True,
        ),
        "default": Field(schema=FreeJson()),
        "description": Field(schema=Text()),
    }
)
SECRET_SOURCE: Final = Record(
    fields=_fields(
        env=IDENTIFIER,
        file=PATH,
        command=ListOf(of=Text(), expected="the program and its arguments as a list", empty=False),
    ),
    expected="where the secret comes from: env, file or command",
)
MACHINE_FILE: Final = Record(
    fields=_fields(
        workstation=NAME,
        groups=ListOf(of=NAME, expected="a list of groups"),
        vars=VARIABLES,
        secrets=MapOf(of=SECRET_SOURCE, keys=IDENTIFIER),
        allow=ListOf(of=GLOB, expected="a list of addresses or globs"),
        become=Text(choices=("auto", "none"), expected="auto (by sudo, else doas) or none", fixed=True),
    ),
    expected="this machine's own settings",
)

RESERVED_SECRETS: Final = frozenset({"sudo_password", "ssh_password"})
"""What `machine.yaml` may have sources for and no document may use: a pull request would write them into a file. Names
compare without case, as the variables do that they may come from."""

_SECRETS: Final = MapOf(of=Record(fields=_fields(description=Text())), keys=IDENTIFIER)
_PLAYBOOKS: Final = ListOf(of=PLAYBOOK, expected="a list of playbooks")
_FILES: Final = ListOf(of=PATH, expected="a list of files or globs")
_VERSION: Final = Integer(minimum=1, maximum=1, expected="1")
_FIXED_PART: Final[Mapping[str, Field]] = {
    "version": Field(schema=_VERSION, required=True, description="Of the language."),
    "requires": Field(schema=REQUIREMENT, description="The versions of reconcile that it is written for."),
    "use": Field(schema=_PLAYBOOKS, description="Playbooks, lowest rank first."),
    "include": Field(schema=_FILES, description="More files of this repo."),
    "where": Field(schema=WHERE, description="In an included file: which targets the whole file is for."),
    "inputs": Field(schema=MapOf(of=INPUT, keys=IDENTIFIER), description="In a playbook: the variables it reads."),
    "vars": Field(schema=VARIABLES),
    "secrets": Field(schema=_SECRETS, description="Names only."),
    "groups": Field(schema=MapOf(of=GROUP, keys=NAME)),
    "workstations": Field(schema=MapOf(of=WORKSTATION, keys=NAME)),
}
_OVERLAY: Final[Mapping[str, Field]] = {
    "name": Field(schema=Text(empty=False), description="What the overlay is for, in words."),
    "where": Field(schema=WHERE, required=True, description="Which targets it is for."),
    "until": Field(schema=DATE, description="The last day, in UTC."),
    "vars": Field(schema=VARIABLES),
}


def layer_section(kinds: Kinds, layer: Layer, used: Iterable[str]) -> Record:
    """The kinds of one layer; only those in `used` are loaded."""
    schemas = {name: kinds.schema(layer, name) for name in used}
    return Record(fields={name: Field(schema=schema.body) for name, schema in schemas.items() if schema is not None})


def document(kinds: Kinds, used: Mapping[Layer, frozenset[str]]) -> Record:
    """A whole document, with the kinds in `used`."""
    sections = {layer.value: Field(schema=layer_section(kinds, layer, used.get(layer, ()))) for layer in Layer}
    overlays = ListOf(of=Record(fields={**_OVERLAY, **sections}), expected="a list of overlays")
    return Record(
        fields={**_FIXED_PART, "overlays": Field(schema=overlays, description="Exceptions, in order."), **sections}
    )


OTHER_WORDS: Final[Hints] = {
    "hosts": "workstations are named under  workstations:",
    "inventory": "workstations are named under  workstations:",
    "when": "conditions stand in an overlay's  where:",
    "if": "conditions stand in an overlay's  where:",
    "state": "write  {absent: true}  for what must not be there; what is declared is present",
    "ensure": "write  {absent: true}  for what must not be there; what is declared is present",
    "present": "what is declared is present; write  {absent: true}  for what must not be there",
    "absent": "{absent: true}  stands in place of an item, or of a field that may go",
    "unmanaged": "{unmanaged: true}  stands in place of an item or a field",
    "tasks": "write what should be, not steps: kinds stand under  user:, distro: and windows:",
    "roles": "reusable documents are playbooks, named under  use:",
    "become": "the layer says who writes: distro: is written by root, user: by the user",
    "ssh": "ssh: stands at a workstation, at a distro or in a group",
    "guard": "guard: stands at a workstation or in a group",
    "sudo": "the layer says who writes: distro: is written by root, user: by the user",
    "variables": "variables stand under  vars:",
    "includes": "write  include:",
    "import": "write  include:",
    "imports": "write  include:",
    "dest": "the path is the item's key:  files: {/etc/motd: {source: motd}}",
    "src": "write  source:",
    "path": "the path is the item's key:  files: {/etc/motd: {source: motd}}",
    "resources": "kinds stand under  user:, distro: and windows:",
    "linux": "the three layers are  user:, distro: and windows:",
    "wsl": "the three layers are  user:, distro: and windows:",
    "system": "the three layers are  user:, distro: and windows:",
    "host": "the three layers are  user:, distro: and windows:",
}
