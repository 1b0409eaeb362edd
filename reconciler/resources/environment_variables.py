"""What kinds that set environment variables share: names, values that cannot be said, and values that run code later.

Source: environ(7), ld.so(8), bash(1), dash(1), zshparam(1), and the manuals of the programs named below.
"""

from __future__ import annotations

from typing import Final

from reconciler.formats.go_env_values import runs_program
from reconciler.model.schema import Text
from reconciler.model.states import Risk

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
        "GIT_CONFIG_GLOBAL",
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
        "JAVA_TOOL_OPTIONS",
        "JDK_JAVA_OPTIONS",
        "LD_AUDIT",
        "LD_LIBRARY_PATH",
        "LD_PRELOAD",
        "LESSCLOSE",
        "LESSOPEN",
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
_PROMPTS: Final = frozenset({"PROMPT", "PS0", "PS1", "PS2", "PS4", "RPROMPT"})


def variable_risks(name: str, value: str) -> frozenset[Risk]:
    """What setting the variable may lead to."""
    runs = name in _LOADERS or (name in _PROMPTS and ("$(" in value or "`" in value)) or runs_program(name, value)
    return frozenset({Risk.RUNS_CODE_LATER}) if runs else frozenset()


def unsayable(value: str) -> str | None:
    """Why no file can say the value on one line, None where one can."""
    if "\n" in value or "\r" in value:
        return "holds a line end"
    if any(character < " " and character != "\t" for character in value) or "\x7f" in value:
        return "holds a control character"
    return None if all(not "\ud800" <= character <= "\udfff" for character in value) else "is not valid UTF-8"
