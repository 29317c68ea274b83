"""The worker itself: confines its process, then answers one run after the other until its input ends."""

import os
import sys
from importlib import import_module
from typing import BinaryIO, Final, Protocol

import msgspec

from engine.workers.confinement import confine, seal
from engine.workers.protocol import LENGTH_BYTES, Language, Ran, Run, frame

INTERPRETERS: Final = {
    Language.JAVASCRIPT: ("engine.workers.javascript", "JavaScript"),
    Language.PYTHON: ("engine.workers.python", "Python"),
}
"""By name, so that a worker loads the one it needs."""


class Interpreter(Protocol):
    """What runs a language."""

    def run(self, run: Run) -> Ran: ...


def serve(interpreter: Interpreter, requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer until the requests end."""
    decoder = msgspec.json.Decoder(Run)
    while len(length := requests.read(LENGTH_BYTES)) == LENGTH_BYTES:
        body = requests.read(int.from_bytes(length, "big"))
        replies.write(frame(interpreter.run(decoder.decode(body))))
        replies.flush()


def main(language: str) -> None:
    """Serve a language over standard input and output, which nothing else may write to."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    confine()
    module, name = INTERPRETERS[Language(language)]
    interpreter: Interpreter = getattr(import_module(module), name)()
    seal()
    serve(interpreter, sys.stdin.buffer, replies)


if __name__ == "__main__":
    main(sys.argv[1])
