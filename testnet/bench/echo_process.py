"""One QUIC request and its reply, and nothing else: the validator's own server, with a handler that answers each vote request with a vote of the same size.

    python -m testnet.bench.echo_process CONFIG     CONFIG: a validator's configuration, whose keys and port it uses

Its line `ready` says that it listens. It ends when its standard input does. What a vote costs beyond this is the validator's own.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from mesh_core.crypto.startup import prepare
from mesh_core.network.genesis_file import load_genesis
from mesh_core.network.server import HandshakeSettings, Server, Session
from mesh_core.network.tls import load_tls_identity
from mesh_core.types.basic import ZERO_HASH, Hash32, PublicKey, Signature
from mesh_core.types.certificate import Vote
from mesh_core.types.messages import Message, VoteRequest, VoteResponse
from mesh_core.types.transition import Statement
from mesh_core.validator.config import load_config
from mesh_core.validator.identity import load_identity

ZERO_VOTE = Vote(Statement(ZERO_HASH, 0, PublicKey(bytes(32)), 0, ZERO_HASH), PublicKey(bytes(32)), Signature(bytes(64)))


class Echo:
    """Answers each vote request at once. Implements the network's `Handler`."""

    def on_open(self, session: Session) -> None:
        """Nothing to prepare."""

    def handle(self, session: Session, message: Message) -> None:
        """A vote for nothing."""
        if isinstance(message, VoteRequest):
            session.send(VoteResponse(message.request_id, ZERO_VOTE))

    def on_close(self, session: Session, reason: str) -> None:
        """Nothing to forget."""


def _pong() -> tuple[int, Hash32, int]:
    return 0, ZERO_HASH, 0


async def serve(config_path: Path) -> None:
    """Answer until standard input ends. LocalFault."""
    config = load_config(config_path)
    genesis = load_genesis(config.genesis)
    server = Server(
        host=config.listen_host,
        port=config.listen_port,
        tls=load_tls_identity(certificate_path=config.tls_certificate, key_path=config.tls_key),
        settings=HandshakeSettings(load_identity(config.identity_key, config.data_dir), genesis.network_id, frozenset(genesis.committee.validators)),
        handler=Echo(),
        pong_source=_pong,
    )
    await server.start()
    sys.stdout.write('{"event":"ready"}\n')
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await server.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve."""
    parser = argparse.ArgumentParser(prog="python -m testnet.bench.echo_process")
    parser.add_argument("config", type=Path)
    options = parser.parse_args(arguments)
    prepare()
    asyncio.run(serve(options.config))
    return 0


if __name__ == "__main__":
    sys.exit(main())
