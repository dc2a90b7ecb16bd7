"""Orders for the laboratory, which attacks the network."""

from dataclasses import dataclass

from typing_extensions import override

from mesh_app.orders.order import Order


@dataclass(frozen=True, slots=True)
class Bystander:
    """A wallet that has nothing to do with an attack: its name, and its account's key in hexadecimal digits."""

    name: str
    owner: str


@dataclass(frozen=True, slots=True)
class LaunchAttack(Order):
    """Make an attack, out of a new account that the wallet `payer` pays. `bystanders` are looked at before and after."""

    attack: str
    name: str
    payer: str
    bystanders: tuple[Bystander, ...] = ()

    @override
    def describe(self) -> str:
        return f"attack: {self.name}"


@dataclass(frozen=True, slots=True)
class VerifyProof(Order):
    """Verify an equivocation proof, by the genesis document alone. `data` are its canonical bytes in hexadecimal digits."""

    proof_id: str
    data: str

    @override
    def describe(self) -> str:
        return f"verify proof {self.proof_id[:8]}"
