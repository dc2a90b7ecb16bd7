"""Other addresses for peers, given to a running validator by whoever supervises it: that is how a relay gets into a line without a restart.

A line on standard input each, from the supervisor alone (the pipe is its leash, too):

    {"command": "route", "validator": 2, "host": "127.0.0.1", "port": 40001}
    {"command": "route", "validator": 2, "host": null, "port": null}

`null`: the address of the configuration again. Routes last until the process ends; the configuration on the disk is never touched. A route cannot make anybody
else pass for the peer: the pinned certificate and the identity stay those of the configuration.
"""

import json
import logging

from mesh_core.types.committee import MAX_VALIDATORS
from mesh_core.validator.peers import Peers

logger = logging.getLogger(__name__)

LINE_LIMIT_BYTES = 4096
MAX_PORT = 65_535
_MAX_HOST_CHARACTERS = 255

Address = tuple[str, int]


class Routes:
    """What was said before there were peers is kept until there are."""

    def __init__(self) -> None:
        self._peers: Peers | None = None
        self._said: dict[int, Address | None] = {}

    def use(self, peers: Peers) -> None:
        """From now on routes go there; those that were given before go there at once."""
        self._peers = peers
        for validator, address in self._said.items():
            peers.route(validator, address)

    def take(self, line: bytes) -> None:
        """Obey one line. Whatever is no route is logged and changes nothing."""
        parsed = parse_route(line)
        if parsed is None:
            logger.warning("a line on standard input that is no route: %r", line[:80])
            return
        validator, address = parsed
        self._said[validator] = address
        logger.info("V%d is reached %s", validator + 1, "where the configuration says" if address is None else f"at {address[0]}:{address[1]}")
        if self._peers is not None:
            self._peers.route(validator, address)


def parse_route(line: bytes) -> tuple[int, Address | None] | None:
    """The validator and its address (None: that of the configuration) in a line; None for a line that is no route."""
    try:
        command = json.loads(line)
    except (ValueError, RecursionError):
        return None
    match command:
        case {"command": "route", "validator": int(validator), "host": None, "port": None} if _is_index(validator):
            return validator, None
        case {"command": "route", "validator": int(validator), "host": str(host), "port": int(port)} if _is_index(validator):
            is_address = not isinstance(port, bool) and 1 <= port <= MAX_PORT and 1 <= len(host) <= _MAX_HOST_CHARACTERS
            return (validator, (host, port)) if is_address else None
        case _:
            return None


def _is_index(validator: int) -> bool:
    return not isinstance(validator, bool) and 0 <= validator < MAX_VALIDATORS
