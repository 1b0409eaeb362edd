from __future__ import annotations

from collections.abc import Callable

from reconciler.model.address import Address, Target
from reconciler.model.explanation import Declaration, Explanation
from reconciler.model.plan import FieldDiff, ItemPlan
from reconciler.model.secrets import Secret, SecretHole, SecretText
from reconciler.model.states import State
from reconciler.model.tree import Origin
from reconciler.model.values import ABSENT, UNMANAGED
from reconciler.rendering.explain import explain_text

GOPROXY = Address(Target("alice-lt", "main", "alice"), "go_env", "GOPROXY")


def declared(rank: str, value: object, line: int = 3, ignored: str | None = None) -> Declaration:
    return Declaration(
        rank=rank, origin=Origin(rank.partition("@")[0] + ".yaml", line, 5), value=value, ignored=ignored
    )


def test_an_explanation_looks_as_it_did(golden: Callable[[str, str], None]) -> None:
    chain = (
        declared("wsl-go-baseline@1", "https://proxy.golang.org,direct"),
        declared("team", UNMANAGED, 14),
        declared("overlay: carol keeps her own proxy", ABSENT, 31, "its where means the workstation carol-lt"),
        Declaration(rank="reconcile.yaml", origin=Origin("reconcile.yaml", 16, 14), value="https://goproxy.cn,direct"),
    )
    diff = FieldDiff(name="value", before="off", after="https://goproxy.cn,direct")
    item = ItemPlan(address=GOPROXY, state=State.CHANGE, diffs=(diff,), origin=Origin("reconcile.yaml", 16, 14))
    explanation = Explanation(
        address=GOPROXY, value="https://goproxy.cn,direct", chain=chain, notes=("templates are shown as written",)
    )
    golden("explain.txt", explain_text(explanation, item, width=80))


def test_the_declaration_that_counts_has_a_mark() -> None:
    chain = (declared("low", "a"), declared("high", "b"), declared("past", "c", ignored="its until is over"))
    lines = explain_text(Explanation(address=GOPROXY, value="b", chain=chain)).split("\n")
    assert [line.split()[1] for line in lines if line.startswith("  > ")] == ["high"]
    assert "        does not count: its until is over" in lines


def test_an_address_that_no_document_speaks_of_says_so() -> None:
    assert explain_text(Explanation(address=GOPROXY, value=None)) == f"{GOPROXY}\n  value: declared nowhere"


def test_a_secret_is_shown_as_its_template_only() -> None:
    template = SecretText(("http://", SecretHole("proxy_password"), "@proxy"))
    chain = (declared("a", template), declared("b", Secret("canary", frozenset({"proxy_password"}))))
    text = explain_text(Explanation(address=GOPROXY, value={"value": template}, chain=chain))
    assert "canary" not in text
    assert "http://{{ secrets.proxy_password }}@proxy" in text
