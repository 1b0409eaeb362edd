"""paramiko, without the part that we have no use for, and without a word on the terminal."""

from __future__ import annotations

import logging
import sys

# paramiko.config runs `Match exec` with the optional package `invoke`, whose import costs nearly as much as the rest of
# paramiko. Files of configuration are read by our own `config`. None makes Python say that there is no such package,
# which paramiko is made for; whoever imported or imports invoke for something else is not touched.
_HAS_INVOKE = "invoke" in sys.modules
if not _HAS_INVOKE:
    sys.modules["invoke"] = None  # type: ignore[assignment]
try:
    import paramiko
finally:
    if not _HAS_INVOKE:
        del sys.modules["invoke"]

# It logs what goes wrong with tracebacks, and Python prints to the terminal what nobody listens to.
_logger = logging.getLogger("paramiko")
_logger.addHandler(logging.NullHandler())
_logger.propagate = False
_logger.setLevel(logging.CRITICAL)

__all__ = ["paramiko"]
