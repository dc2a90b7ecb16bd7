"""The properties of the protocol (docs/protocol.md, "Properties"), each family in a file of its own. `ALL` lists them."""
