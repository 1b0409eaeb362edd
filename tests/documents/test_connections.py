"""What people write under `ssh:` and `guard:` that is not in the language, and what they are told to write."""

from __future__ import annotations

import pytest

from reconciler.documents.grammar import SSH
from reconciler.model.remote import HOST, PROXY_JUMP

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJpHj0WVvK1dx6FUFxgt4kTrcSwOnqfCJLbsCWPxRDEP ops@build"
FINGERPRINT = "SHA256:QZvwgL1A+Ruwky04oP2jfQdY0KmUo9dd5TgzfGBbA9k"


def told(repo, text: str) -> tuple[str, str, str | None]:
    """Place, what and fix of the only thing that is wrong."""
    found = repo.write(text).problem()
    return str(found.origin).removeprefix("reconcile.yaml:"), found.what, found.fix


def ssh(repo, text: str) -> tuple[str, str | None]:
    place, what, fix = told(repo, f"workstations: {{a: {{ssh: {{{text}}}}}}}")
    assert place.startswith("2:")
    return what, fix


# ── keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (
            "proxy_command",
            "may not name programs that run on your machine: write ProxyCommand in your own ~/.ssh/config",
        ),
        ("ProxyCommand", "may not name programs that run on your machine"),
        ("LocalCommand", "may not name programs that run on your machine: write LocalCommand"),
        ("hostname", "write  host:"),
        ("HostName", "write  host:"),
        ("username", "write  user:"),
        ("identity", "write  identity_file: ~/.ssh/NAME"),
        ("key", "write  identity_file: ~/.ssh/NAME"),
        ("private_key", "write  identity_file: ~/.ssh/NAME"),
        ("IdentityFile", "write  identity_file: ~/.ssh/NAME"),
        ("password", "machine.yaml  secrets: {ssh_password:"),
        ("passphrase", "secrets do not stand in documents"),
        ("sudo_password", "machine.yaml  secrets: {sudo_password:"),
        ("strict_host_key_checking", "host keys are always checked"),
        ("StrictHostKeyChecking", "`reconcile trust HOST` shows one and adds it"),
        ("known_hosts", "host keys are always checked"),
        ("host_key", "guard: {host_key: SHA256:…}"),
        ("become", "root's rights are had with sudo or doas"),
        ("sudo", "machine.yaml may say  become: none"),
        ("jump", "write  proxy_jump: HOST"),
        ("bastion", "write  proxy_jump: HOST"),
        ("ProxyJump", "write  proxy_jump: HOST"),
        ("forward_agent", "no agent is forwarded"),
        ("connect_timeout", "in your own ~/.ssh/config"),
        ("Port", "did you mean  port:"),
        ("compression", "known here: host, port, user, identity_file, proxy_jump, client"),
    ],
)
def test_what_other_tools_call_it_or_allow_has_a_hint_of_its_own(repo, key: str, words: str) -> None:
    what, fix = ssh(repo, f"{key}: x")
    assert what == f'unknown key "{key}" in workstations.a.ssh'
    assert fix is not None and words in fix


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("groups: {g: {ssh: {password: x}}}", "groups.g.ssh"),
        ("workstations: {a: {windows: {ssh: {password: x}}}}", "workstations.a.windows.ssh"),
        ("workstations: {a: {distros: {main: {ssh: {password: x}}}}}", "workstations.a.distros.main.ssh"),
    ],
)
def test_hints_stand_wherever_ssh_may(repo, text: str, place: str) -> None:
    _, what, fix = told(repo, text)
    assert what == f'unknown key "password" in {place}'
    assert fix is not None and "ssh_password" in fix


@pytest.mark.parametrize("key", list(SSH.fields))
def test_what_belongs_under_ssh_is_told_so_at_a_workstation(repo, key: str) -> None:
    assert told(repo, f"workstations: {{a: {{{key}: x}}}}")[2] == f"write  ssh: {{{key}: …}}"


def test_ssh_and_guard_in_the_wrong_place_are_told_where_they_belong(repo) -> None:
    assert told(repo, "ssh: {host: x}")[2] == "ssh: stands at a workstation, at a distro or in a group"
    assert told(repo, "workstations: {a: {distros: {main: {guard: {}}}}}")[2] == (
        "guard: stands at a workstation or in a group"
    )


# ── values of ssh: ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("host", "fix"),
    [
        ("ops@10.0.0.7", "write  host: 10.0.0.7, user: ops"),
        ("10.0.0.7:2222", "write  host: 10.0.0.7, port: 2222"),
        ("ops@build:2222", "write  host: build, port: 2222, user: ops"),
        ("ssh://ops@build:2222/", "write  host: build, port: 2222, user: ops"),
        ("[::1]", 'write  host: "::1"'),
        ("[fe80::1%eth0]:22", 'write  host: "fe80::1%eth0", port: 22'),
        ("a b", "write one name or address, without blanks"),
        (" build", "write  host: build"),
        ("-oProxyCommand=x", "options for ssh stand in your own ~/.ssh/config"),
        ("-l", "options for ssh stand in your own ~/.ssh/config"),
    ],
)
def test_more_than_a_host_under_host_is_told_where_the_rest_goes(repo, host: str, fix: str) -> None:
    assert ssh(repo, f'host: "{host}"') == (
        f'workstations.a.ssh.host is "{host}"; expected a host name or address, and nothing else',
        fix,
    )


@pytest.mark.parametrize(
    "host", ["$(id)", "`id`", "a;b", "x|y", "a'b", "../x", "a/b", "%h", "a:b", "münchen", "", "a:70000"]
)
def test_a_host_that_a_shell_or_ssh_would_read_otherwise_is_refused(repo, host: str) -> None:
    what, _ = ssh(repo, f'host: "{host}"')
    assert what == f'workstations.a.ssh.host is "{host}"; expected a host name or address, and nothing else'


@pytest.mark.parametrize("text", ['"a\\nb"', '"a\\tb"', '"a\\x1b[2Jb"', '"a\\u202eb"', "'{{ vars.x }}'"])
@pytest.mark.parametrize("key", ["host", "identity_file", "proxy_jump", "user"])
def test_control_characters_and_templates_are_told_once(repo, key: str, text: str) -> None:
    what, _ = ssh(repo, f"{key}: {text}")
    assert "in a name or path" in what or "a template may not stand here" in what


@pytest.mark.parametrize(
    "host", ["build-07", "10.0.0.7", "a.b.example.com", "host_1", "::1", "fe80::1%eth0", "2001:db8::7"]
)
def test_names_and_addresses_are_hosts(repo, host: str) -> None:
    assert HOST.reads(host)
    assert repo.write(f'workstations: {{a: {{ssh: {{host: "{host}"}}}}}}').problems() == []


@pytest.mark.parametrize(
    ("jump", "fix"),
    [
        ("-oProxyCommand=x", "options for ssh stand in your own ~/.ssh/config"),
        ("a, b", "write  proxy_jump: a,b"),
        ("a b", "write  proxy_jump: a,b"),
        ("false", "write  proxy_jump: none"),
        ("$(id)", None),
        ("a,-b", None),
        ("u@-b", None),
        ("a,,b", None),
    ],
)
def test_what_is_no_jump_is_refused(repo, jump: str, fix: str | None) -> None:
    what, found = ssh(repo, f"proxy_jump: '{jump}'")
    assert what.startswith(f'workstations.a.ssh.proxy_jump is "{jump}"; expected a host such as') and found == fix


@pytest.mark.parametrize("jump", ["none", "j", "u@j:22", "a,b@c:1,[::1]:2", "ssh://u@j:22", "10.0.0.1"])
def test_jumps_are_written_as_ssh_config_has_them(repo, jump: str) -> None:
    assert PROXY_JUMP.reads(jump)
    assert repo.write(f"workstations: {{a: {{ssh: {{proxy_jump: '{jump}'}}}}}}").problems() == []


@pytest.mark.parametrize(
    ("path", "fix"),
    [
        ("id_ed25519", "write  identity_file: ~/.ssh/id_ed25519"),
        ("keys/ops", "write  identity_file: ~/.ssh/NAME"),
        ("../ops", "write  identity_file: ~/.ssh/NAME"),
        ("~ops/key", "write  identity_file: ~/.ssh/NAME"),
        ("$HOME/.ssh/ops", "write  identity_file: ~/.ssh/ops"),
        ("${HOME}/.ssh/ops", "write  identity_file: ~/.ssh/ops"),
    ],
)
def test_a_key_is_not_relative_to_wherever_the_tool_runs(repo, path: str, fix: str) -> None:
    what, found = ssh(repo, f"identity_file: '{path}'")
    assert "expected the path of a key, beginning with / or ~/" in what and found == fix


@pytest.mark.parametrize("user", ["-l", "a/b", "a b", "../x", "a@b", "$(id)"])
def test_what_is_no_login_is_refused(repo, user: str) -> None:
    assert "expected a user's name" in ssh(repo, f"user: '{user}'")[0]


# ── values of guard: ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("field", "value", "fix"),
    [
        ("machine_id", "4F0C6D2A-9B1E-4A7F-8C3D-5E6F7A8B9C0D", "write  machine_id: 4f0c6d2a9b1e4a7f8c3d5e6f7a8b9c0d"),
        ("machine_id", "short", None),
        ("host_key", KEY, f"write  host_key: {FINGERPRINT}"),
        ("host_key", FINGERPRINT + "=", f"write  host_key: {FINGERPRINT}"),
        ("host_key", FINGERPRINT.removeprefix("SHA256:"), f"write  host_key: {FINGERPRINT}"),
        ("host_key", "MD5:aa:bb", "`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub` prints it there"),
        ("os", "Debian", "write  os: debian"),
        ("os", "linux", "leave  os  out where any distribution will do"),
        ("os", "a b", None),
        ("arch", "x86_46", "write  arch: x86_64"),
        ("arch", "AMD64", "write  arch: amd64"),
        ("arch", "pdp11", None),
        ("libc", "Glibc", "write  libc: glibc"),
        ("libc", "uclibc", "write  libc: glibc"),
    ],
)
@pytest.mark.parametrize("section", ["workstations", "groups"])
def test_what_no_machine_can_be_is_refused_with_what_was_meant(
    repo, section: str, field: str, value: str, fix: str | None
) -> None:
    _, what, found = told(repo, f'{section}: {{a: {{guard: {{{field}: "{value}"}}}}}}')
    assert what.startswith(f'{section}.a.guard.{field} is "{value}"; expected ') and found == fix


# ── secrets that only machines have ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["sudo_password", "ssh_password", "SUDO_PASSWORD", "Ssh_Password"])
def test_a_document_cannot_name_the_passwords_of_machines(repo, name: str) -> None:
    """Their variables are named in capitals, so case makes no other secret of them."""
    place, what, fix = told(repo, f"secrets: {{{name}: {{}}}}")
    assert (place, what) == ("2:11", f"{name} is kept for reaching machines; no document may use it")
    assert fix == "give this secret another name"


@pytest.mark.parametrize(
    "text",
    [
        "user: {settings: {a: '{{ secrets.sudo_password }}'}}",
        "user: {settings: {a: \"{{ secrets['sudo_password'] | urlencode }}\"}}",
        "user: {settings: {a: {b: ['x{{ secrets.sudo_password }}']}}}",
        "distro: {files: {/x: {content: '{{ secrets.sudo_password }}'}}}",
        "distro: {files: {/x: {template: x.j2}}}",
        "overlays: [{where: {workstation: lt}, user: {settings: {a: '{{ secrets.sudo_password }}'}}}]",
        "use: [own@1]",
        "include: [other.yaml]",
    ],
)
def test_no_template_anywhere_can_use_the_passwords_of_machines(repo, text: str) -> None:
    used = "version: 1\nuser: {settings: {a: '{{ secrets.sudo_password }}'}}\n"
    repo.file("x.j2", "{% if 1 %}\n{{ secrets.sudo_password }}\n{% endif %}")
    repo.file("playbooks/own@1.yaml", used).file("other.yaml", used)
    repo.machine("secrets: {sudo_password: {env: SUDO}}")
    _, what, fix = told(repo, text + "\n")
    assert what == "sudo_password is kept for reaching machines; no document may use it"
    assert fix == "name another secret under  secrets:"


def test_a_password_of_machines_that_is_named_and_used_is_refused_in_both_places(repo) -> None:
    repo.write("secrets: {ssh_password: {}}\nuser: {settings: {a: '{{ secrets.ssh_password }}'}}")
    assert [str(found.origin) for found in repo.problems()] == ["reconcile.yaml:2:11", "reconcile.yaml:3:22"]
