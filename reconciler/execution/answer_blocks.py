"""The frame of an answer: blocks that begin with a line end, a nonce and a header, so that noise makes no difference.

Nobody but the asker and the script knows the nonce: what a file, a program or another user prints cannot pass for a
block.
"""

from __future__ import annotations

from dataclasses import dataclass


class MalformedAnswerError(ValueError):
    """What a machine answered is not an answer."""


@dataclass(frozen=True, slots=True)
class Block:
    """`word` is the header's first word, `rest` what follows it."""

    word: str
    rest: str
    body: bytes

    @property
    def lines(self) -> list[bytes]:
        return [line for line in self.body.split(b"\n") if line]


def blocks_of(stream: bytes, nonce: str) -> tuple[Block, ...]:
    """The blocks of one section, without the `end` that shows that nothing was cut off."""
    pieces = stream.split(b"\n" + nonce.encode() + b" ")
    blocks = tuple(_block(piece) for piece in pieces[1:])
    ends = [block.word == "end" for block in blocks]
    if not blocks or not ends[-1] or any(ends[:-1]):
        raise MalformedAnswerError("the answer broke off" if blocks else "there was no answer")
    return blocks[:-1]


def _block(piece: bytes) -> Block:
    header, _, body = piece.partition(b"\n")
    word, _, rest = header.decode("utf-8", "surrogateescape").partition(" ")
    return Block(word, rest, body)


def only(blocks: tuple[Block, ...], word: str) -> Block | None:
    """The block of that name, None where there is none; two are one too many."""
    found = [block for block in blocks if block.word == word]
    if len(found) > 1:
        raise MalformedAnswerError(f"two blocks named {word}")
    return found[0] if found else None


def joined(blocks: tuple[Block, ...], word: str) -> bytes:
    """The bodies of all blocks of that name."""
    return b"\n".join(block.body for block in blocks if block.word == word)
