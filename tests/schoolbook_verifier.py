"""A second verifier of MESH's range proofs, written for obviousness: it shares no code and no library with mesh_core.

Everything down to Keccak, STROBE (byte by byte on the state), the field and the curve is here, in Python integers. The argument is checked as the paper
tells it: start from the commitment to the bits, fold the claim and the generators round by round, compare at the end. Folded generators are kept as
combinations of the first ones (a dictionary from name to coefficient), so that the points themselves are only added once, at the very end.

Slow (about 0.1 s a proof) and not constant-time. For tests only. Sources: ePrint 2020/735, RFC 9496, RFC 8032, FIPS 202, STROBE v1.0.2, merlin 3.0.
"""

from functools import cache

# --- Keccak-f[1600], SHA3-512, SHAKE256 (FIPS 202)

MASK_64 = 2**64 - 1
KECCAK_ROUNDS = 24


def rotate_left(word: int, count: int) -> int:
    return ((word << count) | (word >> (64 - count))) & MASK_64


@cache
def round_constants() -> tuple[int, ...]:
    """FIPS 202, algorithm 5: bits of a linear feedback shift register."""
    register = 1
    constants = []
    for _ in range(KECCAK_ROUNDS):
        constant = 0
        for j in range(7):
            if register & 1:
                constant |= 1 << ((1 << j) - 1)
            register <<= 1
            if register & 0x100:
                register ^= 0x171
        constants.append(constant)
    return tuple(constants)


@cache
def rotation_offsets() -> tuple[int, ...]:
    """FIPS 202, algorithm 2, for lane x + 5*y."""
    offsets = [0] * 25
    x, y = 1, 0
    for t in range(24):
        offsets[x + 5 * y] = (t + 1) * (t + 2) // 2 % 64
        x, y = y, (2 * x + 3 * y) % 5
    return tuple(offsets)


def keccak_f(state: bytearray) -> None:
    lanes = [int.from_bytes(state[8 * i : 8 * i + 8], "little") for i in range(25)]
    offsets = rotation_offsets()
    for constant in round_constants():
        columns = [lanes[x] ^ lanes[x + 5] ^ lanes[x + 10] ^ lanes[x + 15] ^ lanes[x + 20] for x in range(5)]
        mixes = [columns[(x + 4) % 5] ^ rotate_left(columns[(x + 1) % 5], 1) for x in range(5)]
        moved = [0] * 25
        for y in range(5):
            for x in range(5):
                moved[y + 5 * ((2 * x + 3 * y) % 5)] = rotate_left(lanes[x + 5 * y] ^ mixes[x], offsets[x + 5 * y])
        for y in range(0, 25, 5):
            row = moved[y : y + 5]
            for x in range(5):
                lanes[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5])
        lanes[0] ^= constant
    for i, lane in enumerate(lanes):
        state[8 * i : 8 * i + 8] = (lane & MASK_64).to_bytes(8, "little")


def sponge(rate: int, suffix: int, message: bytes, size: int) -> bytes:
    state = bytearray(200)
    padded = bytearray(message) + bytes([suffix])
    padded += bytes(-len(padded) % rate)
    padded[-1] |= 0x80
    for start in range(0, len(padded), rate):
        for i in range(rate):
            state[i] ^= padded[start + i]
        keccak_f(state)
    output = b""
    while len(output) < size:
        output += bytes(state[:rate])
        keccak_f(state)
    return output[:size]


def sha3_512(message: bytes) -> bytes:
    return sponge(72, 0x06, message, 64)


def shake256(message: bytes, size: int) -> bytes:
    return sponge(136, 0x1F, message, size)


# --- STROBE-128 and Merlin, on the 200-byte state

STROBE_RATE = 166


class Merlin:
    def __init__(self, label: bytes) -> None:
        self.state = bytearray(bytes([1, 168, 1, 0, 1, 96]) + b"STROBEv1.0.2" + bytes(182))
        keccak_f(self.state)
        self.position = 0
        self.begin = 0
        self.operation(0x12)
        self.absorb(b"Merlin v1.0")
        self.append(b"dom-sep", label)

    def run_f(self) -> None:
        self.state[self.position] ^= self.begin
        self.state[self.position + 1] ^= 0x04
        self.state[STROBE_RATE + 1] ^= 0x80
        keccak_f(self.state)
        self.position = self.begin = 0

    def absorb(self, data: bytes) -> None:
        for byte in data:
            self.state[self.position] ^= byte
            self.position += 1
            if self.position == STROBE_RATE:
                self.run_f()

    def squeeze(self, size: int) -> bytes:
        output = bytearray()
        for _ in range(size):
            output.append(self.state[self.position])
            self.state[self.position] = 0
            self.position += 1
            if self.position == STROBE_RATE:
                self.run_f()
        return bytes(output)

    def operation(self, flags: int) -> None:
        old, self.begin = self.begin, self.position + 1
        self.absorb(bytes([old, flags]))
        if flags & 0x04 and self.position != 0:
            self.run_f()

    def append(self, label: bytes, message: bytes) -> None:
        self.operation(0x12)
        self.absorb(label)
        self.absorb(len(message).to_bytes(4, "little"))
        self.operation(0x02)
        self.absorb(message)

    def challenge(self, label: bytes, size: int) -> bytes:
        self.operation(0x12)
        self.absorb(label)
        self.absorb(size.to_bytes(4, "little"))
        self.operation(0x07)
        return self.squeeze(size)


# --- The field and the curve: edwards25519 in extended coordinates, ristretto255 (RFC 9496, section 4)

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
ZERO: Point = (0, 1, 1, 0)


def is_negative(x: int) -> bool:
    return x % P % 2 == 1


def absolute(x: int) -> int:
    return -x % P if is_negative(x) else x % P


def sqrt_ratio(u: int, v: int) -> tuple[bool, int]:
    """RFC 9496, section 4.2."""
    r = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    check = v * r * r % P
    u %= P
    if check in (-u % P, -u * SQRT_M1 % P):
        r = r * SQRT_M1 % P
    return check in (u, -u % P), absolute(r)


SQRT_AD_MINUS_ONE = -sqrt_ratio(-D - 1, 1)[1] % P
INVSQRT_A_MINUS_D = sqrt_ratio(1, -1 - D)[1]


def add(left: Point, right: Point) -> Point:
    x1, y1, z1, t1 = left
    x2, y2, z2, t2 = right
    a = (y1 - x1) * (y2 - x2) % P
    b = (y1 + x1) * (y2 + x2) % P
    c = 2 * D * t1 * t2 % P
    d = 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def multiply(scalar: int, point: Point) -> Point:
    result = ZERO
    for bit in bin(scalar % ORDER)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, point)
    return result


def sum_of_multiples(terms: list[tuple[int, Point]]) -> Point:
    """Buckets of equal digits (Pippenger), six bits at a time."""
    width = 6
    total = ZERO
    for shift in range(252 // width * width, -1, -width):
        for _ in range(width):
            total = add(total, total)
        buckets = [ZERO] * 2**width
        for scalar, point in terms:
            digit = (scalar % ORDER >> shift) % 2**width
            if digit:
                buckets[digit] = add(buckets[digit], point)
        running = ZERO
        for bucket in reversed(buckets[1:]):
            running = add(running, bucket)
            total = add(total, running)
    return total


def is_identity(point: Point) -> bool:
    """Equality of RFC 9496, section 4.3.3, with (0, 1)."""
    x, y, _, _ = point
    return x % P == 0 or y % P == 0


def decode(encoding: bytes) -> Point | None:
    """RFC 9496, section 4.3.1. None for what is not canonical."""
    s = int.from_bytes(encoding, "little")
    if len(encoding) != 32 or s >= P or is_negative(s):
        return None
    u1, u2 = (1 - s * s) % P, (1 + s * s) % P
    v = (-D * u1 * u1 - u2 * u2) % P
    was_square, invsqrt = sqrt_ratio(1, v * u2 * u2)
    den_x, den_y = invsqrt * u2 % P, invsqrt * invsqrt * u2 * v % P
    x = absolute(2 * s * den_x)
    y = u1 * den_y % P
    t = x * y % P
    if not was_square or is_negative(t) or y == 0:
        return None
    return (x, y, 1, t)


def encode(point: Point) -> bytes:
    """RFC 9496, section 4.3.2."""
    x0, y0, z0, t0 = point
    u1, u2 = (z0 + y0) * (z0 - y0) % P, x0 * y0 % P
    _, invsqrt = sqrt_ratio(1, u1 * u2 * u2)
    den1, den2 = invsqrt * u1 % P, invsqrt * u2 % P
    z_inverse = den1 * den2 * t0 % P
    if is_negative(t0 * z_inverse):
        x, y, den_inverse = y0 * SQRT_M1 % P, x0 * SQRT_M1 % P, den1 * INVSQRT_A_MINUS_D % P
    else:
        x, y, den_inverse = x0, y0, den2
    if is_negative(x * z_inverse):
        y = -y % P
    return absolute(den_inverse * (z0 - y)).to_bytes(32, "little")


def map_to_curve(t: int) -> Point:
    """MAP of RFC 9496, section 4.3.4."""
    r = SQRT_M1 * t * t % P
    u = (r + 1) * (1 - D * D) % P
    v = (-1 - r * D) * (r + D) % P
    was_square, s = sqrt_ratio(u, v)
    c = P - 1
    if not was_square:
        s = -absolute(s * t) % P
        c = r
    n = (c * (r - 1) * pow(D - 1, 2, P) - v) % P
    w0, w1, w2, w3 = 2 * s * v % P, n * SQRT_AD_MINUS_ONE % P, (1 - s * s) % P, (1 + s * s) % P
    return (w0 * w3 % P, w2 * w1 % P, w1 * w3 % P, w0 * w2 % P)


def from_uniform_bytes(uniform: bytes) -> Point:
    halves = [int.from_bytes(uniform[start : start + 32], "little") % 2**255 % P for start in (0, 32)]
    return add(map_to_curve(halves[0]), map_to_curve(halves[1]))


# --- Generators and commitments of MESH

BASEPOINT_ENCODING = bytes.fromhex("e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76")


@cache
def value_base() -> Point:
    point = decode(BASEPOINT_ENCODING)
    assert point is not None
    return point


@cache
def blinding_base() -> Point:
    return from_uniform_bytes(sha3_512(b"MESH/v1/pedersen/H"))


@cache
def chain(letter: bytes, party: int) -> tuple[Point, ...]:
    stream = shake256(b"GeneratorsChain" + letter + party.to_bytes(4, "little"), 64 * 64)
    return tuple(from_uniform_bytes(stream[start : start + 64]) for start in range(0, len(stream), 64))


def commit(value: int, blinding: int) -> bytes:
    return encode(add(multiply(value, value_base()), multiply(blinding, blinding_base())))


# --- The argument

SYSTEM_LABEL = b"Bulletproofs+ Range Proof"
Combination = dict[str, int]


def add_scaled(target: Combination, scalar: int, source: Combination) -> None:
    for name, coefficient in source.items():
        target[name] = (target.get(name, 0) + scalar * coefficient) % ORDER


def accepts(commitments: list[bytes], context: bytes, bits: int, proof: bytes) -> bool:
    """Whether `proof` convinces that every commitment hides a value below 2^bits."""
    m = len(commitments)
    if m not in (1, 2, 4, 8) or len(context) != 32:
        return False
    N = bits * m
    k = N.bit_length() - 1
    if len(proof) != 1 + 32 * (6 + 2 * k) or proof[0] != 1:
        return False
    elements = [proof[start : start + 32] for start in range(1, len(proof), 32)]
    d1, r1, s1 = (int.from_bytes(elements[i], "little") for i in (0, 4, 5))
    if max(d1, r1, s1) >= ORDER:
        return False
    encodings = {"A": elements[1], "A1": elements[2], "B": elements[3]}
    for t in range(k):
        encodings[f"L{t}"], encodings[f"R{t}"] = elements[6 + 2 * t], elements[7 + 2 * t]
    if bytes(32) in encodings.values():
        return False
    encodings |= {f"C{j}": commitment for j, commitment in enumerate(commitments)}
    points: dict[str, Point] = {}
    for name, encoding in encodings.items():
        point = decode(encoding)
        if point is None:
            return False
        points[name] = point
    points |= {"value": value_base(), "blinding": blinding_base()}
    for i in range(N):
        points[f"G{i}"], points[f"H{i}"] = chain(b"G", i // bits)[i % bits], chain(b"H", i // bits)[i % bits]

    challenges = run_transcript(commitments, context, bits, encodings, k)
    if 0 in challenges:
        return False
    claim = claim_of(challenges, N, bits, m, k, d1, r1, s1)
    return is_identity(sum_of_multiples([(coefficient, points[name]) for name, coefficient in claim.items()]))


def run_transcript(commitments: list[bytes], context: bytes, bits: int, encodings: dict[str, bytes], k: int) -> list[int]:
    """The challenges y, z, e_1 ... e_k, e."""
    merlin = Merlin(b"MESH/v1/range-proof")
    merlin.append(b"context", context)
    merlin.append(b"dom-sep", SYSTEM_LABEL)
    merlin.append(b"H", encode(value_base()))
    merlin.append(b"G", encode(blinding_base()))
    for label, number in ((b"N", bits), (b"T", 1), (b"M", len(commitments))):
        merlin.append(label, number.to_bytes(8, "little"))
    for commitment in commitments:
        merlin.append(b"Ci", commitment)
    for _ in commitments:
        merlin.append(b"vi - minimum_value", bytes(8))

    def challenge(label: bytes) -> int:
        return int.from_bytes(merlin.challenge(label, 64), "little") % ORDER

    merlin.append(b"A", encodings["A"])
    challenges = [challenge(b"y"), challenge(b"z")]
    for t in range(k):
        merlin.append(b"L", encodings[f"L{t}"])
        merlin.append(b"R", encodings[f"R{t}"])
        challenges.append(challenge(b"e"))
    merlin.append(b"A1", encodings["A1"])
    merlin.append(b"B", encodings["B"])
    challenges.append(challenge(b"e"))
    return challenges


def claim_of(challenges: list[int], N: int, bits: int, m: int, k: int, d1: int, r1: int, s1: int) -> Combination:
    """The combination of points that is the identity for a good proof."""
    y, z, *rounds, e = challenges
    y_inverse = pow(y, -1, ORDER)

    # The shifted commitment to the bits (ePrint 2020/735, figure 3).
    claim: Combination = {"A": 1}
    d = [pow(z, 2 * (j + 1), ORDER) * 2**bit % ORDER for j in range(m) for bit in range(bits)]
    sum_of_y = sum(pow(y, i, ORDER) for i in range(1, N + 1))
    for i in range(N):
        add_scaled(claim, 1, {f"G{i}": -z, f"H{i}": d[i] * pow(y, N - i, ORDER) + z})
    for j in range(m):
        add_scaled(claim, pow(z, 2 * (j + 1), ORDER) * pow(y, N + 1, ORDER), {f"C{j}": 1})
    add_scaled(claim, 1, {"value": z * sum_of_y - z * pow(y, N + 1, ORDER) * sum(d) - z * z * sum_of_y})

    # The rounds: claim' = e^2 L + claim + e^-2 R, and every generator is in a half that is scaled.
    G: list[Combination] = [{f"G{i}": 1} for i in range(N)]
    H: list[Combination] = [{f"H{i}": 1} for i in range(N)]
    for t, e_t in enumerate(rounds):
        e_inverse = pow(e_t, -1, ORDER)
        add_scaled(claim, 1, {f"L{t}": e_t * e_t, f"R{t}": e_inverse * e_inverse})
        half = len(G) // 2
        G = [combine(e_inverse, G[i], e_t * pow(y_inverse, half, ORDER), G[half + i]) for i in range(half)]
        H = [combine(e_t, H[i], e_inverse, H[half + i]) for i in range(half)]

    # The end: e^2 claim + e A1 + B = r1 e G + s1 e H + r1 s1 y value + d1 blinding.
    end: Combination = {"A1": e, "B": 1}
    add_scaled(end, e * e, claim)
    add_scaled(end, -r1 * e, G[0])
    add_scaled(end, -s1 * e, H[0])
    add_scaled(end, -1, {"value": r1 * s1 * y, "blinding": d1})
    return end


def combine(left_scalar: int, left: Combination, right_scalar: int, right: Combination) -> Combination:
    total: Combination = {}
    add_scaled(total, left_scalar, left)
    add_scaled(total, right_scalar, right)
    return total
