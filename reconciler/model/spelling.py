"""What a misspelt name was meant to be."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Names are short; comparing costs the product of both lengths.
LONGEST_WORD_CHARACTERS = 100
LEAST_SIMILARITY = 0.6


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that is spelt most like `word`, whatever the case of either; None where none comes near."""
    if len(word) > LONGEST_WORD_CHARACTERS:
        return None
    names = {name.casefold(): name for name in sorted(known, reverse=True) if len(name) <= LONGEST_WORD_CHARACTERS}
    found = get_close_matches(word.casefold(), names, n=1, cutoff=LEAST_SIMILARITY)
    return names[found[0]] if found else None
