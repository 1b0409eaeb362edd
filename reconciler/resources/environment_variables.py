"""What kinds that set environment variables share: names, values that cannot be said, and values that run code later.

Source: environ(7), ld.so(8), bash(1), dash(1), zshparam(1), and the manuals of the programs named below.
"""

from __future__ import annotations

import re
from typing import Final

from reconciler.formats.go_env_values import runs_program
from reconciler.model.schema import Text
from reconciler.model.states import Risk
from reconciler.resources.privileged_paths import is_open

VARIABLE_NAME: Final = Text(
    pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
    expected="the name of an environment variable: letters, digits and _, no digit first",
    fixed=True,
)
VARIABLE_VALUE: Final = Text(expected="the variable's value, taken as it stands")

_LOADERS: Final = frozenset(
    {
        "BASH_ENV",
        "CLASSPATH",
        "ENV",
        "GCC_EXEC_PREFIX",
        "GIT_ASKPASS",
        "GIT_CONFIG_COUNT",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_PARAMETERS",
        "GIT_CONFIG_SYSTEM",
        "GIT_EDITOR",
        "GIT_EXEC_PATH",
        "GIT_EXTERNAL_DIFF",
        "GIT_PAGER",
        "GIT_PROXY_COMMAND",
        "GIT_SEQUENCE_EDITOR",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_TEMPLATE_DIR",
        "GLIBC_TUNABLES",
        "GOROOT",
        "GOTOOLDIR",
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "LD_AUDIT",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "LESSCLOSE",
        "LESSOPEN",
        "MAKEFILES",
        "NODE_OPTIONS",
        "NODE_PATH",
        "PERL5DB",
        "PERL5LIB",
        "PERL5OPT",
        "PROMPT_COMMAND",
        "PYTHONHOME",
        "PYTHONPATH",
        "PYTHONSTARTUP",
        "RUBYLIB",
        "RUBYOPT",
        "RUSTC_WRAPPER",
        "SSH_ASKPASS",
        "SUDO_ASKPASS",
        "ZDOTDIR",
        "_JAVA_OPTIONS",
    }
)
"""Variables that make a program load or start what they name."""
_UNLESS_OFF: Final = frozenset({"GOENV", "GOWORK"})
"""Variables that name a file of go's, by which it builds other code; `off` names none."""
_JOBS: Final = re.compile(r"((-?j *|--jobs=)\d*)?")
"""All that is harmless of MAKEFLAGS and usual; `--eval` and variables are rules of a makefile."""
_SOURCES: Final = re.compile(
    r"(PIP|UV)_(.*_)?(INDEX|INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|FIND_LINKS)|UV_INSECURE_HOST"
    r"|(?i:npm_config_(.*registry|script_shell|node_options|globalconfig|userconfig))|GIT_CONFIG_(KEY|VALUE)_\d+"
)
"""Variables that say where programs are fetched from, and their kin."""
_TRUST: Final = frozenset(
    {
        "AWS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "CURL_HOME",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "GIT_SSL_NO_VERIFY",
        "NODE_EXTRA_CA_CERTS",
        "NODE_TLS_REJECT_UNAUTHORIZED",
        "PIP_CERT",
        "PYTHONHTTPSVERIFY",
        "REQUESTS_CA_BUNDLE",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
    }
)
"""Variables that say whose certificates are believed, as `ca_certificates` does."""
_CHOICES: Final = frozenset(
    {"BROWSER", "EDITOR", "MANPAGER", "PAGER", "SHELL", "SYSTEMD_EDITOR", "SYSTEMD_PAGER", "VISUAL"}
)
_PLAIN_COMMAND: Final = re.compile(r"(/(usr/)?(local/)?bin/)?[\w.+-]+( -{1,2}[\w-]+)*")
"""A program of the system, perhaps with switches: it is there already, and whoever chooses it runs nothing new."""
_PROMPTS: Final = frozenset({"PROMPT", "PS0", "PS1", "PS2", "PS4", "RPROMPT"})


def variable_risks(name: str, value: str) -> frozenset[Risk]:
    """What setting the variable may lead to."""
    runs = (
        name in _LOADERS
        or (name in _UNLESS_OFF and value not in ("", "off"))
        or (name == "MAKEFLAGS" and not _JOBS.fullmatch(value))
        or _SOURCES.fullmatch(name)
        or (name in _CHOICES and value and not _PLAIN_COMMAND.fullmatch(value))
        or (name in _PROMPTS and ("$(" in value or "`" in value))
        or (name == "PATH" and any(map(_is_anybodys, value.split(":"))))
        or runs_program(name, value)
    )
    trusts = {Risk.GRANTS_RIGHTS} if name in _TRUST else set()
    return frozenset(trusts | ({Risk.RUNS_CODE_LATER} if runs else set()))


def _is_anybodys(directory: str) -> bool:
    """Whether others may put programs there: a relative one is wherever somebody works, an empty one too."""
    return is_open(directory) or not directory.startswith(("/", "~", "$"))


def unsayable(value: str) -> str | None:
    """Why no file can say the value on one line, None where one can."""
    if "\n" in value or "\r" in value:
        return "holds a line end"
    if any(character < " " and character != "\t" for character in value) or "\x7f" in value:
        return "holds a control character"
    return None if all(not "\ud800" <= character <= "\udfff" for character in value) else "is not valid UTF-8"
