"""A recipe: what a network is made of, before it has any key. TOML, documented in docs/operations.md.

[network]
name = "four-cities"
validators = 4                        # that many on this machine; or [[validators]], one each
fee_base = 1                          # may be left out, as fee_per_output
fee_per_output = 0
profile = "australia"                 # where validators are taken to be (`profiles.py`), or a file beside this one; may be left out

[wallets]                             # made with the network, with what the genesis gives them; may be left out
faucet = 1000000000

[[allocations]]                       # money of wallets that are elsewhere; may be left out
address = "mesh1…"
amount = 5000

[[validators]]
host = "203.0.113.7"                  # where the others reach it
port = 47001                          # may be left out
listen_host = "0.0.0.0"               # may be left out: then it listens at `host`
public_key = "…64 digits…"            # with tls_certificate: made by its owner, who keeps the keys; without both they are made here
tls_certificate = "sydney.crt"        # a file beside this one
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mesh_core.errors import ErrorCode, LocalFault
from mesh_core.network.toml_table import TomlTable
from mesh_core.types.address import parse_address
from mesh_core.types.basic import PublicKey
from mesh_core.types.committee import MAX_VALIDATORS
from mesh_core.types.genesis import SUPPLY_LIMIT, Allocation
from mesh_core.types.visible_text import visible_text
from testnet.layout import exists
from testnet.profiles import is_profile_name

LOOPBACK: Final = "127.0.0.1"
DEFAULT_PORT: Final = 47001
"""Of validators that are reached from other machines."""
ANY_PORT: Final = 0
"""A free one is chosen when the network is made."""
FEE_BASE: Final = 1
FEE_PER_OUTPUT: Final = 0
VALIDATORS_COUNT: Final = 4
MAX_NAME_CHARACTERS: Final = 64
RECIPES: Final = Path(__file__).with_name("recipes")


@dataclass(frozen=True, slots=True)
class PublicIdentity:
    """What a validator's owner gives away: the key that votes are checked with, and the certificate (DER) that connections are pinned to."""

    public_key: PublicKey
    certificate: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Seat:
    """One validator: where it is reached, where it listens, and who it is where its owner has made its keys already. `port` may be ANY_PORT."""

    host: str = LOOPBACK
    port: int = ANY_PORT
    listen_host: str = ""
    identity: PublicIdentity | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that a network is made of. `wallets` are made with it; `allocations` are of wallets that are elsewhere."""

    name: str
    seats: tuple[Seat, ...]
    wallets: Mapping[str, int]
    allocations: tuple[Allocation, ...] = ()
    fee_base: int = FEE_BASE
    fee_per_output: int = FEE_PER_OUTPUT
    profile: str | None = None

    @property
    def is_spread(self) -> bool:
        """Whether any validator is reached at another address than this machine's own: then each one's folder must be complete in itself."""
        return any(seat.host != LOOPBACK for seat in self.seats)


def known_recipes() -> tuple[str, ...]:
    """The names of those that come with the program."""
    return tuple(sorted(path.stem for path in RECIPES.glob("*.toml")))


def find_recipe(text: str) -> Path:
    """The file of a recipe: a path, or the name of one that comes with the program. LocalFault (CONFIG_INVALID) names those."""
    path = Path(text)
    if exists(path):
        return path
    if text in known_recipes():
        return RECIPES / f"{text}.toml"
    if path.name == text and not path.suffix:
        known = ", ".join(known_recipes())
        raise LocalFault(ErrorCode.CONFIG_INVALID, f"there is no recipe {text[:40]!r}, and no file of that name (recipes that come with this program: {known})")
    return path


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe. LocalFault (CONFIG_INVALID) names the file, the key and the reason."""
    document = TomlTable.load(path)
    document.refuse_unknown(("network", "wallets", "allocations", "validators"))
    table = document.table("network")
    table.refuse_unknown(("name", "validators", "fee_base", "fee_per_output", "profile"))
    seats = tuple(_read_seat(entry) for entry in document.tables("validators"))
    if bool(seats) == table.has("validators"):
        raise table.invalid("validators", "either a number of validators on this machine, or [[validators]], one for each")
    if not seats:
        seats = (Seat(),) * table.whole_number("validators", least=1, most=MAX_VALIDATORS)
    if len(seats) > MAX_VALIDATORS:
        raise document.invalid("validators", f"{len(seats)} of them, at most {MAX_VALIDATORS}")
    wallets = document.table("wallets") if document.has("wallets") else None
    recipe = Recipe(
        name=_read_name(table),
        seats=seats,
        wallets={} if wallets is None else {name: wallets.whole_number(name, least=0, most=SUPPLY_LIMIT - 1) for name in wallets.keys},
        allocations=tuple(_read_allocation(entry) for entry in document.tables("allocations")),
        fee_base=table.whole_number("fee_base", least=0, most=SUPPLY_LIMIT - 1) if table.has("fee_base") else FEE_BASE,
        fee_per_output=table.whole_number("fee_per_output", least=0, most=SUPPLY_LIMIT - 1) if table.has("fee_per_output") else FEE_PER_OUTPUT,
        profile=_read_profile(table) if table.has("profile") else None,
    )
    _refuse_doubles(document, recipe)
    return recipe


def _read_name(table: TomlTable) -> str:
    name = table.text("name")
    problem = name_problem(name)
    if problem:
        raise table.invalid("name", problem)
    return name


def _read_profile(table: TomlTable) -> str:
    """The name of a profile, or the path of one, which may be beside the recipe."""
    name = table.text("profile")
    return name if is_profile_name(name) else str(table.path("profile"))


def name_problem(name: str) -> str:
    """Why a network cannot be called that; empty where it can. Every terminal of every user shows it."""
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS:
        return f"{len(name)} characters, of 1 to {MAX_NAME_CHARACTERS}"
    return "" if visible_text(name) == name else "holds a character that cannot be seen, or not as it is"


def _read_seat(table: TomlTable) -> Seat:
    table.refuse_unknown(("host", "port", "listen_host", "public_key", "tls_certificate"))
    if table.has("public_key") != table.has("tls_certificate"):
        raise table.invalid("public_key", "goes with tls_certificate: either both, made by the validator's owner, or neither")
    return Seat(
        host=table.host("host") if table.has("host") else LOOPBACK,
        port=table.port("port") if table.has("port") else ANY_PORT,
        listen_host=table.host("listen_host") if table.has("listen_host") else "",
        identity=PublicIdentity(table.public_key("public_key"), table.certificate("tls_certificate")) if table.has("public_key") else None,
    )


def _read_allocation(table: TomlTable) -> Allocation:
    table.refuse_unknown(("address", "amount"))
    try:
        owner = parse_address(table.text("address")).address.owner
    except LocalFault as fault:
        raise table.invalid("address", fault.text) from fault
    return Allocation(owner, table.whole_number("amount", least=1, most=SUPPLY_LIMIT - 1))


def _refuse_doubles(document: TomlTable, recipe: Recipe) -> None:
    """Two entries for one key or account are a mistake of copying: the genesis document has no room for them."""
    lists: tuple[tuple[str, str, list[PublicKey]], ...] = (
        ("validators", "public key", [seat.identity.public_key for seat in recipe.seats if seat.identity is not None]),
        ("allocations", "owner", [allocation.owner for allocation in recipe.allocations]),
    )
    for key, what, owned in lists:
        seen: set[PublicKey] = set()
        for one in owned:
            if one in seen:
                raise document.invalid(key, f"the {what} {one.hex()} stands twice")
            seen.add(one)


def spread_seats(hosts: tuple[str, ...], *, port: int = ANY_PORT, listen_host: str = "") -> tuple[Seat, ...]:
    """One validator at each of these hosts; those that share one get ports one after the other. On this machine alone free ports, unless told otherwise.

    LocalFault (CONFIG_INVALID) where the ports pass 65535.
    """
    first = port if port != ANY_PORT else DEFAULT_PORT if set(hosts) != {LOOPBACK} else ANY_PORT
    seats = []
    for number, host in enumerate(hosts):
        own = ANY_PORT if first == ANY_PORT else first + hosts[:number].count(host)
        if own > 65535:
            raise LocalFault(ErrorCode.CONFIG_INVALID, f"{len(hosts)} validators do not fit behind port {first}: ports end at 65535")
        seats.append(Seat(host, own, listen_host))
    return tuple(seats)
