"""Something that speaks Redis' protocol and gives to every command the same answer."""

import re
import socket

from tests.support.raw_server import Manners

_COMMAND = re.compile(rb"\*\d+\r\n")


def answering(answer: bytes, *, probe: bytes = b":1\r\n") -> Manners:
    """Return manners that answer GET and SET with *answer*, and a script with *probe*."""

    def manners(connection: socket.socket) -> None:
        while received := connection.recv(65536):
            for command in _COMMAND.split(received)[1:]:
                connection.sendall(_answer(command, answer, probe))

    return manners


def _answer(command: bytes, answer: bytes, probe: bytes) -> bytes:
    if b"EVALSHA" in command:
        return probe
    return answer if b"GET\r\n" in command or b"SET\r\n" in command else b"+OK\r\n"
