r"""The ini dialect of WSL, for /etc/wsl.conf and .wslconfig: what WSL makes of a file, and edits that it will obey.

Python's configparser reads another language. In this one:

- Only `#` starts a comment: on a line of its own, behind a header, or anywhere in an unquoted value. `;` is text.
- A header is `[`, a letter, letters and digits, `]`, nothing but blanks before and blanks or a comment behind. Sections
  may be opened again. A key is a letter with letters and digits, then `=`. Neither cares for case.
- A value goes to the line's end, trailing blanks not counted. `"` switches quoting anywhere and is dropped; quotes
  protect `#` and blanks, and do not go over a line end. The escapes are `\\ \" \n \t \b` and a backslash before a line
  end (the value goes on), inside quotes and outside; any other makes the line malformed.
- The first setting of a key counts, even when its value is invalid and a later one's is not. Names WSL does not know
  are warned of and ignored.
- A malformed line ends the reading of /etc/wsl.conf: above it counts, below it is dead. A byte order mark is such a
  line. In .wslconfig the line is skipped; but a malformed header there lets the keys below it go astray.
- A lone carriage return ends a value or header, not a comment. .wslconfig is read in the C runtime's text mode: byte
  order mark dropped, CRLF is LF, Ctrl-Z ends the file.

Text here is decoded from bytes as UTF-8 with `surrogateescape`; a byte order mark stays in it as U+FEFF.

Source: microsoft/WSL src/shared/configfile/configfile.cpp at 3e27a6a5 (after 2.9.4), restated; recorded answers of that
parser are in tests/corpus/wsl-ini.jsonl.
"""

from __future__ import annotations

from reconciler.formats.wsl_ini.catalogue import KEYS, find_key
from reconciler.formats.wsl_ini.editing import edit, repair
from reconciler.formats.wsl_ini.effect import Parsed, dead_settings, parse
from reconciler.formats.wsl_ini.keys import Key, Value, ValueType
from reconciler.formats.wsl_ini.messages import Warning_, why_refused
from reconciler.formats.wsl_ini.parts import Dialect, Setting, WarningKind
from reconciler.formats.wsl_ini.quoting import format_value
from reconciler.formats.wsl_ini.values import interpret

__all__ = [
    "KEYS",
    "Dialect",
    "Key",
    "Parsed",
    "Setting",
    "Value",
    "ValueType",
    "WarningKind",
    "Warning_",
    "dead_settings",
    "edit",
    "find_key",
    "format_value",
    "interpret",
    "parse",
    "repair",
    "why_refused",
]
