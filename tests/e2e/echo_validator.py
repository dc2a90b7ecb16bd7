"""A process that serves the wire protocol and nothing else, for tests that kill, freeze and restart it. Ends when its standard input does.

    python -m tests.e2e.echo_validator PORT FOLDER     PORT 0 takes a free one; FOLDER holds tls.crt and tls.key

Its first line on standard output is JSON: {"ready": PORT}.
"""

import asyncio
import json
import sys
from pathlib import Path

from mesh_core.network.server import HandshakeSettings, Server
from mesh_core.network.tls import load_tls_identity
from tests.unit.network.peers import COMMITTEE, DIGEST, NETWORK_ID, VALIDATOR_KEYS, EchoHandler


async def main(port: int, folder: Path) -> None:
    server = Server(
        host="127.0.0.1",
        port=port,
        tls=load_tls_identity(certificate_path=folder / "tls.crt", key_path=folder / "tls.key"),
        settings=HandshakeSettings(VALIDATOR_KEYS[0], NETWORK_ID, COMMITTEE),
        handler=EchoHandler(),
        pong_source=lambda: (0, DIGEST, 0),
    )
    await server.start()
    sys.stdout.write(json.dumps({"ready": server.port}) + "\n")
    sys.stdout.flush()
    await asyncio.to_thread(sys.stdin.read)
    await server.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
