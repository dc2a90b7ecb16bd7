"""The one compiled part of the project; everything else about the build is in pyproject.toml."""

from pathlib import Path

from setuptools import Extension, setup

CRYPTO = Path("mesh_core/crypto")

setup(
    ext_modules=[
        Extension(
            "mesh_core.crypto._ristretto",
            sources=["mesh_core/crypto/_ristretto.c", *sorted(path.as_posix() for path in CRYPTO.glob("_kernel/*.c"))],
            depends=sorted(path.as_posix() for path in CRYPTO.glob("_kernel/*.h")),
            # -O2 leaves the scans of tables in constant time to one word at a time.
            extra_compile_args=["-O3"],
            # One library serves every Python from 3.11 on.
            py_limited_api=True,
            # Without a C compiler the installation succeeds, and libsodium does all the work.
            optional=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
