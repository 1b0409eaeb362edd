"""What has to be asked of a person: each thing once a run, one at a time, whatever the number of machines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable

Ask = Callable[[str], str | None]
"""Puts a question whose answer is not shown; None where nobody can be asked. The text may hold what a server said."""


class Questions:
    """May be asked from several threads: whoever comes second waits for the answer to the first."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._lock = threading.Lock()
        self._answers: dict[Hashable, str | None] = {}

    def answer(self, about: Hashable, question: str) -> str | None:
        with self._lock:
            if about not in self._answers:
                self._answers[about] = self._ask(question)
            return self._answers[about]
