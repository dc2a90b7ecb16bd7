"""Defences that can be switched off, to see whether the simulator notices. Each replaces one thing of the product in this process, and lives here alone."""
