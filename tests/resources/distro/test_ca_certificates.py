"""Certificate authorities: the file, the updater's work, and a real TLS handshake."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from certificates import Authority
from private_machine import HOME, PrivateMachine, private_machine
from reconciler.model.address import Layer, Target
from reconciler.model.facts import CommandResult
from reconciler.model.plan import ItemPlan, Plan
from reconciler.model.secrets import SecretHole, SecretText
from reconciler.model.states import Risk, State
from reconciler.model.values import ABSENT, UNMANAGED, RepoFile
from reconciler.planning.describe import describe
from reconciler.resources.distro.ca_certificates import CaCertificate, CaCertificates

if TYPE_CHECKING:
    from tests.planning.simulated_machine import Machine

DISTRO = Target("lt", "main")
FOLDER, BUNDLE = "/usr/local/share/ca-certificates", "/etc/ssl/certs/ca-certificates.crt"
FILE, LINK = f"{FOLDER}/corp.crt", "/etc/ssl/certs/corp.pem"
ANCHORS, EXTRACTED = "/etc/pki/ca-trust/source/anchors", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"
ROOT, OTHER = Authority("Corp Root").pem, Authority("Other Root").pem
CORP = CaCertificate(content=ROOT)


def kind(items: dict[str, object]) -> CaCertificates:
    return CaCertificates(items=items, options={}, layer=Layer.DISTRO)


def plan(machine: Machine, item: object = CORP, **more: object) -> Plan:
    return machine.plan({DISTRO: [kind({"corp": item, **more})]})


def first(found: Plan) -> ItemPlan:
    return found.items[0]


def applied(machine: Machine, item: object = CORP, **more: object) -> None:
    assert machine.apply(plan(machine, item, **more)) == {}
    assert {each.state for each in plan(machine, item, **more).items} == {State.IN_SYNC}


# ---- what is written


def test_it_is_written_and_the_updater_run_once_for_all(machine: Machine) -> None:
    applied(machine, CORP, other=CaCertificate(source=RepoFile("o.pem", OTHER.encode())))
    assert machine.text(FILE) == ROOT
    assert machine.nodes[FILE].mode == 0o644
    assert machine.ran == [("update-ca-certificates",)]


def test_who_is_trusted_is_shown(machine: Machine) -> None:
    shown = {diff.name: diff.after for diff in first(plan(machine)).diffs}
    assert (shown["subject"], shown["trusted"], len(str(shown["sha256"]))) == ("CN=Corp Root", True, 64)
    assert str(shown["expires"])[:2] == "20"


def test_another_spelling_of_the_same_certificate_is_in_sync(machine: Machine) -> None:
    applied(machine)
    machine.file(FILE, "# Corp Root\r\n" + ROOT.replace("\n", "\r\n"))
    assert first(plan(machine)).state is State.IN_SYNC


@pytest.mark.parametrize("text", ["", "nonsense", OTHER, ROOT + OTHER])
def test_another_certificate_of_that_name_is_replaced_and_its_links_with_it(machine: Machine, text: str) -> None:
    machine.file(FILE, text)
    applied(machine)
    assert (machine.text(FILE), machine.ran) == (ROOT, [("update-ca-certificates", "--fresh")])


def test_an_updater_that_failed_is_run_again(machine: Machine) -> None:
    machine.file(FILE, ROOT)
    machine.link(LINK, FILE)
    machine.file(BUNDLE, OTHER)
    item = first(plan(machine))
    assert (item.state, [(diff.name, diff.before) for diff in item.diffs]) == (State.CHANGE, [("trusted", False)])
    applied(machine)
    assert machine.ran == [("update-ca-certificates", "--fresh")]


def test_absent_removes_and_updates_afresh(machine: Machine) -> None:
    applied(machine)
    applied(machine, ABSENT)
    assert FILE not in machine.nodes and LINK not in machine.nodes and ROOT not in machine.text(BUNDLE)
    assert machine.ran[1:] == [("update-ca-certificates", "--fresh")]


def test_adding_and_removing_is_one_run(machine: Machine) -> None:
    applied(machine, other=CaCertificate(content=OTHER))
    applied(machine, ABSENT, other=CaCertificate(content=OTHER), third=CaCertificate(content=ROOT))
    assert machine.ran[1:] == [("update-ca-certificates", "--fresh")]


def test_an_updater_that_failed_at_a_removal_is_run_again(machine: Machine) -> None:
    machine.link(LINK, FILE)
    assert first(plan(machine, ABSENT)).state is State.REMOVE
    applied(machine, ABSENT)
    machine.link(LINK, "/usr/share/ca-certificates/mozilla/corp.crt")
    assert first(plan(machine, ABSENT)).state is State.IN_SYNC


def test_a_distribution_of_fedora_s_kind_has_its_own_places(machine: Machine) -> None:
    machine.directory(ANCHORS)
    machine.programs["update-ca-trust"] = "/usr/bin/update-ca-trust"
    found = plan(machine)
    assert machine.apply(found) == {}
    assert (machine.text(f"{ANCHORS}/corp.pem"), machine.ran) == (ROOT, [("update-ca-trust", "extract")])
    machine.file(EXTRACTED, f"# Corp Root\n{ROOT}")
    assert first(plan(machine)).state is State.IN_SYNC


def test_without_its_updater_it_is_blocked(machine: Machine) -> None:
    machine.programs.clear()
    item = first(plan(machine))
    assert item.state is State.BLOCKED and "the program update-ca-certificates" in (item.why or "")


def test_at_rest_only_the_file_is_written(machine: Machine) -> None:
    machine.programs.clear()
    machine.life = replace(machine.life, at_rest=True)
    applied(machine)
    applied(machine, ABSENT)
    assert (machine.ran, FILE in machine.nodes) == ([], False)
    machine.link(LINK, FILE)
    assert first(plan(machine, ABSENT)).state is State.IN_SYNC


def test_a_place_that_others_can_write_is_kept_out_of(machine: Machine) -> None:
    machine.directory(FOLDER, mode=0o777)
    assert first(plan(machine)).state is State.BLOCKED


def test_unmanaged_is_left_alone(machine: Machine) -> None:
    machine.file(FILE, OTHER)
    assert plan(machine, UNMANAGED).items == ()


def test_it_grants_rights_and_its_removal_deletes() -> None:
    assert kind({"corp": CORP}).want("corp", CORP).risks == {Risk.GRANTS_RIGHTS}
    assert kind({}).want("corp", ABSENT).risks == {Risk.DELETES}


def test_init_describes_the_machine_s_own_authorities(machine: Machine) -> None:
    leaf = Authority("Root").issue("localhost").pem
    texts = {"corp": ROOT, "off": OTHER, "leaf": leaf}
    lines = "".join(f"{FOLDER}/{name}.crt:{line}\n" for name, text in texts.items() for line in text.splitlines())
    machine.commands["grep", "-r", "-H", "-s", "", FOLDER] = CommandResult(0, lines)
    machine.file(BUNDLE, ROOT + leaf)
    sheet = machine.sheet(kind({}).wanted_facts())
    schema = CaCertificates.schema(Layer.DISTRO)
    (found,) = describe(DISTRO, {"ca_certificates": (CaCertificates, schema)}, sheet)
    told = {item.path[0]: (item.value, item.reason) for item in found.items}
    assert told["corp"] == ({"content": ROOT}, None)
    assert "not be in sync" in (told["off"][1] or "")
    assert "is no authority's" in (told["leaf"][1] or "")


# ---- documents


def complaint(**fields: object) -> str:
    check = CaCertificates.schema(Layer.DISTRO).check
    assert check is not None
    (found,) = check("corp", fields)
    return found.what


def test_what_is_no_authority_s_certificate_is_refused() -> None:
    check = CaCertificates.schema(Layer.DISTRO).check
    assert check is not None and check("corp", {"content": ROOT}) == ()
    assert "holds a private key" in complaint(source=RepoFile("k.pem", Authority("x").key_pem.encode()))
    assert "is no certificate" in complaint(source=RepoFile("r.der", b"\x30\x82\xff"))
    assert "neither" in complaint()
    assert "content and source" in complaint(content=ROOT, source=RepoFile("r", b""))


def test_a_secret_is_refused() -> None:
    assert "would hold a secret" in complaint(content=SecretText((SecretHole("ca"),)))


# ---- with the real updater, and a program that trusts what it made

CLIENT = """\
import socket, ssl, sys
context = ssl.create_default_context(**({"cafile": sys.argv[1]} if len(sys.argv) > 1 else {}))
with context.wrap_socket(socket.socket(fileno=0), server_hostname="corp.internal") as told:
    print(told.version())
"""


def handshake(etc: PrivateMachine, server: Authority, folder: Path, *words: str) -> str:
    """What a client in there says of a server with that certificate; the connection is a pair of sockets."""
    (folder / "server.pem").write_text(server.pem + server.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    mine, theirs = socket.socketpair()

    def serve() -> None:
        try:
            with context.wrap_socket(mine, server_side=True) as told:
                told.recv(1)
        except OSError:
            mine.close()

    thread = threading.Thread(target=serve)
    thread.start()
    with theirs:
        done = subprocess.run(
            etc.within(sys.executable, "-c", CLIENT, *words), stdin=theirs, capture_output=True, text=True, timeout=30
        )
    thread.join(timeout=30)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


@pytest.fixture
def etc() -> Iterator[PrivateMachine]:
    if not shutil.which("update-ca-certificates") or not shutil.which("openssl"):
        pytest.skip("update-ca-certificates or openssl is not installed")
    with private_machine() as made:
        # One authority instead of all that are shipped: the updater starts several programs for each.
        made.run("sh", "-c", "rm -f /etc/ssl/certs/*; echo mozilla/ISRG_Root_X1.crt >/etc/ca-certificates.conf")
        made.run("update-ca-certificates", "--fresh")
        yield made


def test_a_server_of_the_authority_is_trusted_while_that_is_declared(etc: PrivateMachine, tmp_path: Path) -> None:
    root, renewed = Authority("Corp Root"), Authority("Corp Root 2")
    old, new = root.issue("corp.internal"), renewed.issue("corp.internal")
    repo = etc.at(f"{HOME}/repo")
    (repo / "root.pem").write_text(root.pem)
    (repo / "renewed.pem").write_text(renewed.pem)
    document = "distro: {ca_certificates: {corp: {source: %s}}}\n"
    assert "CERTIFICATE_VERIFY_FAILED" in handshake(etc, old, tmp_path)

    etc.applies(document % "root.pem")
    for words in ((), (BUNDLE,)):  # by the folder with hashes, and by the bundle
        assert handshake(etc, old, tmp_path, *words).startswith("TLS")

    etc.applies(document % "renewed.pem")
    for words in ((), (BUNDLE,)):
        assert handshake(etc, new, tmp_path, *words).startswith("TLS")
        assert "CERTIFICATE_VERIFY_FAILED" in handshake(etc, old, tmp_path, *words)

    etc.applies("distro: {ca_certificates: {corp: {absent: true}}}\n")
    assert "CERTIFICATE_VERIFY_FAILED" in handshake(etc, new, tmp_path)
    assert not etc.at(LINK).is_symlink() and not etc.at(FILE).exists()


def test_an_updater_that_fails_is_told_of_and_run_again(etc: PrivateMachine, tmp_path: Path) -> None:
    root = Authority("Corp Root")
    (etc.at(f"{HOME}/repo") / "root.pem").write_text(root.pem)
    document = "distro: {ca_certificates: {corp: {source: root.pem}}}\n"
    etc.at(BUNDLE).unlink()
    etc.at(f"{BUNDLE}.new").mkdir()  # where the updater writes

    failed = etc.reconcile("apply", document, "--yes", "--allow-exec")
    assert failed.returncode == 3 and "update-ca-certificates ended with" in failed.stdout + failed.stderr
    assert etc.at(FILE).exists()
    etc.at(f"{BUNDLE}.new").rmdir()

    etc.applies(document)
    assert handshake(etc, root.issue("corp.internal"), tmp_path, BUNDLE).startswith("TLS")


def test_init_takes_up_what_was_applied(etc: PrivateMachine) -> None:
    (etc.at(f"{HOME}/repo") / "root.pem").write_text(ROOT)
    etc.applies("distro: {ca_certificates: {corp: {source: root.pem}}}\n")
    etc.at(f"{HOME}/described").mkdir()
    done = etc.call("init", "-C", f"{HOME}/described", "--user", "root")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "corp: {content: " in etc.at(f"{HOME}/described/reconcile.yaml").read_text()
    assert etc.call("verify", "-C", f"{HOME}/described", "--user", "root").returncode == 0
