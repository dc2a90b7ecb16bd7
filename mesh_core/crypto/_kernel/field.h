/* The field of p = 2^255 - 19 elements, in five limbs of 51 bits: x = limb[0] + 2^51 limb[1] + ... + 2^204 limb[4].
 *
 * Limbs may be larger than 51 bits, so that additions need no carries. Two bounds on limbs, named wherever they matter:
 *
 *     tight   below 2^51 + 2^18     what multiplication, squaring and fe_carry give
 *     loose   below 2^54            what multiplication, squaring and fe_carry take
 *
 * Sums and differences of tight elements are loose; each function says how large. MESH_CHECK_BOUNDS (a build of the tests) checks the bounds at run time.
 * No function here branches or chooses an address by the value of an element.
 */
#ifndef MESH_FIELD_H
#define MESH_FIELD_H

#include <stdint.h>

#include "secret.h"
#include "wide.h"

typedef struct {
    uint64_t limb[5];
} fe;

#define FE_LIMB_MASK ((1ULL << 51) - 1)

#ifdef MESH_CHECK_BOUNDS
#include <assert.h>
#define FE_CHECK_BELOW(a, bound)           \
    do {                                   \
        for (int i_ = 0; i_ < 5; i_++)     \
            assert((a)->limb[i_] < bound); \
    } while (0)
#else
#define FE_CHECK_BELOW(a, bound) ((void)0)
#endif
#define FE_TIGHT ((1ULL << 51) + (1ULL << 18))
#define FE_LOOSE (1ULL << 54)

extern const fe FE_ZERO, FE_ONE, FE_D, FE_TWICE_D, FE_SQRT_MINUS_ONE, FE_INVSQRT_A_MINUS_D, FE_SQRT_AD_MINUS_ONE, FE_ONE_MINUS_D_SQUARED,
    FE_D_MINUS_ONE_SQUARED;

/* a + b; the limbs are the sums of theirs. */
static inline void fe_add(fe *sum, const fe *a, const fe *b) {
    for (int i = 0; i < 5; i++)
        sum->limb[i] = a->limb[i] + b->limb[i];
}

/* a - b for a tight b, as a + 2p - b: no limb of 2p is below 2^52 - 38, which is above a tight limb. Limbs grow by less than 2^52. */
static inline void fe_sub(fe *difference, const fe *a, const fe *b) {
    FE_CHECK_BELOW(b, FE_TIGHT);
    difference->limb[0] = a->limb[0] + (0xfffffffffffdaULL - b->limb[0]);
    for (int i = 1; i < 5; i++)
        difference->limb[i] = a->limb[i] + (0xffffffffffffeULL - b->limb[i]);
}

/* a - b for b below 2^53 - 76, such as a sum or a difference of two tight elements, as a + 4p - b. Limbs grow by less than 2^53. */
static inline void fe_sub_loose(fe *difference, const fe *a, const fe *b) {
    FE_CHECK_BELOW(b, 0x1fffffffffffb4ULL + 1);
    difference->limb[0] = a->limb[0] + (0x1fffffffffffb4ULL - b->limb[0]);
    for (int i = 1; i < 5; i++)
        difference->limb[i] = a->limb[i] + (0x1ffffffffffffcULL - b->limb[i]);
}

/* a, tight, from any limbs: each gives what is above 51 bits (at most 2^13) to the next, the last 19 times that to the first, since 2^255 = 19. */
static inline void fe_carry(fe *tight, const fe *a) {
    uint64_t from_last = 19 * (a->limb[4] >> 51);
    uint64_t carry[4];
    for (int i = 0; i < 4; i++)
        carry[i] = a->limb[i] >> 51;
    tight->limb[0] = (a->limb[0] & FE_LIMB_MASK) + from_last;
    for (int i = 1; i < 5; i++)
        tight->limb[i] = (a->limb[i] & FE_LIMB_MASK) + carry[i - 1];
}

/* The tight element with the five columns r0 ... r4 of a product, where all are below 2^115 and r4 below 2^111.
 *
 * A carry is below 2^64 then, and the last one below 2^60, so that 19 times it is below 2^64.3; it is really below 2^63.7, see fe_mul.
 */
static inline void fe_carry_wide(fe *tight, wide r0, wide r1, wide r2, wide r3, wide r4) {
    r1 = wide_add_word(r1, wide_shift_51(r0));
    r2 = wide_add_word(r2, wide_shift_51(r1));
    r3 = wide_add_word(r3, wide_shift_51(r2));
    r4 = wide_add_word(r4, wide_shift_51(r3));
    uint64_t first = (wide_low(r0) & FE_LIMB_MASK) + 19 * wide_shift_51(r4);
    tight->limb[0] = first & FE_LIMB_MASK;
    tight->limb[1] = (wide_low(r1) & FE_LIMB_MASK) + (first >> 51);
    tight->limb[2] = wide_low(r2) & FE_LIMB_MASK;
    tight->limb[3] = wide_low(r3) & FE_LIMB_MASK;
    tight->limb[4] = wide_low(r4) & FE_LIMB_MASK;
}

/* a * b, tight, of loose elements. A column's products that lie at 2^255 and above come back at the bottom, 19 times.
 *
 * Limbs are below 2^54, so a column r0 to r3 is below (1 + 4*19) * 2^108 < 2^114.3, and r4, which has no factor 19, below 5 * 2^108 < 2^110.4.
 * With the carry from r3 (below 2^63.3) r4 stays below 2^110.4, its carry below 2^59.4, 19 times that below 2^63.7, and with 51 bits more below 2^64.
 */
static inline void fe_mul(fe *product, const fe *a, const fe *b) {
    FE_CHECK_BELOW(a, FE_LOOSE);
    FE_CHECK_BELOW(b, FE_LOOSE);
    const uint64_t a0 = a->limb[0], a1 = a->limb[1], a2 = a->limb[2], a3 = a->limb[3], a4 = a->limb[4];
    const uint64_t b0 = b->limb[0], b1 = b->limb[1], b2 = b->limb[2], b3 = b->limb[3], b4 = b->limb[4];
    const uint64_t c1 = 19 * b1, c2 = 19 * b2, c3 = 19 * b3, c4 = 19 * b4; /* below 2^58.3 */
#define SUM_OF_FIVE(v, w, x, y, z) wide_add(wide_add(wide_add(v, w), wide_add(x, y)), z)
    wide r0 = SUM_OF_FIVE(wide_mul(a0, b0), wide_mul(a1, c4), wide_mul(a2, c3), wide_mul(a3, c2), wide_mul(a4, c1));
    wide r1 = SUM_OF_FIVE(wide_mul(a0, b1), wide_mul(a1, b0), wide_mul(a2, c4), wide_mul(a3, c3), wide_mul(a4, c2));
    wide r2 = SUM_OF_FIVE(wide_mul(a0, b2), wide_mul(a1, b1), wide_mul(a2, b0), wide_mul(a3, c4), wide_mul(a4, c3));
    wide r3 = SUM_OF_FIVE(wide_mul(a0, b3), wide_mul(a1, b2), wide_mul(a2, b1), wide_mul(a3, b0), wide_mul(a4, c4));
    wide r4 = SUM_OF_FIVE(wide_mul(a0, b4), wide_mul(a1, b3), wide_mul(a2, b2), wide_mul(a3, b1), wide_mul(a4, b0));
#undef SUM_OF_FIVE
    fe_carry_wide(product, r0, r1, r2, r3, r4);
}

/* a^2, tight, of a loose element: fe_mul with equal products taken once and doubled. The same columns, hence the same bounds; 38 a4 is below 2^59.3. */
static inline void fe_square(fe *square, const fe *a) {
    FE_CHECK_BELOW(a, FE_LOOSE);
    const uint64_t a0 = a->limb[0], a1 = a->limb[1], a2 = a->limb[2], a3 = a->limb[3], a4 = a->limb[4];
    const uint64_t twice_a0 = 2 * a0, twice_a1 = 2 * a1;
    const uint64_t c3 = 19 * a3, c4 = 19 * a4, twice_c4 = 38 * a4;
#define SUM_OF_THREE(x, y, z) wide_add(wide_add(x, y), z)
    wide r0 = SUM_OF_THREE(wide_mul(a0, a0), wide_mul(a1, twice_c4), wide_mul(2 * a2, c3));
    wide r1 = SUM_OF_THREE(wide_mul(twice_a0, a1), wide_mul(a2, twice_c4), wide_mul(a3, c3));
    wide r2 = SUM_OF_THREE(wide_mul(twice_a0, a2), wide_mul(a1, a1), wide_mul(a3, twice_c4));
    wide r3 = SUM_OF_THREE(wide_mul(twice_a0, a3), wide_mul(twice_a1, a2), wide_mul(a4, c4));
    wide r4 = SUM_OF_THREE(wide_mul(twice_a0, a4), wide_mul(twice_a1, a3), wide_mul(a2, a2));
#undef SUM_OF_THREE
    fe_carry_wide(square, r0, r1, r2, r3, r4);
}

/* -a, tight, of a tight element. */
static inline void fe_negate(fe *negative, const fe *a) {
    fe difference;
    fe_sub(&difference, &FE_ZERO, a);
    fe_carry(negative, &difference);
}

/* x where mask is all ones, y where it is zero. */
static inline void fe_choose(fe *chosen, uint64_t mask, const fe *x, const fe *y) {
    for (int i = 0; i < 5; i++)
        chosen->limb[i] = choose(mask, x->limb[i], y->limb[i]);
}

/* The number below 2^255 in 32 little-endian bytes, tight; the top bit is ignored, and p to 2^255 - 1 are taken for 0 to 18. */
void fe_from_bytes(fe *element, const uint8_t bytes[32]);

/* The number below p that a loose element is, as 32 little-endian bytes. */
void fe_to_bytes(uint8_t bytes[32], const fe *a);

/* Mask: a = b. Loose elements. */
uint64_t fe_equal(const fe *a, const fe *b);

/* Mask: a is negative, which RFC 9496 calls the odd numbers below p. A loose element. */
uint64_t fe_is_negative(const fe *a);

/* a or -a, whichever is not negative. Tight. */
void fe_absolute(fe *absolute, const fe *a);

/* 1/a; 0 for a = 0. Tight. */
void fe_invert(fe *inverse, const fe *a);

/* SQRT_RATIO_M1 of RFC 9496, section 4.2. The mask says whether u/v is a square (v = 0, u != 0 is none; u = 0 is one); *root is then its
 * nonnegative square root, else that of sqrt(-1) * u/v. Tight elements. */
uint64_t fe_sqrt_ratio(fe *root, const fe *u, const fe *v);

#endif
