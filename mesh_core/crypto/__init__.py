"""Cryptography: pure functions of bytes. Entropy is an argument; there is no clock, no input or output, no state.

Python cannot promise constant time: secrets are handled with the care that each docstring states, and no more.
"""
