"""How documents say that a machine is reached, kept in files."""

from __future__ import annotations

import json

import pytest

from reconciler.model.remote import Remote
from reconciler.model.tree import Origin

WHOLE = Remote(
    host="10.0.0.7",
    user="ops",
    port=2222,
    identity_file="~/.ssh/ops",
    proxy_jump="j@jump:2022,[::1]",
    client="openssh",
    origin=Origin("team/hosts.yaml", 12, 5),
)


@pytest.mark.parametrize("remote", [WHOLE, Remote(host="build-07")])
def test_a_remote_comes_back_from_json_as_it_was(remote: Remote) -> None:
    assert Remote.from_json(json.loads(json.dumps(remote.to_json()))) == remote


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("host", "-oProxyCommand=id"),
        ("host", "$(id)"),
        ("host", "a b"),
        ("host", "x\n"),
        ("host", ""),
        ("host", None),
        ("host", 7),
        ("user", "-l"),
        ("user", "a b"),
        ("user", ["a"]),
        ("port", 0),
        ("port", 65536),
        ("port", "22"),
        ("port", True),
        ("identity_file", "ops"),
        ("identity_file", "../ops"),
        ("identity_file", "~/a\nb"),
        ("proxy_jump", "-J"),
        ("proxy_jump", "a,-oProxyCommand=id"),
        ("client", "telnet"),
        ("client", None),
        ("origin", ["a", 1]),
        ("origin", "a:1:1"),
    ],
)
def test_what_no_document_could_say_is_no_remote(key: str, value: object) -> None:
    """A plan file may come from anywhere, and these words reach ssh_config and a command line."""
    body = WHOLE.to_json()
    assert isinstance(body, dict)
    with pytest.raises(ValueError, match=r"remote|place"):
        Remote.from_json({**body, key: value})


@pytest.mark.parametrize("value", [None, [], "x", {}, {"host": "x"}])
def test_something_else_is_no_remote(value: object) -> None:
    with pytest.raises(ValueError):
        Remote.from_json(value)


def test_one_machine_has_one_address_however_it_is_spelt() -> None:
    same = [
        Remote(host="x"),
        Remote(host="X."),
        Remote(host="x", port=22, user="u"),
        Remote(host="x", proxy_jump="NONE"),
    ]
    assert len({remote.address for remote in same}) == 1
    others = [Remote(host="y"), Remote(host="x", port=2222), Remote(host="x", proxy_jump="j")]
    assert not {remote.address for remote in others} & {same[0].address}
