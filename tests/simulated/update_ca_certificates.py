"""update-ca-certificates: the bundle of the machine's own authorities, and a link to each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

FOLDER = "/usr/local/share/ca-certificates"
LINKS = "/etc/ssl/certs"
SHIPPED = "-----BEGIN CERTIFICATE-----\nc2hpcHBlZA==\n-----END CERTIFICATE-----\n"


def run(machine: Machine, argv: tuple[str, ...], stdin: bytes, user: str) -> None:
    assert argv in (("update-ca-certificates",), ("update-ca-certificates", "--fresh"))
    if "--fresh" in argv:
        for path in [path for path, node in machine.nodes.items() if path.startswith(LINKS) and node.link]:
            del machine.nodes[path]
    bundle = SHIPPED
    for path in [path for path in machine.nodes if path.startswith(f"{FOLDER}/") and path.endswith(".crt")]:
        name = path.removeprefix(f"{FOLDER}/").removesuffix(".crt")
        machine.link(f"{LINKS}/{name}.pem", path)
        bundle += machine.text(path)
    machine.file(f"{LINKS}/ca-certificates.crt", bundle)
