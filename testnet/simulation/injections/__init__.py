"""What goes wrong in a simulation, each family in a file of its own. `registry.py` lists them."""
