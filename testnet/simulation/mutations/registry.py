"""All mutations by name."""

from testnet.simulation.mutations import ledger
from testnet.simulation.mutations.mutation import Mutation

MUTATIONS: dict[str, Mutation] = {
    "keep-claimed-output": Mutation("apply a RECEIVE without deleting the output", ledger.keep_claimed_output),
}
