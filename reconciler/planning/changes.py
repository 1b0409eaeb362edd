"""Settled drafts become changes: folded, each with what it waits for and its fingerprint, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from reconciler.model.address import Address
from reconciler.model.plan import Change
from reconciler.planning import fingerprint, fold, order
from reconciler.planning.compare import Draft
from reconciler.planning.fold import Bundle
from reconciler.planning.secret_bytes import SecretBytes
from reconciler.planning.settle import Settled, offers

Ids = Mapping[Address, set[str]]


def changes_of(settled: Settled, secret_bytes: SecretBytes, key: bytes) -> tuple[Change, ...]:
    """`key`: see `plan`. DocumentError: two items would write one thing, or changes need each other."""
    bundles = fold.bundles(settled.drafts)
    secrets = fold.secrets_by_path(settled.drafts)
    sheets = {draft.item.address.target: draft.sheet for draft in settled.drafts}
    written = _ids((draft, bundle) for bundle in bundles for draft in bundle.drafts)
    prepared = _ids((draft, bundle) for bundle in bundles for draft, _ in bundle.prepared)
    changes = []
    for bundle in bundles:
        waits = _waits(bundle, written, prepared, settled) - {bundle.id}
        names = secrets.get((bundle.target, bundle.thing), frozenset())
        names |= secret_bytes.staying(bundle.target, bundle.thing, (draft.item.address for draft in bundle.drafts))
        change = fold.change(bundle, tuple(sorted(waits)), names)
        tasks = tuple(map(secret_bytes.marked, change.tasks))
        change = replace(change, tasks=tasks, unkept=secret_bytes.replaced(change, sheets[bundle.target]))
        changes.append(
            replace(change, fingerprint=fingerprint.of(change, [draft.item for draft in bundle.drafts], key))
        )
    return order.ordered(changes, {bundle.id for bundle in bundles if bundle.removes})


def _ids(pairs: Iterable[tuple[Draft, Bundle]]) -> Ids:
    found: dict[Address, set[str]] = {}
    for draft, bundle in pairs:
        found.setdefault(draft.item.address, set()).add(bundle.id)
    return found


def _waits(bundle: Bundle, written: Ids, prepared: Ids, settled: Settled) -> set[str]:
    """Ids of the changes that prepare or provide what the bundle needs, and of earlier parts of the same items.

    An item's parts run in their order: what goes live with a file comes after the file.
    """
    found: set[str] = set()
    for draft, part in bundle.work:
        found |= prepared.get(draft.item.address, set())
        for need in part.needs:
            for offer in offers(draft, need.claim, settled.providers):
                found |= written.get(offer.item.address, set())
        position = next(index for index, other in enumerate(draft.parts) if other is part)
        found |= {fold.bundle_of(draft, earlier).id for earlier in draft.parts[:position]}
    return found
