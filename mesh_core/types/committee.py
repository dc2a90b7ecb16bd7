"""The validators of an epoch and the arithmetic of quorums."""

from dataclasses import dataclass

from mesh_core.types.basic import PublicKey

MAX_VALIDATORS = 100


@dataclass(frozen=True, slots=True)
class Committee:
    """The validators of one epoch, ordered by key; a validator's index is its position.

    With n = 3f + 1 + k validators, 0 <= k <= 2, of which at most f are Byzantine:
    two quorums share at least 2q - n >= f + 1 validators, so at least one correct one, which votes for one transition of a slot only;
    and the n - f correct validators alone can always form a quorum (n - f >= q).
    """

    epoch: int
    validators: tuple[PublicKey, ...]

    @property
    def size(self) -> int:
        """n, the number of validators."""
        return len(self.validators)

    @property
    def faults_tolerated(self) -> int:
        """f = floor((n - 1) / 3), the number of Byzantine validators that the protocol survives."""
        return (self.size - 1) // 3

    @property
    def quorum_threshold(self) -> int:
        """q = floor(2n / 3) + 1, which is 2f + 1 for n = 3f + 1: the votes that make a certificate."""
        return 2 * self.size // 3 + 1

    @property
    def validity_threshold(self) -> int:
        """f + 1: among so many validators at least one is correct."""
        return self.faults_tolerated + 1

    def index_of(self, validator: PublicKey) -> int | None:
        """Position of `validator`, or None for a stranger."""
        try:
            return self.validators.index(validator)
        except ValueError:
            return None
