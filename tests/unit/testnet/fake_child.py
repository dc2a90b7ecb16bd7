"""A child process that behaves as the file `mode` beside its configuration says (or its last argument). For tests of the supervisor."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType

GARBAGE = [
    b"not JSON\n",
    b"\xff\xfe\x00\x1b[2J\n",
    b"\n",
    b"[1, 2]\n",
    b'"text"\n',
    b"null\n",
    b'{"event": 5}\n',
    b'{"no event": 1}\n',
    b"[" * 100_000 + b"\n",
    b"1" * 5_000 + b"\n",
]
ODD = b'{"event": "odd", "log_length": [1]}\n'
HUGE_BYTES = 5 * 1024 * 1024


def say(data: bytes) -> None:
    while data:
        data = data[os.write(1, data) :]


def say_ready() -> None:
    shown = f'"pid": {os.getpid()}, "session": {os.getsid(0)}, "terminals": [{", ".join(str(os.isatty(number)).lower() for number in range(3))}]'
    say(b'{"event": "ready", %s}\n' % shown.encode())


def wait_for_end() -> None:
    while os.read(0, 4096):
        pass


def main(mode: str) -> int:
    os.write(2, f"mode {mode}\n".encode())
    match mode:
        case "ready":
            say_ready()
            wait_for_end()
        case "garbage":
            for line in GARBAGE:
                say(line)
            say_ready()
            wait_for_end()
        case "odd":
            say(ODD)
            say_ready()
            wait_for_end()
        case "huge":
            say(b"x" * HUGE_BYTES + b"\n")
            say_ready()
            wait_for_end()
        case "silent":
            wait_for_end()
        case "exit":
            return 3
        case "fatal":
            say(b'{"event": "fatal", "code": "1001", "text": "validator.toml: listen_port: is missing"}\n')
            return 1
        case "stubborn":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            say_ready()
            while True:
                time.sleep(60)
        case "listen":
            say_ready()
            while heard := os.read(0, 4096):
                say(json.dumps({"event": "heard", "text": heard.decode()}).encode() + b"\n")
        case "mute":
            say_ready()
            os.close(1)
            wait_for_end()
        case _:
            raise ValueError(mode)
    return 0


def stop_politely(_: int, __: FrameType | None) -> None:
    os._exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop_politely)
    given = sys.argv[1:]
    sys.exit(main(Path(given[1]).with_name("mode").read_text() if given[0] == "--config" else given[0]))
