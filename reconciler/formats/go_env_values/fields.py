"""Go's own way to split a value into words, for GOFLAGS, CC, CGO_CFLAGS and the like. From cmd/internal/quoted."""

from __future__ import annotations

import re

_FIELD = re.compile(r"""[ \t\r\n]*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^"' \t\r\n][^ \t\r\n]*))""")


class UnterminatedQuoteError(ValueError):
    """A word begins with a quote that nothing closes."""


def quoted_fields(value: str) -> tuple[str, ...]:
    """Words of `value`. Quotes count at a word's beginning only, and a closing quote ends the word; nothing escapes."""
    fields: list[str] = []
    rest = value.rstrip(" \t\r\n")
    while rest:
        match = _FIELD.match(rest)
        if match is None:
            raise UnterminatedQuoteError(rest)
        fields.append(next(word for word in match.groups() if word is not None))
        rest = rest[match.end() :]
    return tuple(fields)


def refused_quoting(key: str, value: str) -> str | None:
    """Why go cannot split `value`. With the flags of cgo that is a panic, also of `go env`."""
    try:
        quoted_fields(value)
    except UnterminatedQuoteError as error:
        quote = str(error).lstrip()[0]
        return f"{key} opens a word with {quote} and never closes it, so that go cannot read it: close the quote"
    return None
