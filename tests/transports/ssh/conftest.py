"""What tests of SSH stand on."""

import pytest

pytest.register_assert_rewrite("ssh_servers")

from ssh_servers import agent, keys, place, server_that, start_sshd  # noqa: E402

__all__ = ["agent", "keys", "place", "server_that", "start_sshd"]
