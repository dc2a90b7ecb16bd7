"""Validators and clients that do not keep to the protocol, each in a file of its own. `registry.py` lists them. None of this is in mesh_core."""
