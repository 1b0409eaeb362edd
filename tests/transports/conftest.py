"""What tests of the doors share: a script of their own in place of an agent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from reconciler.model.transport import Exchange, Result, Transport


@pytest.fixture
def start() -> Callable[[Transport, str], Exchange]:
    def start(transport: Transport, script: str) -> Exchange:
        exchange = transport.start()
        program = f"{script}\n#whole".encode()
        exchange.say(f"=reconcile= {len(program)}\n".encode() + program)
        return exchange

    return start


@pytest.fixture
def run(start: Callable[[Transport, str], Exchange]) -> Callable[[Transport, str, bytes], Result]:
    """What a script says that is given some data, behind what the boot line says."""

    def run(transport: Transport, script: str, data: bytes) -> Result:
        exchange = start(transport, script)
        exchange.say(data)
        result = exchange.finish()
        head, here, stdout = result.stdout.partition(b"=reconcile-here=\n")
        assert here and not head
        return Result(code=result.code, stdout=stdout, stderr=result.stderr)

    return run
