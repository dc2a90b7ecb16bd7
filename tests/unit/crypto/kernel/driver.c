/* A program around the kernel without Python, for what Python makes hard: sanitizers, memcheck, and builds with other settings.
 *
 *     driver answers SEED   checks what defines the constants, compares the methods with each other on edge and random values, and prints some inputs with
 *                           the results, for the test to compare with libsodium: `<scalar>*<uniform bytes>+...=<encoding>`, all in hex
 *     driver secrets        under memcheck: runs all that takes secrets with them marked as undefined memory, so that a branch or an address that depends on
 *                           one is reported as a use of an undefined value
 *     driver leak           the same with a branch on a secret: shows that memcheck would report it
 *     driver remains        runs each function twice on a stack of its own, with different secrets, and compares what is left on the stack; prints, for each,
 *                           how many bytes differ before the stack is wiped and after. Status 77 where there is no makecontext
 */
#define _XOPEN_SOURCE 700 /* makecontext */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __GLIBC__
#include <ucontext.h>
#endif

#include "_kernel/multiply_public.h"
#include "_kernel/multiply_secret.h"
#include "_kernel/ristretto255.h"

#ifdef WITH_MEMCHECK
#include <valgrind/memcheck.h>
#define HIDE(value) (void)VALGRIND_MAKE_MEM_UNDEFINED(&(value), sizeof(value))
#define SHOW(value) (void)VALGRIND_MAKE_MEM_DEFINED(&(value), sizeof(value))
#else
#define HIDE(value) ((void)(value))
#define SHOW(value) ((void)(value))
#endif

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            fprintf(stderr, "line %d: %s does not hold\n", __LINE__, #condition); \
            exit(1);                                                          \
        }                                                                     \
    } while (0)

enum { FIXED = 5, LOOSE = 4, BOTH = FIXED + LOOSE, MANY = 500 };

/* SplitMix64: the same numbers everywhere. */
static uint64_t state;

static uint64_t next_word(void) {
    uint64_t z = (state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

static void random_bytes(uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)next_word();
}

/* l - 1, little-endian */
static const uint8_t ORDER_MINUS_1[32] = {0xec, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                          0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0,    0x10};

/* Often an edge: 0, 1, l - 1, 2^k, 2^k - 1. */
static void random_scalar(scalar *s) {
    uint8_t bytes[32] = {0};
    uint64_t kind = next_word() % 8, bit = next_word() % 252;
    if (kind == 0)
        bytes[0] = (uint8_t)(next_word() % 3);
    else if (kind == 1)
        memcpy(bytes, ORDER_MINUS_1, 32);
    else if (kind == 2)
        bytes[bit / 8] = (uint8_t)(1 << (bit % 8));
    else if (kind == 3)
        for (uint64_t i = 0; i < bit; i++)
            bytes[i / 8] |= (uint8_t)(1 << (i % 8));
    else {
        random_bytes(bytes, 32);
        bytes[31] &= 0x0f;
    }
    CHECK(scalar_from_bytes(s, bytes));
}

static int same_element(const point *p, const point *q) {
    uint8_t left[32], right[32];
    ristretto_encode(left, p);
    ristretto_encode(right, q);
    return memcmp(left, right, 32) == 0;
}

/* Double and add, for comparison. */
static void multiply_slowly(point *product, const scalar *s, const point *p) {
    uint8_t bytes[32];
    scalar_to_bytes(bytes, s);
    *product = POINT_NEUTRAL;
    for (int bit = 255; bit >= 0; bit--) {
        point_sum(product, product, product);
        if (bytes[bit / 8] >> (bit % 8) & 1)
            point_sum(product, product, p);
    }
}

/* --- field */

static void check_constants(void) {
    fe a, b, minus_one;
    fe_negate(&minus_one, &FE_ONE);
    fe_square(&a, &FE_SQRT_MINUS_ONE);
    CHECK(fe_equal(&a, &minus_one));
    CHECK(!fe_is_negative(&FE_SQRT_MINUS_ONE));
    /* d * 121666 = -121665 */
    fe n121666 = {{121666, 0, 0, 0, 0}}, n121665 = {{121665, 0, 0, 0, 0}};
    fe_mul(&a, &FE_D, &n121666);
    fe_negate(&b, &n121665);
    CHECK(fe_equal(&a, &b));
    fe_add(&a, &FE_D, &FE_D);
    CHECK(fe_equal(&a, &FE_TWICE_D));
    /* (a - d) * invsqrt^2 = 1 and sqrt_ad_minus_one^2 = a*d - 1, with a = -1 */
    fe_square(&a, &FE_INVSQRT_A_MINUS_D);
    fe_sub(&b, &minus_one, &FE_D);
    fe_mul(&a, &a, &b);
    CHECK(fe_equal(&a, &FE_ONE));
    fe_square(&a, &FE_SQRT_AD_MINUS_ONE);
    fe_add(&b, &FE_D, &FE_ONE);
    fe_carry(&b, &b);
    fe_negate(&b, &b);
    CHECK(fe_equal(&a, &b));
    fe_square(&a, &FE_D);
    fe_sub(&a, &FE_ONE, &a);
    CHECK(fe_equal(&a, &FE_ONE_MINUS_D_SQUARED));
    fe_sub(&a, &FE_D, &FE_ONE);
    fe_square(&a, &a);
    CHECK(fe_equal(&a, &FE_D_MINUS_ONE_SQUARED));
}

/* Limbs up to just below the bounds, edges of the encoding, and the laws of a field. */
static void check_field(void) {
    static const uint64_t limits[] = {0, 1, (1ULL << 51) - 1, 1ULL << 51, (1ULL << 52) - 1, (1ULL << 54) - 1};
    for (int round = 0; round < 300; round++) {
        fe a, b, c, left, right, t;
        for (int i = 0; i < 5; i++) {
            a.limb[i] = next_word() % 2 ? limits[next_word() % 6] : next_word() % (1ULL << 54);
            b.limb[i] = next_word() % 2 ? limits[next_word() % 6] : next_word() % (1ULL << 54);
            c.limb[i] = next_word() % (1ULL << 54);
        }
        fe_mul(&left, &a, &b);
        fe_mul(&left, &left, &c);
        fe_mul(&right, &b, &c);
        fe_mul(&right, &a, &right);
        CHECK(fe_equal(&left, &right));
        fe_square(&left, &a);
        fe_mul(&right, &a, &a);
        CHECK(fe_equal(&left, &right));
        /* (a + b) c = ac + bc, a + b - b = a */
        fe_carry(&left, &a);
        fe_carry(&right, &b);
        fe_add(&t, &left, &right);
        fe_mul(&t, &t, &c);
        fe_mul(&left, &left, &c);
        fe_mul(&right, &right, &c);
        fe_add(&left, &left, &right);
        CHECK(fe_equal(&left, &t));
        fe_sub(&left, &left, &right);
        fe_mul(&right, &a, &c);
        CHECK(fe_equal(&left, &right));
        fe_invert(&t, &a);
        fe_mul(&t, &t, &a);
        CHECK(fe_equal(&t, &FE_ONE) || fe_equal(&a, &FE_ZERO));
        uint8_t bytes[32];
        fe_to_bytes(bytes, &a);
        fe_from_bytes(&t, bytes);
        CHECK(fe_equal(&t, &a) && bytes[31] < 0x80);
    }
    /* p - 1, p, p + 18 = 2^255 - 1, and the ignored top bit */
    uint8_t bytes[32], expected[32];
    for (int low = 0xec; low <= 0xff; low++) {
        fe t;
        memset(bytes, 0xff, 32);
        bytes[0] = (uint8_t)low;
        fe_from_bytes(&t, bytes);
        fe_to_bytes(expected, &t);
        bytes[31] = 0x7f;
        if (low == 0xec) {
            CHECK(memcmp(bytes, expected, 32) == 0);
        } else {
            memset(bytes, 0, 32);
            bytes[0] = (uint8_t)(low - 0xed);
            CHECK(memcmp(bytes, expected, 32) == 0);
        }
    }
}

/* --- scalars */

static void check_scalars(void) {
    for (int round = 0; round < 300; round++) {
        scalar a, b, c, ab, left, right, t;
        random_scalar(&a);
        random_scalar(&b);
        random_scalar(&c);
        scalar_prepare(&t, &a);
        scalar_montgomery(&ab, &t, &b);
        /* a*(b + c) = ab + ac */
        scalar_montgomery(&right, &t, &c);
        scalar_add(&right, &right, &ab);
        scalar_add(&left, &b, &c);
        scalar_montgomery(&left, &t, &left);
        CHECK(memcmp(&left, &right, sizeof left) == 0);
        /* (ab)c by preparing, and by mending */
        scalar_prepare(&t, &ab);
        scalar_montgomery(&left, &t, &c);
        scalar_montgomery(&t, &a, &b);
        scalar_montgomery(&t, &t, &c);
        scalar_mend_triple(&right, &t);
        CHECK(memcmp(&left, &right, sizeof left) == 0);
        uint8_t bytes[32];
        scalar_to_bytes(bytes, &left);
        CHECK(scalar_from_bytes(&t, bytes) && memcmp(&t, &left, sizeof t) == 0);
        uint64_t odd[5];
        scalar_make_odd(odd, &a);
        CHECK((odd[0] & 1) == 1 && odd[3] >> 62 == 0 && odd[4] == 0);
    }
    uint8_t bytes[32];
    scalar s;
    memcpy(bytes, ORDER_MINUS_1, 32);
    CHECK(scalar_from_bytes(&s, bytes));
    bytes[0]++;
    CHECK(!scalar_from_bytes(&s, bytes));
    memset(bytes, 0xff, 32);
    CHECK(!scalar_from_bytes(&s, bytes));
}

/* --- points */

/* The points of order 1, 2 and 4: all four are the identity, and no encoding depends on which of an element's four points is taken. */
static void check_torsion(void) {
    point p = POINT_NEUTRAL, q;
    uint8_t bytes[32];
    uint8_t zeros[32] = {0};
    /* (sqrt(-1), 0) has order 4 and is in the identity's set, (0, -1) is its double. */
    p.X = FE_SQRT_MINUS_ONE;
    p.Y = FE_ZERO;
    for (int i = 0; i < 4; i++) {
        ristretto_encode(bytes, &p);
        CHECK(memcmp(bytes, zeros, 32) == 0);
        q = POINT_NEUTRAL;
        q.X = FE_SQRT_MINUS_ONE;
        q.Y = FE_ZERO;
        point_sum(&p, &p, &q);
    }
    /* An element's encoding does not depend on which of its four points is taken. */
    uint8_t uniform[64];
    point base;
    random_bytes(uniform, 64);
    ristretto_map(&base, uniform);
    for (int i = 0; i < 4; i++) {
        point_sum(&p, &base, &q);
        CHECK(same_element(&p, &base));
        base = p;
    }
}

static void make_elements(element *elements, const element **pointers, niels *tables, uint8_t (*uniform)[64], size_t fixed, size_t count) {
    for (size_t i = 0; i < count; i++) {
        random_bytes(uniform[i], 64);
        ristretto_map(&elements[i].p, uniform[i]);
        elements[i].table = NULL;
        if (i < fixed) {
            CHECK(build_tables(tables + i * TABLE_ENTRIES, &elements[i].p, 1) == 0);
            elements[i].table = tables + i * TABLE_ENTRIES;
        }
        pointers[i] = &elements[i];
    }
}

static void print_hex(const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i < size; i++)
        printf("%02x", bytes[i]);
}

static void check_sums(void) {
    static niels tables[FIXED * TABLE_ENTRIES];
    element elements[BOTH];
    const element *pointers[BOTH];
    uint8_t uniform[BOTH][64];
    scalar scalars[BOTH];
    for (int round = 0; round < 12; round++) {
        point by_public, by_secret, slowly = POINT_NEUTRAL, term;
        uint8_t bytes[32];
        size_t count = (size_t)round % (BOTH + 1);
        make_elements(elements, pointers, tables, uniform, count / 2, count);
        for (size_t i = 0; i < count; i++) {
            random_scalar(&scalars[i]);
            multiply_slowly(&term, &scalars[i], &elements[i].p);
            point_sum(&slowly, &slowly, &term);
        }
        CHECK(multiply_public(&by_public, scalars, pointers, count) == 0 && same_element(&by_public, &slowly));
        CHECK(multiply_secret(&by_secret, scalars, pointers, count) == 0 && same_element(&by_secret, &slowly));
        for (size_t i = 0; i < count; i++) {
            printf(i ? "+" : "");
            scalar_to_bytes(bytes, &scalars[i]);
            print_hex(bytes, 32);
            printf("*");
            print_hex(uniform[i], 64);
        }
        ristretto_encode(bytes, &by_public);
        printf("=");
        print_hex(bytes, 32);
        printf("\n");
        CHECK(ristretto_decode(&term, bytes) && same_element(&term, &slowly));
    }
}

/* So many points that the buckets are used, some equal, some neutral. */
static void check_buckets(void) {
    static element elements[MANY];
    static const element *pointers[MANY];
    static uint8_t uniform[MANY][64];
    static scalar scalars[MANY];
    point in_buckets, in_parts = POINT_NEUTRAL, part;
    make_elements(elements, pointers, NULL, uniform, 0, MANY);
    for (size_t i = 0; i < MANY; i++)
        random_scalar(&scalars[i]);
    elements[1] = elements[0];
    elements[2].p = POINT_NEUTRAL;
    CHECK(multiply_public(&in_buckets, scalars, pointers, MANY) == 0);
    for (size_t start = 0; start < MANY; start += 100) {
        CHECK(multiply_public(&part, scalars + start, pointers + start, 100) == 0);
        point_sum(&in_parts, &in_parts, &part);
    }
    CHECK(same_element(&in_buckets, &in_parts));
}

static void check_selected(void) {
    cached terms[BOTH];
    point points[BOTH], sum, expected = POINT_NEUTRAL;
    uint8_t bits[BOTH], uniform[64];
    for (size_t i = 0; i < BOTH; i++) {
        random_bytes(uniform, 64);
        ristretto_map(&points[i], uniform);
        cached_from_point(&terms[i], &points[i]);
        bits[i] = (uint8_t)(next_word() & 1);
        if (bits[i])
            point_sum(&expected, &expected, &points[i]);
    }
    sum_selected(&sum, bits, terms, BOTH);
    CHECK(same_element(&sum, &expected));
}

/* --- secrets */

static void use_secrets(int leaks) {
    static niels tables[FIXED * TABLE_ENTRIES];
    static element elements[MANY];
    static const element *pointers[MANY];
    static uint8_t uniform[MANY][64];
    static scalar secret[MANY], public[MANY];
    static cached terms[BOTH];
    uint8_t bits[BOTH], encoding[32];
    point sum;
    make_elements(elements, pointers, tables, uniform, FIXED, MANY);
    for (size_t i = 0; i < MANY; i++) {
        random_scalar(&secret[i]);
        random_scalar(&public[i]);
    }
    for (size_t i = 0; i < BOTH; i++) {
        bits[i] = (uint8_t)(next_word() & 1);
        cached_from_point(&terms[i], &elements[i].p);
    }
    HIDE(secret);
    HIDE(bits);

    /* Scalars: all that the vectors a and b are made with. */
    scalar a, odd_part;
    uint64_t odd[5];
    scalar_add(&a, &secret[0], &secret[1]);
    scalar_prepare(&a, &a);
    scalar_montgomery(&a, &a, &secret[2]);
    scalar_mend_triple(&a, &a);
    scalar_make_odd(odd, &a);
    scalar_to_bytes(encoding, &a);
    (void)scalar_from_bytes(&odd_part, encoding);

    /* Sums by secret scalars and bits, over points with tables and without; what comes of them is encoded. */
    CHECK(multiply_secret(&sum, secret, pointers, BOTH) == 0);
    ristretto_encode(encoding, &sum);
    SHOW(encoding);
    print_hex(encoding, 32);
    printf("\n");
    sum_selected(&elements[FIXED].p, bits, terms, BOTH);
    point_difference(&elements[FIXED + 1].p, &elements[FIXED].p, &sum);

    /* Public multiples of secret points, by both methods, and secret multiples of secret points. */
    CHECK(multiply_public(&sum, public, pointers, BOTH) == 0);
    CHECK(multiply_public(&sum, public, pointers, MANY) == 0);
    CHECK(multiply_secret(&sum, secret, pointers, BOTH) == 0);
    ristretto_encode(encoding, &sum);
    if (leaks && (encoding[0] & 2))
        printf("a branch on a secret\n");
    SHOW(encoding);
    print_hex(encoding, 32);
    printf("\n");
}

/* --- remains on the stack */

#ifdef __GLIBC__

/* What the functions take and give: at the same addresses in both runs, so that nothing but their values is different. */
static struct {
    scalar scalars[MANY];
    element elements[MANY];
    const element *pointers[MANY];
    cached terms[BOTH];
    uint8_t bits[BOTH], encoding[32];
    point point;
    scalar scalar;
} world;

static void try_scalar_bytes(void) {
    scalar_to_bytes(world.encoding, &world.scalars[0]);
    (void)scalar_from_bytes(&world.scalar, world.encoding);
}

static void try_scalar_arithmetic(void) {
    scalar_prepare(&world.scalar, &world.scalars[0]);
    scalar_montgomery(&world.scalar, &world.scalar, &world.scalars[1]);
    scalar_add(&world.scalar, &world.scalar, &world.scalars[2]);
    scalar_mend_triple(&world.scalar, &world.scalar);
}

static void try_encode(void) { ristretto_encode(world.encoding, &world.elements[BOTH].p); }

static void try_sum_of_two(void) { point_sum(&world.point, &world.elements[BOTH].p, &world.elements[BOTH + 1].p); }

static void try_sum_selected(void) { sum_selected(&world.point, world.bits, world.terms, BOTH); }

static void try_multiply_secret(void) { (void)multiply_secret(&world.point, world.scalars, world.pointers, BOTH); }

/* Public multiples of secret points. */
static void try_multiply_public(void) { (void)multiply_public(&world.point, world.scalars + BOTH, world.pointers + FIXED, BOTH); }

static void try_buckets(void) { (void)multiply_public(&world.point, world.scalars + BOTH, world.pointers + BOTH, MANY - BOTH); }

static const struct {
    const char *name;
    void (*function)(void);
    size_t stack;
} TRIALS[] = {
    {"scalar bytes", try_scalar_bytes, STACK_OF_SCALARS},    {"scalar arithmetic", try_scalar_arithmetic, STACK_OF_SCALARS},
    {"encode", try_encode, STACK_OF_POINTS},                 {"sum of two", try_sum_of_two, STACK_OF_POINTS},
    {"sum selected", try_sum_selected, STACK_OF_POINTS},     {"multiply secret", try_multiply_secret, STACK_OF_SUMS},
    {"multiply public", try_multiply_public, STACK_OF_SUMS}, {"buckets", try_buckets, STACK_OF_SUMS},
};
enum { TRIAL_COUNT = sizeof TRIALS / sizeof TRIALS[0], STACK_BYTES = 1 << 17 };

static uint8_t own_stack[STACK_BYTES];
static size_t trial;
static int is_wiped;

static void run_trial(void) {
    TRIALS[trial].function();
    if (is_wiped)
        wipe_stack(TRIALS[trial].stack);
}

/* Secrets, the same for the same seed: scalars, bits, and the points from number BOTH on. Those before are public, the first FIXED with tables, and so are
 * the scalars from number BOTH on. */
static void make_world(uint64_t seed) {
    static niels tables[FIXED * TABLE_ENTRIES];
    static uint8_t uniform[MANY][64];
    state = 0;
    make_elements(world.elements, world.pointers, tables, uniform, FIXED, BOTH);
    for (size_t i = BOTH; i < MANY; i++) {
        random_scalar(&world.scalars[i]);
        world.pointers[i] = &world.elements[i];
    }
    state = seed;
    for (size_t i = BOTH; i < MANY; i++) {
        random_bytes(uniform[i], 64);
        ristretto_map(&world.elements[i].p, uniform[i]);
    }
    for (size_t i = 0; i < BOTH; i++) {
        random_bytes(world.encoding, 32);
        world.encoding[31] &= 0x0f;
        CHECK(scalar_from_bytes(&world.scalars[i], world.encoding));
        world.bits[i] = (uint8_t)(next_word() & 1);
        cached_from_point(&world.terms[i], &world.elements[i].p);
    }
}

static void run_on_own_stack(void) {
    static ucontext_t here, there;
    memset(own_stack, 0xa5, sizeof own_stack);
    CHECK(getcontext(&there) == 0);
    there.uc_stack.ss_sp = own_stack;
    there.uc_stack.ss_size = sizeof own_stack;
    there.uc_link = &here;
    makecontext(&there, run_trial, 0);
    CHECK(swapcontext(&here, &there) == 0);
}

/* How many bytes of the stack depend on the secrets. */
static size_t count_remains(void) {
    static uint8_t left[STACK_BYTES];
    size_t count = 0;
    for (uint64_t seed = 1; seed <= 2; seed++) {
        make_world(seed);
        /* The first run may ask the system for memory, and look for functions of libraries. */
        run_on_own_stack();
        make_world(seed);
        run_on_own_stack();
        if (seed == 1)
            memcpy(left, own_stack, sizeof left);
    }
    for (size_t i = 0; i < sizeof left; i++)
        count += left[i] != own_stack[i];
    return count;
}

static int tell_remains(void) {
    for (trial = 0; trial < TRIAL_COUNT; trial++) {
        is_wiped = 0;
        size_t before = count_remains();
        is_wiped = 1;
        printf("%s: %zu %zu\n", TRIALS[trial].name, before, count_remains());
    }
    return 0;
}

#else

static int tell_remains(void) { return 77; }

#endif

int main(int count, char **arguments) {
    if (count == 3 && strcmp(arguments[1], "answers") == 0) {
        state = strtoull(arguments[2], NULL, 10);
        check_constants();
        check_field();
        check_scalars();
        check_torsion();
        check_selected();
        check_buckets();
        check_sums();
        return 0;
    }
    if (count == 2 && (strcmp(arguments[1], "secrets") == 0 || strcmp(arguments[1], "leak") == 0)) {
        use_secrets(arguments[1][0] == 'l');
        return 0;
    }
    if (count == 2 && strcmp(arguments[1], "remains") == 0)
        return tell_remains();
    fprintf(stderr, "usage: driver answers SEED | secrets | leak | remains\n");
    return 2;
}
