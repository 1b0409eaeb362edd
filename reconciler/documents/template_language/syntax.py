"""Template text to Jinja's nodes, by Jinja's own lexer and parser; nothing is compiled.

A line of a file that holds only a tag or comment leaves no line. In a value `{#` is text: shells write `${#list}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import ClassVar, Final

from jinja2 import Environment, TemplateSyntaxError, nodes
from jinja2.ext import Extension
from jinja2.lexer import Token, TokenStream

from reconciler.documents.template_language.values import LanguageError

VALUE_LARGEST_BYTES: Final = 16 * 1024
FILE_LARGEST_BYTES: Final = 256 * 1024
_FILE_TAGS: Final = frozenset({"if", "elif", "else", "endif", "for", "endfor"})
_NO_COMMENTS: Final = "\N{NULL}{#"


class _Guard(Extension):
    """Refuses tags that the language lacks and texts too long to parse in a moment, before Jinja's parser sees them."""

    allowed_tags: ClassVar[frozenset[str]]
    most_tokens: ClassVar[int]

    def filter_stream(self, stream: TokenStream) -> Iterator[Token]:
        previous = ""
        for count, token in enumerate(stream):
            if count >= self.most_tokens:
                raise LanguageError(f"this template has more than {self.most_tokens:,} parts", "split it", token.lineno)
            if previous == "block_begin" and token.value not in self.allowed_tags:
                raise self._refused(token)
            previous = token.type
            yield token

    def _refused(self, token: Token) -> LanguageError:
        if not self.allowed_tags:
            what = f"{{% {token.value} %}} stands in a value; a value holds expressions only"
            return LanguageError(what, "write  {{ … if … else … }}  or use a template file", token.lineno)
        what = f"{{% {token.value} %}} is not in the template language"
        return LanguageError(what, "there are only if, elif, else, for, and raw for text as it is", token.lineno)


class _ValueGuard(_Guard):
    allowed_tags = frozenset()
    most_tokens = 2_000


class _FileGuard(_Guard):
    allowed_tags = _FILE_TAGS
    most_tokens = 20_000


@cache
def _environment(file: bool) -> Environment:
    return Environment(
        extensions=[_FileGuard if file else _ValueGuard],
        comment_start_string="{#" if file else _NO_COMMENTS,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def read(source: str, *, file: bool) -> nodes.Template:
    """The nodes of the text. LanguageError where it is not Jinja's syntax, or too long."""
    limit = FILE_LARGEST_BYTES if file else VALUE_LARGEST_BYTES
    size = len(source.encode("utf-8", "surrogatepass"))
    if size > limit:
        raise LanguageError(
            f"this template has {size:,} bytes; the limit is {limit:,}", "split it, or move it to a file"
        )
    if "\r" in source:
        line = source[: source.index("\r")].count("\n") + 1
        raise LanguageError("a carriage return stands in the template", r'write  {{ "\r" }}  where one is meant', line)
    try:
        return _environment(file).parse(source)
    except TemplateSyntaxError as error:
        what, fix = _explained(error.message or "")
        raise LanguageError(what, fix, error.lineno) from None
    except RecursionError:
        raise LanguageError("the template is nested too deep", "write it in smaller steps") from None
    except (ValueError, OverflowError, MemoryError):
        raise LanguageError("a number or text in the template cannot be read", "write it shorter") from None


_SPOKEN: Final = {
    "end of print statement": "}}",
    "end of statement block": "%}",
    "end of template": "the end",
    "float": "a number",
    "integer": "a number",
    "string": "quoted text",
}

_EXPLANATIONS: Final = (
    (r"Missing end of comment tag", "{{# has no #}} after it", "close it; for the text itself write  {{{{ '{{#' }}}}"),
    (r"Missing end of raw directive", "{{% raw %}} has no {{% endraw %}} after it", "close it"),
    (r"unexpected end of template, expected '(.*)'", "the template ends, and {0} is missing", "close what is open"),
    (r".* block that needs to be closed is '(.*)'", "{{% {0} %}} is not closed", "write  {{% end{0} %}}  after it"),
    (r"Encountered unknown tag '(.*)'", "{{% {0} %}} has no beginning", "remove it, or write its beginning before it"),
    (r"Expected an expression, got '(.*)'", "an expression is missing before {0}", "write a name, as in  vars.port"),
    (r"unexpected char ([\"'])['\"]\1 at", "a quote in an expression has no end", "close it"),
    (r"unexpected char ['\"](.*)['\"] at", "{0} cannot stand in an expression", "put text in quotes"),
    (
        r"expected token '(.*)', got '(.*)'",
        "{1} stands where {0} is expected",
        "join values with  ~  and put text in quotes",
    ),
    (r"unexpected '(.*)', expected '(.*)'", "{0} stands where {1} is expected", "check the brackets"),
    (r"unexpected '(.*)'", "{0} stands where a value is expected", "check the brackets and what stands before it"),
    (r"expected name or number", "a name is missing after the point", "write it, as in  vars.port"),
    (r"can't assign to", "a loop's variable must be a name", "write  {{% for name in … %}}"),
    (
        r"invalid syntax for function call",
        "the parentheses hold something else than values",
        "write  (value, name=value)",
    ),
)


def _explained(message: str) -> tuple[str, str]:
    """Jinja's message in words for who wrote the template."""
    for pattern, what, fix in _EXPLANATIONS:
        found = re.match(pattern, message, re.DOTALL)
        if found:
            words = [_SPOKEN.get(group, group) for group in found.groups() if group is not None]
            return what.format(*words), fix.format(*words)
    return f"the template cannot be read ({message})", "check the quotes and backslashes in it"
