"""How documents say that a machine is reached by SSH."""

from __future__ import annotations

import pytest

from reconciler.documents.remotes import remote
from reconciler.model.address import Target
from reconciler.model.errors import UsageError
from reconciler.model.remote import NoRemote, Remote


def reached(repo, text: str, workstation: str = "a", distro: str | None = "main") -> Remote:
    found = remote(repo.write(text).open().inventory, Target(workstation, distro))
    assert isinstance(found, Remote), found
    return found


def unreached(repo, text: str, workstation: str = "a", distro: str | None = "main") -> NoRemote:
    found = remote(repo.write(text).open().inventory, Target(workstation, distro))
    assert isinstance(found, NoRemote), found
    return found


def told(repo, text: str) -> list[tuple[str, str, str | None]]:
    return [(str(found.origin), found.what, found.fix) for found in repo.write(text).problems()]


# ── who wins ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_that_documents_may_say_is_read(repo) -> None:
    text = (
        "{host: 10.0.0.7, port: 2222, user: ops, identity_file: ~/.ssh/ops, proxy_jump: 'j@jump:2022', client: openssh}"
    )
    found = reached(repo, f"workstations: {{a: {{ssh: {text}}}}}")
    assert (found.host, found.port, found.user) == ("10.0.0.7", 2222, "ops")
    assert (found.identity_file, found.proxy_jump, found.client) == ("~/.ssh/ops", "j@jump:2022", "openssh")


def test_what_documents_leave_open_is_left_to_the_users_ssh_config(repo) -> None:
    found = reached(repo, "workstations: {build-07: {ssh: {}}}", "build-07")
    assert (found.host, found.port, found.user, found.identity_file) == ("build-07", None, None, None)
    assert (found.proxy_jump, found.client) == (None, "paramiko")


def test_later_groups_win_over_earlier_ones_the_workstation_over_both_and_the_distro_over_all(repo) -> None:
    text = """
        groups: {g: {ssh: {user: g, port: 1, proxy_jump: g, identity_file: /g}}, h: {ssh: {user: h, port: 2, proxy_jump: h}}}
        workstations: {a: {groups: [g, h], ssh: {user: a, port: 3}, distros: {main: {ssh: {user: d}}}}}
    """
    found = reached(repo, text)
    assert (found.user, found.port, found.proxy_jump, found.identity_file) == ("d", 3, "h", "/g")
    found = reached(repo, text.replace("[g, h]", "[h, g]").replace("ssh: {user: d}", "").replace("user: a, ", ""))
    assert (found.user, found.port, found.proxy_jump) == ("g", 3, "g")


def test_a_higher_document_adds_to_what_a_lower_one_says(repo) -> None:
    repo.write("workstations: {a: {ssh: {host: low, user: low}}}", "low.yaml")
    found = reached(repo, "include: [low.yaml]\nworkstations: {a: {ssh: {host: high}}}")
    assert (found.host, found.user, str(found.origin)) == ("high", "low", "reconcile.yaml:3:20")


def test_the_place_is_that_of_the_ssh_that_counts_most(repo) -> None:
    text = "groups: {g: {ssh: {user: x}}}\nworkstations: {a: {groups: [g], distros: {main: {ssh: {host: y}}}}}"
    assert str(reached(repo, text).origin) == "reconcile.yaml:3:50"
    text = "groups: {g: {ssh: {user: x}}}\nworkstations: {a: {groups: [g]}}"
    assert str(reached(repo, text).origin) == "reconcile.yaml:2:14"


def test_a_groups_ssh_alone_is_a_door_under_the_workstations_name(repo) -> None:
    found = reached(repo, "groups: {ci: {ssh: {user: ops}}}\nworkstations: {b: {groups: [ci]}}", "b")
    assert (found.host, found.user) == ("b", "ops")


# ── which door ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_workstations_ssh_is_the_door_of_its_only_distro_whatever_its_key(repo) -> None:
    assert reached(repo, "workstations: {a: {ssh: {host: x}, distros: {dev: {}}}}", distro="dev").host == "x"


def test_of_several_distros_each_has_its_own_door_and_the_workstations_says_what_they_share(repo) -> None:
    text = "workstations: {a: {ssh: {host: x, user: u}, distros: {m: {ssh: {port: 1}}, n: {ssh: {port: 2}}}}}"
    found = [reached(repo, text, distro=key) for key in "mn"]
    assert [(one.host, one.port, one.user) for one in found] == [("x", 1, "u"), ("x", 2, "u")]


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("workstations: {a: {}}", "write  workstations: {a: {ssh: {host: …}}}"),
        ("groups: {g: {}}\nworkstations: {a: {groups: [g]}}", "write  workstations: {a: {ssh: {host: …}}}"),
        (
            "groups: {g: {ssh: {user: x}}}\nworkstations: {a: {groups: [g], distros: {main: {}, n: {}}}}",
            "write  workstations: {a: {distros: {main: {ssh: {host: …}}}}}",
        ),
    ],
)
def test_a_machine_that_no_ssh_leads_to_says_what_to_write(repo, text: str, fix: str) -> None:
    found = unreached(repo, text)
    assert (found.why, found.fix) == ("no `ssh:` says how to reach a/main", fix)


@pytest.mark.parametrize("distros", ["{main: {}}", "{main: {}, n: {ssh: {host: n}}}"])
def test_a_distro_without_a_door_of_its_own_is_behind_its_windows_host(repo, distros: str) -> None:
    text = f"workstations: {{a: {{windows: {{ssh: {{host: w}}}}, distros: {distros}}}}}"
    found = unreached(repo, text)
    assert "a/main is behind its Windows host" in found.why and "ssh:  of its own" in found.fix
    assert repo.problems() == []


def test_the_only_distro_of_a_workstation_with_a_windows_host_may_have_a_door_of_its_own(repo) -> None:
    text = "workstations: {a: {ssh: {host: x}, windows: {ssh: {host: w}}}}"
    assert reached(repo, text).host == "x"
    assert reached(repo, text.replace("ssh: {host: x}, ", "distros: {main: {ssh: {host: y}}}, ")).host == "y"


def test_a_windows_host_is_not_reached_yet(repo) -> None:
    assert "Windows host" in unreached(repo, "workstations: {a: {windows: {ssh: {host: w}}}}", distro=None).why


def test_a_machine_that_nothing_declares_is_a_wrong_command_line(repo) -> None:
    with pytest.raises(UsageError):
        unreached(repo, "workstations: {a: {ssh: {}}}", "b")
    with pytest.raises(UsageError):
        unreached(repo, "workstations: {a: {ssh: {}}}", "a", "other")


# ── what is wrong with doors ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("distros", ["{m: {}, n: {}}", "{m: {ssh: {host: y}}, n: {}}"])
def test_a_workstations_ssh_does_not_say_to_which_of_several_distros_it_leads(repo, distros: str) -> None:
    ((place, what, fix),) = told(repo, f"workstations: {{a: {{ssh: {{host: x}}, distros: {distros}}}}}")
    assert place == "reconcile.yaml:2:20"
    assert what == "a has several distros, and its ssh: does not say to which of them it leads"
    assert fix is not None and "ssh: {host: …}" in fix and "windows: {ssh:" in fix
    assert told(repo, f"workstations: {{a: {{ssh: {{host: x}}, windows: {{ssh: {{}}}}, distros: {distros}}}}}") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ssh: {host: 10.0.0.7}", "ssh: {host: 10.0.0.7}"),
        ("ssh: {host: Build.example.com}", "ssh: {host: build.EXAMPLE.com., port: 22}"),
        ("ssh: {host: x, user: u}", "ssh: {host: x, user: v, identity_file: /k, client: openssh}"),
        ("ssh: {host: b}", "ssh: {}"),
        ("ssh: {host: x, proxy_jump: none}", "ssh: {host: x}"),
        ("ssh: {host: x, proxy_jump: j}", "ssh: {host: x, proxy_jump: J}"),
        ("groups: [g]", "groups: [g]"),
        ("ssh: {host: x}", "windows: {ssh: {host: x}}"),
    ],
)
def test_two_workstations_with_one_address_are_an_error(repo, one: str, other: str) -> None:
    text = f"groups: {{g: {{ssh: {{host: x}}}}}}\nworkstations:\n  a: {{{one}}}\n  b: {{{other}}}\n"
    ((place, what, fix),) = told(repo, text)
    assert what.startswith("b/") and "has the same address as a/main (reconcile.yaml:" in what
    assert fix is not None and "proxy_jump:" in fix
    assert place.startswith("reconcile.yaml:2:" if one == "groups: [g]" else "reconcile.yaml:5:")


def test_two_distros_with_one_address_are_an_error(repo) -> None:
    ((_, what, _),) = told(repo, "workstations: {a: {distros: {m: {ssh: {}}, n: {ssh: {port: 22}}}}}")
    assert what == "a/n has the same address as a/m (reconcile.yaml:2:34): a, port 22"


def test_a_windows_host_and_its_distro_have_addresses_of_their_own(repo) -> None:
    ((_, what, _),) = told(repo, "workstations: {a: {ssh: {user: u}, windows: {ssh: {}}}}")
    assert "a/main has the same address as a/windows" in what
    assert told(repo, "workstations: {a: {ssh: {port: 2222}, windows: {ssh: {}}}}") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ssh: {host: x}", "ssh: {host: x, port: 2222}"),
        ("ssh: {host: 10.0.0.7, proxy_jump: j}", "ssh: {host: 10.0.0.7, proxy_jump: k}"),
        ("ssh: {host: 10.0.0.7, proxy_jump: j}", "ssh: {host: 10.0.0.7}"),
        ("groups: [g]", "{groups: [g], ssh: {host: y}}"),
        ("{}", "{}"),
    ],
)
def test_machines_with_addresses_of_their_own_are_fine(repo, one: str, other: str) -> None:
    one, other = (text if text.startswith("{") else f"{{{text}}}" for text in (one, other))
    assert told(repo, f"groups: {{g: {{ssh: {{host: x}}}}}}\nworkstations:\n  a: {one}\n  b: {other}\n") == []


def test_all_that_is_wrong_is_told_at_once(repo) -> None:
    text = """
        workstations:
          a: {ssh: {host: x}, groups: [gone]}
          b: {ssh: {host: x}}
          c: {ssh: {host: x}}
          d: {ssh: {}, distros: {m: {}, n: {}}, guard: {machine_id: 4f0c6d2a9b1e4a7f8c3d5e6f7a8b9c0d}}
    """
    assert len(told(repo, text)) == 5
