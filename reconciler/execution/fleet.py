"""Many machines at once: each has a thread of its own, and none waits for another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

Key = TypeVar("Key")
Answer = TypeVar("Answer")

_MOST_AT_ONCE: Final = 64


def at_once(work: Mapping[Key, Callable[[], Answer]], give_up: Callable[[], None]) -> dict[Key, Answer]:
    """What each piece of work returns, in their order. What one of them raises, Ctrl-C too, ends them all: `give_up`
    makes them return soon."""
    if len(work) < 2:
        return {key: piece() for key, piece in work.items()}
    from concurrent.futures import ThreadPoolExecutor, as_completed  # slow to load, and one machine needs no threads

    threads = ThreadPoolExecutor(max_workers=min(len(work), _MOST_AT_ONCE))
    try:
        waiting = {key: threads.submit(piece) for key, piece in work.items()}
        for done in as_completed(waiting.values()):
            done.result()  # the first to fail, whoever it waits behind
        return {key: future.result() for key, future in waiting.items()}
    except BaseException:
        threads.shutdown(wait=False, cancel_futures=True)
        give_up()
        raise
    finally:
        threads.shutdown(wait=True)
