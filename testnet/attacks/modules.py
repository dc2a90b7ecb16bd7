"""Names of the programs of the laboratory, for whoever starts them without loading what they load: a validator and a wallet."""

from typing import Final

LABORATORY: Final = "testnet.attacks.process"
DOUBLE_VOTER: Final = "testnet.attacks.double_voter"
