"""QUIC between wallets, validators and the workstation: the only importer of aioquic (docs/protocol.md, "Wire protocol").

`server.Server` accepts, `client.connect` opens one connection, `link.ValidatorLink` keeps one alive. All three speak messages of `types.messages`;
none knows what a payment is.
"""
