"""Where secrets stand, by the journal alone: what it takes for one to be gone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model import ledger
from reconciler.model.address import Address, Target
from reconciler.model.facts import PathType
from reconciler.model.ledger import ChangeRecord, ItemRecord, PathRecord, RunRecord, RunStamp, retention
from reconciler.model.ledger.secrets import secret_fields, secrets_at
from reconciler.model.tasks import Base
from reconciler.model.values import Json

MAIN = Target("lt", "main")
PATH = "/etc/x"
MISSING = Base(type=PathType.MISSING)
SECRET: dict[str, Json] = {"value": {"$secret": ["token"]}}
PLAIN: dict[str, Json] = {"value": "plain"}


def address(name: str) -> Address:
    return Address(MAIN, "go_env", name)


def file(digest: str) -> Base:
    return Base(type=PathType.FILE, digest=digest)


def run(
    generation: int,
    items: dict[str, dict[str, Json] | None],
    *,
    secrets: tuple[str, ...] = (),
    after: Base | None = None,
    is_done: bool = True,
) -> RunRecord:
    """One file is written; what is left has a digest of its own, unless `after` says otherwise."""
    left = after or file(f"{generation}")
    record = PathRecord(task=1, path=PATH, before=file(f"{generation - 1}"), after=left, secrets=secrets)
    change = ChangeRecord(
        number=1, id="c", thing=PATH, target=MAIN, paths=(record,), is_done=is_done,
        items=tuple(ItemRecord(address=address(name), before=None, after=value) for name, value in items.items()),
    )  # fmt: skip
    stamp = RunStamp(id=f"r{generation}", at="2025-01-01 10:00:00 UTC")
    return RunRecord(generation=generation, stamp=stamp, changes=(change,))


BROUGHT = run(1, {"A": SECRET}, secrets=("token",))


@pytest.mark.parametrize(
    ("later", "stands"),
    [
        (run(2, {"A": PLAIN}), False),
        (run(2, {"A": None}, after=MISSING), False),
        (run(2, {"A": PLAIN}, is_done=False), True),
        (run(2, {"A": None}, after=MISSING, is_done=False), True),
        (run(2, {"B": PLAIN}), True),
        (run(2, {"A": {"mode": "0600"}}, after=file("1")), True),
        (run(2, {"A": SECRET}, after=file("1")), True),
    ],
)
def test_a_secret_stands_until_its_address_or_its_file_has_lost_it_for_sure(later: RunRecord, stands: bool) -> None:
    assert (PATH in secrets_at((BROUGHT, later))) == stands


def test_what_may_not_have_been_done_may_have_brought_one() -> None:
    assert PATH in secrets_at((run(1, {"A": SECRET}, secrets=("token",), is_done=False),))


def test_a_secret_of_nobody_known_stands_until_the_file_goes() -> None:
    found = run(1, {"B": PLAIN}, secrets=("token",))
    assert [*secrets_at((found, run(2, {"B": None}), run(3, {"A": PLAIN})))[PATH]] == [None]
    assert secrets_at((found, run(2, {}, after=MISSING))) == {}


def test_a_field_is_secret_until_its_address_got_another_value_for_it() -> None:
    other = run(2, {"A": {"mode": "0600"}})
    assert secret_fields((BROUGHT, other)) == {address("A"): {"value": {"token"}}}
    assert secret_fields((BROUGHT, run(2, {"A": PLAIN}, is_done=False))) == secret_fields((BROUGHT,))
    assert secret_fields((BROUGHT, run(2, {"A": PLAIN}))) == secret_fields((BROUGHT, run(2, {"A": None}))) == {}


def test_the_run_that_brought_a_secret_stays_in_the_journal_though_its_address_is_ours_no_more() -> None:
    released = replace(run(2, {}, after=file("1")), released=frozenset({address("A")}))
    others = [run(number, {"B": None}, after=file("1")) for number in range(3, 40)]
    now = RunStamp(id="now", at="2026-12-01 12:00:00 UTC")

    kept = ledger.read(retention.compacted((BROUGHT, released, *others), now))

    assert len(kept) < 39 and PATH in secrets_at(kept)


def test_that_bytes_were_not_kept_is_written_and_read_again() -> None:
    record = replace(BROUGHT.changes[0].paths[0], kept=False)
    unkept = replace(BROUGHT, changes=(replace(BROUGHT.changes[0], paths=(record,)),))
    assert ledger.read(ledger.rows_of(unkept).encode()) == (unkept,)
    assert ledger.read(ledger.rows_of(BROUGHT).encode()) == (BROUGHT,)
