"""Which workstations there are, which of them this is, and which are meant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.documents.inventory import Here, select
from reconciler.model.address import Target
from reconciler.model.errors import DocumentError, UsageError

TEAM = """
groups: {ci: {users: [builder]}, backend: {}, empty: {}}
workstations:
  alice-lt: {}
  bob-lt: {groups: [backend], distros: {main: {name: [Ubuntu-24.04, Ubuntu], users: [self, carol]}, musl: {name: Alpine}}}
  build-07: {groups: [ci]}
"""


def at(repo, hostname: str, distro_name: str | None = None):
    repo.here = Here(hostname=hostname, user="alice", distro_name=distro_name)
    return repo.open().inventory


def selected(repo, limit: str | None = None, everything: bool = False, user: str | None = None) -> list[str]:
    return [str(target) for target in select(repo.open().inventory, limit, everything, lambda machine: "alice", user)]


# ── this workstation ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_this_workstation_is_the_one_named_like_the_host_whatever_the_case(repo) -> None:
    repo.write(TEAM)
    assert at(repo, "ALICE-LT").this.name == "alice-lt"
    assert at(repo, "build-07").this.groups == ("ci",)


def test_a_host_that_nothing_lists_is_a_workstation_of_its_own_in_no_group(repo) -> None:
    repo.write(TEAM)
    this = at(repo, "Some-Host").this
    assert (this.name, this.groups, this.declared) == ("some-host", (), False)


def test_a_host_name_that_cannot_be_a_name_is_made_one(repo) -> None:
    repo.write("")
    assert at(repo, "My Host/../x").this.name == "my-host-..-x"
    assert at(repo, "").this.name == "localhost"


def test_match_takes_the_place_of_the_name(repo) -> None:
    repo.write("workstations: {lab: {match: {hostname: ['lab-*', x]}}, y: {match: {hostname: z}}}")
    assert at(repo, "LAB-12").this.name == "lab"
    assert at(repo, "x").this.name == "lab"
    assert at(repo, "lab").this.name == "lab" and not at(repo, "lab").this.declared
    assert not at(repo, "y").this.declared


def test_a_host_name_that_fits_several_asks_to_name_one(repo) -> None:
    repo.write("workstations: {a: {match: {hostname: '*'}}, b: {match: {hostname: 'lt*'}}}")
    with pytest.raises(DocumentError, match="the host name lt fits a and b") as caught:
        at(repo, "lt")
    assert caught.value.problems[0].fix == "name this one: `reconcile init --workstation NAME`"
    repo.machine("workstation: b")
    assert at(repo, "lt").this.name == "b"


def test_machine_yaml_says_which_workstation_this_is(repo) -> None:
    repo.write(TEAM)
    repo.machine("workstation: BOB-LT\ngroups: [ci]")
    assert (at(repo, "alice-lt", "Ubuntu").this.name, at(repo, "alice-lt").this.groups) == ("bob-lt", ("backend", "ci"))


def test_machine_yaml_must_name_a_workstation_that_the_repo_lists_if_it_lists_any(repo) -> None:
    repo.write("").machine("workstation: mine")
    assert at(repo, "x").this.name == "mine"
    repo.write(TEAM).machine("workstation: bob-lr")
    with pytest.raises(DocumentError) as caught:
        at(repo, "x")
    assert caught.value.problems[0].what == "no document lists the workstation bob-lr"
    assert caught.value.problems[0].fix == "did you mean  bob-lt"
    assert str(caught.value.problems[0].origin).endswith("machine.yaml:1:14")


def test_groups_of_machine_yaml_must_be_declared(repo) -> None:
    repo.write(TEAM).machine("groups: [backnd]")
    with pytest.raises(DocumentError) as caught:
        at(repo, "x")
    assert (caught.value.problems[0].what, caught.value.problems[0].fix) == (
        'no group "backnd" is declared',
        "did you mean  backend",
    )


# ── this distro ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_only_distro_is_the_one_we_are_in(repo) -> None:
    repo.write("workstations: {lt: {distros: {dev: {name: Debian}}}}")
    assert at(repo, "lt").distro == "dev"
    repo.write("")
    assert at(repo, "lt").distro == "main"


def test_of_several_distros_wsl_tells_the_one_we_are_in(repo) -> None:
    repo.write(TEAM)
    assert at(repo, "bob-lt", "ubuntu").distro == "main"
    assert at(repo, "bob-lt", "Alpine").distro == "musl"


@pytest.mark.parametrize(("name", "words"), [("Debian", "none is called Debian"), (None, "WSL_DISTRO_NAME is not set")])
def test_where_the_distro_cannot_be_told_only_what_needs_it_fails(repo, name: str | None, words: str) -> None:
    repo.write(TEAM)
    inventory = at(repo, "bob-lt", name)
    assert len(select(inventory, "build-07", False, str, None)) == 3
    with pytest.raises(DocumentError, match="bob-lt has the distros main, musl") as caught:
        select(inventory, None, False, str, None)
    assert words in caught.value.problems[0].what


# ── selection ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("limit", "targets"),
    [
        ("alice-lt", ["alice-lt/windows", "alice-lt/main", "alice-lt/main/alice"]),
        ("ALICE-lt", ["alice-lt/windows", "alice-lt/main", "alice-lt/main/alice"]),
        ("ci", ["build-07/windows", "build-07/main", "build-07/main/builder"]),
        (
            "Backend",
            [
                "bob-lt/windows",
                "bob-lt/main",
                "bob-lt/main/alice",
                "bob-lt/main/carol",
                "bob-lt/musl",
                "bob-lt/musl/alice",
            ],
        ),
        ("build-*", ["build-07/windows", "build-07/main", "build-07/main/builder"]),
    ],
)
def test_a_name_a_group_or_a_glob_selects(repo, limit: str, targets: list[str]) -> None:
    repo.write(TEAM)
    assert selected(repo, limit) == targets


def test_without_a_choice_this_workstation_is_meant(repo) -> None:
    repo.write(TEAM)
    assert selected(repo) == ["lt/windows", "lt/main", "lt/main/alice"]
    assert selected(repo, user="bob") == ["lt/windows", "lt/main", "lt/main/bob"]


def test_a_user_replaces_those_that_are_declared(repo) -> None:
    repo.write(TEAM)
    assert selected(repo, "bob-lt", user="root") == [
        "bob-lt/windows",
        "bob-lt/main",
        "bob-lt/main/root",
        "bob-lt/musl",
        "bob-lt/musl/root",
    ]


def test_all_are_those_that_are_listed_and_not_who_only_runs_the_tool(repo) -> None:
    repo.write(TEAM)
    names = {target.partition("/")[0] for target in selected(repo, everything=True)}
    assert names == {"alice-lt", "bob-lt", "build-07"}
    repo.write("groups: {ci: {}}").machine("groups: [ci]")
    assert selected(repo, everything=True) == selected(repo, "ci") == ["lt/windows", "lt/main", "lt/main/alice"]


@pytest.mark.parametrize(
    ("limit", "what", "fix"),
    [
        ("bob-lr", "no workstation or group bob-lr", "did you mean  bob-lt"),
        ("backed", "no workstation or group backed", "did you mean  backend"),
        ("zz*", "no workstation or group zz*", None),
        ("empty", "no workstation is in the group empty", "write  groups: [empty]  at a workstation"),
    ],
)
def test_a_choice_that_means_nobody_is_a_wrong_command_line(repo, limit: str, what: str, fix: str | None) -> None:
    repo.write(TEAM)
    with pytest.raises(UsageError) as caught:
        selected(repo, limit)
    assert caught.value.problems[0].what == what
    if fix:
        assert caught.value.problems[0].fix == fix


def test_self_is_whoever_a_machine_is_entered_as(repo) -> None:
    found = repo.write(TEAM).open().inventory
    targets = select(found, "bob-lt", False, lambda machine: f"me-on-{machine.distro}", None)
    assert [target.user for target in targets if target.user] == ["me-on-main", "carol", "me-on-musl"]
    targets = select(found, "bob-lt", False, lambda machine: "carol", None)
    assert [target.user for target in targets if target.user] == ["carol", "carol"]


def test_self_is_who_called_and_where_ssh_leads_the_login_that_documents_name(repo) -> None:
    repo.write("""
        workstations:
          lt: {ssh: {user: ops}}
          named: {ssh: {user: ops}}
          open: {ssh: {}}
          unreached: {}
    """)
    users = {target.workstation: target.user for target in repo.open().every_target() if target.user}
    assert users == {"lt": "alice", "named": "ops", "open": "alice", "unreached": "alice"}


def test_of_several_distros_only_the_one_we_are_in_is_entered_without_ssh(repo) -> None:
    repo.write("workstations: {lt: {distros: {m: {ssh: {port: 1, user: x}}, n: {ssh: {port: 2, user: y}}}}}")
    users = [target.user for target in repo.open().every_target() if target.user]
    assert users == ["x", "y"]
    repo.here = Here(hostname="lt", user="alice", distro_name="M")
    users = [target.user for target in repo.open().every_target() if target.user]
    assert users == ["alice", "y"]


def test_who_knows_the_users_ssh_config_says_who_self_is_and_its_variables_follow(repo) -> None:
    repo.write("""
        workstations: {a: {ssh: {}, distros: {main: {users: {self: {vars: {x: mine}}, bob: {vars: {x: bobs}}}}}}}
        vars: {x: low}
        user: {settings: {a: '{{ vars.x }} {{ user.name }}'}}
    """)
    documents = replace(repo.open(), logins=lambda machine: "ops")
    targets = [target for target in documents.every_target() if target.user]
    values = [items.kinds["settings"].items["a"] for items in documents.desired(targets).values()]
    assert values == ["mine ops", "bobs bob"]
    other = Target("a", "main", "alice")
    assert documents.desired([other])[other].kinds["settings"].items["a"] == "low alice"


def test_who_is_named_twice_is_one_user(repo) -> None:
    repo.write("workstations: {lt: {distros: {main: {users: [self, alice, bob, bob]}}}}")
    assert selected(repo, "lt") == ["lt/windows", "lt/main", "lt/main/alice", "lt/main/bob"]


# ── what may be declared ─────────────────────────────────────────────────────────────────────────────────────────────


def test_workstations_and_groups_of_several_documents_merge(repo) -> None:
    repo.write("groups: {g: {vars: {x: low, y: low}}}\nworkstations: {lt: {groups: [g], vars: {z: low}}}", "a.yaml")
    repo.write("include: [a.yaml]\ngroups: {g: {vars: {x: high}}}\nworkstations: {lt: {vars: {w: high}}}\n"
               "user: {settings: {a: '{{ vars.x }} {{ vars.y }} {{ vars.z }} {{ vars.w }}'}}")  # fmt: skip
    assert repo.value() == "high low low high"


def test_names_that_differ_only_in_case_are_one_too_many(repo) -> None:
    repo.write("workstations: {alice-lt: {}, Alice-LT: {}}")
    assert repo.problem().what == 'workstation "Alice-LT" differs from "alice-lt" only in case'
    repo.write("workstations: {Alice-LT: {}}", "a.yaml").write("include: [a.yaml]\nworkstations: {alice-lt: {}}")
    assert str(repo.problem().origin) == "reconcile.yaml:3:16"


@pytest.mark.parametrize(
    "text",
    [
        "workstations: {'../x': {}}",
        "workstations: {'..': {}}",
        "workstations: {'-x': {}}",
        "workstations: {'-oProxyCommand=x': {}}",
        "workstations: {'x\\y': {}}",
        "workstations: {a: {distros: {'../x': {}}}}",
        "workstations: {a: {distros: {'-x': {}}}}",
        "workstations: {a: {distros: {main: {name: '../x'}}}}",
        "workstations: {a: {distros: {main: {users: ['../x']}}}}",
        "workstations: {a: {distros: {main: {users: ['-x']}}}}",
        "workstations: {a: {distros: {main: {users: {'../x': {}}}}}}",
        "groups: {g: {users: ['../x']}}",
        "groups: {'../x': {}}",
        "groups: {'-x': {}}",
        "workstations: {'a/b': {}}",
        "workstations: {'a:b': {}}",
        "workstations: {'': {}}",
        "workstations: {'a b': {}}",
        "workstations: {'.x': {}}",
        "workstations: {a: {distros: {windows: {}}}}",
        "workstations: {a: {distros: {'x/y': {}}}}",
        "workstations: {a: {distros: {main: {users: ['a/b']}}}}",
        "workstations: {a: {distros: {main: {users: {'a:b': {}}}}}}",
        'workstations: {a: {distros: {main: {name: "Ubuntu\\n"}}}}',
        "groups: {'a/b': {}}",
        "groups: {'{{ vars.x }}': {}}",
        "workstations: {a: {groups: ['{{ vars.x }}']}}",
        "workstations: {a: {ssh: {port: 0}}}",
        "workstations: {a: {ssh: {port: 65536}}}",
        "workstations: {a: {ssh: {client: putty}}}",
        "workstations: {a: {guard: {machine_id: short}}}",
        "workstations: {a: {match: {}, hostname: x}}",
        "workstations: [a]",
        "workstations: {a: b}",
    ],
)
def test_what_is_no_inventory_is_refused(repo, text: str) -> None:
    repo.write(text)
    assert len(repo.problems()) == 1, repo.problems()


def test_the_key_of_the_windows_host_is_reserved(repo) -> None:
    repo.write("workstations: {a: {distros: {windows: {}}}}")
    assert "windows is reserved for the Windows host" in repo.problem().what


def test_a_group_that_nothing_declares_is_an_error_with_the_nearest(repo) -> None:
    repo.write("groups: {backend: {}}\nworkstations: {a: {groups: [backnd]}}")
    assert (repo.problem().what, repo.problem().fix) == ('no group "backnd" is declared', "did you mean  backend")


def test_the_grammar_of_the_inventory_is_read_whole(repo) -> None:
    repo.write(
        """
        groups: {ci: {ssh: {user: ops}, users: [builder], vars: {v: 1}, guard: {os: debian}}, backend: {}}
        workstations:
          k:
            groups: [ci]
            match: {hostname: [k, 'k.*']}
            vars: {v: 1}
            guard: {machine_id: 4f0c6d2a9b1e4a7f8c3d5e6f7a8b9c0d, host_key: "SHA256:KEY", os: ubuntu, arch: x86_64, libc: musl}
            ssh: {host: 10.0.0.7, port: 22, user: ops, identity_file: ~/.ssh/id, proxy_jump: none, client: openssh}
            windows: {ssh: {host: k-win}}
            distros: {main: {name: [Ubuntu-24.04, Ubuntu], ssh: {}, vars: {v: 1}, users: {self: {}, bob: {vars: {v: 2}}}}}
        user: {settings: {a: '{{ vars.v }}'}}
    """.replace("KEY", 43 * "A")
    )
    assert repo.problems() == []
