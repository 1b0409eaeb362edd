"""The ssh_config of a person and of the system, resolved as OpenSSH's own client resolves it.

Own code, since paramiko's reader does not know `Include`, which Debian's own file starts with, and does not say what it
passes over. Here each keyword is honoured, known to make no difference to us, or named: see `keywords`.

It follows OpenSSH 9.2 as Debian ships it, and where later releases (to 10.5) understand more, it does too. The way of a
line: `syntax` cuts it, `forms` checks it, `blocks` keeps it; `walk` reads the blocks for one destination, `settings`
types what came of it. Nothing here connects, or needs paramiko.

On purpose it differs from `ssh -G`: names of algorithms are not checked here, nor are values of keywords that we make
no use of and that have long rules; a user's file that is there and cannot be read is an error; `ProxyJump none # why`
is none; a `Match exec` in an include that does not count is not run, and each command runs once in a run.
"""

from __future__ import annotations

from reconciler.transports.ssh.config.resolve import SshConfig
from reconciler.transports.ssh.config.values import ConfigFiles, Destination, Local, Remark, Settings

__all__ = ["ConfigFiles", "Destination", "Local", "Remark", "Settings", "SshConfig"]
