"""Documents as a hostile pull request could bring them: the corpus in `malicious/`, and what has to become of each.

A case is refused with a place and a fix before anything is started, or its item is marked with a risk; then `apply --yes`
writes nothing of it. `files` and `links` are what the pull request brings beside the document. CANARY stands for a file
that a payload would make, AUTHORITY for a certificate. `place: running` is of cases that a machine at rest tells nothing of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

FOLDER: Final = Path(__file__).parent / "malicious"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """One of `refused` (words of the message), `risk` (which `--allow-exec` has to allow), `marked` (a risk that is only
    shown) and `blocked` (words of why a plan leaves it out)."""

    name: str
    document: str
    refused: str | None = None
    risk: str | None = None
    marked: str | None = None
    blocked: str | None = None
    place: str = "rest"
    files: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    def check_out(self, repo: Path, words: Mapping[str, str]) -> None:
        """`words` are what CANARY and AUTHORITY stand for. `outside` lies beside the repo."""
        (repo / ".git").mkdir(parents=True, exist_ok=True)
        (repo.parent / "outside").write_text("version: 1\n# what others may not see\n")
        texts = {**self.files, "reconcile.yaml": f"version: 1\n{self.document}"}
        for name, text in texts.items():
            (repo / name).parent.mkdir(parents=True, exist_ok=True)
            (repo / name).write_text(self._told(text, words), encoding="utf-8")
        for name, target in self.links.items():
            (repo / name).parent.mkdir(parents=True, exist_ok=True)
            (repo / name).symlink_to(target)

    def _told(self, text: str, words: Mapping[str, str]) -> str:
        for word, meaning in words.items():
            text = text.replace(word, meaning)
        return text


def corpus() -> Iterator[PullRequest]:
    for path in sorted(FOLDER.glob("*.yaml")):
        for row in yaml.safe_load(path.read_text(encoding="utf-8")):
            yield PullRequest(**row)
