"""The tables of `bench throughput`. Pure."""

from collections.abc import Sequence

from testnet.bench.profile_option import profile_sentence
from testnet.bench.results import Result
from testnet.bench.tables import Table, number

PARTS = {
    "request": "one QUIC request and its reply, alone",
    "proof": "range proof, in batches of {votes_in_batch}",
    "signatures": "Ed25519: the owner's checked, the vote signed",
    "commit": "made durable, {votes_in_commit} votes a commit",
}


def tables(result: Result) -> Sequence[Table]:
    """One validator under the flood beside its parts, and the whole network. KeyError and the like for figures of another version."""
    flood = result.figures["flood"]
    parts = flood["parts_us"]
    ratios = ", ".join(number(ratio) for ratio in flood["ratios"])
    vote = Table(
        ("processor time for a vote", "us"),
        (
            *((words.format(**flood), number(parts[name])) for name, words in PARTS.items()),
            ("sum of the parts", number(flood["sum_us"])),
            ("**one validator, flooded**", number(flood["vote_us"])),
            ("in multiples of the sum", number(flood["ratio"])),
            (f"the same, if a request cost what it costs in a flood ({number(flood['request_flooded_us'])} us)", number(flood["strict_ratio"])),
        ),
        f"One validator flooded with {flood['votes']:,} valid, distinct vote requests of {flood['request_bytes']:,} bytes. Ratios of all rounds: {ratios}.",
    )
    speed = Table(
        ("one validator", ""),
        (
            ("votes a second", number(flood["votes_per_s"])),
            ("if one core did nothing but verify proofs", number(flood["proof_bound_per_s"])),
            ("cores that it used", number(flood["cores_used"])),
        ),
    )
    network = result.figures["network"]
    return [vote, speed] if network is None else [vote, speed, _network(network, profile_sentence(result.options))]


def _network(network: dict[str, float], lines: str) -> Table:
    return Table(
        ("the whole network", ""),
        (
            ("payments a second", number(network["payments_per_s"])),
            ("certificates a second, claims included", number(network["certificates_per_s"])),
            ("payments a second if all cores did nothing but verify proofs", number(network["proof_bound_per_s"])),
            ("ms from the order to the durable certificate, its turn included: median", number(network["median_ms"])),
            ("p90, p99", f"{number(network['p90_ms'])}, {number(network['p99_ms'])}"),
            (
                "processor time for a certificate, ms: the wallets, each validator",
                f"{number(network['wallets_cpu_ms'])}, {number(network['validator_cpu_ms'])}",
            ),
            ("balances, digests, supply", "right" if network["is_right"] else "WRONG"),
        ),
        f"{network['wallets']} wallets of one process pay each other {network['payments']:,} times through {network['validators']} validators; "
        f"all of them share {network['cores']} cores.{lines}",
    )
