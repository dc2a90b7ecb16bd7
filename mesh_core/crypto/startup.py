"""What a process does once before it uses any of this: look whether the libraries are there and do what they should, and warm up what is derived once."""

from mesh_core.crypto.generators import blinding_generator, value_generator, vector_generators
from mesh_core.crypto.range_proof.statement import MAX_COMMITMENTS, MESH_BITS
from mesh_core.crypto.ristretto import load_library
from mesh_core.crypto.signatures import run_self_test
from mesh_core.crypto.transcript import choose_sponge


def prepare() -> None:
    """LocalFault (CRYPTO_LIBRARY, CRYPTO_SELF_TEST) if a library is missing or gives wrong answers: better no validator than one that judges differently.

    The generators are derived here, about 30 ms, so that the first proof takes no longer than the others.
    """
    load_library()
    choose_sponge()
    run_self_test()
    value_generator()
    blinding_generator()
    vector_generators(MESH_BITS, MAX_COMMITMENTS)
