#include "field.h"

/* RFC 9496, section 4.1, in limbs. tests/unit/crypto/kernel/driver.c checks what defines them. */
const fe FE_ZERO = {{0, 0, 0, 0, 0}};
const fe FE_ONE = {{1, 0, 0, 0, 0}};
/* d = -121665/121666 */
const fe FE_D = {{0x34dca135978a3, 0x1a8283b156ebd, 0x5e7a26001c029, 0x739c663a03cbb, 0x52036cee2b6ff}};
const fe FE_TWICE_D = {{0x69b9426b2f159, 0x35050762add7a, 0x3cf44c0038052, 0x6738cc7407977, 0x2406d9dc56dff}};
/* the nonnegative square root of -1 */
const fe FE_SQRT_MINUS_ONE = {{0x61b274a0ea0b0, 0xd5a5fc8f189d, 0x7ef5e9cbd0c60, 0x78595a6804c9e, 0x2b8324804fc1d}};
/* 1/sqrt(a - d), a = -1 */
const fe FE_INVSQRT_A_MINUS_D = {{0xfdaa805d40ea, 0x2eb482e57d339, 0x7610274bc58, 0x6510b613dc8ff, 0x786c8905cfaff}};
/* sqrt(a*d - 1) */
const fe FE_SQRT_AD_MINUS_ONE = {{0x7f6a0497b2e1b, 0x1836f0a97afd2, 0x7d747f6be7638, 0x456079e7e6498, 0x376931bf2b834}};
/* 1 - d^2 */
const fe FE_ONE_MINUS_D_SQUARED = {{0x409c1945fc176, 0x719abc6a1fc4f, 0x1c37f90b20684, 0x6bccca55eedf, 0x29072a8b2b3e}};
/* (d - 1)^2 */
const fe FE_D_MINUS_ONE_SQUARED = {{0x55aaa44ed4d20, 0x59603c3332635, 0x26d3baf4a7928, 0x120a66e6997a9, 0x5968b37af66c2}};

static uint64_t load_word(const uint8_t bytes[8]) {
    uint64_t word = 0;
    for (int i = 7; i >= 0; i--)
        word = (word << 8) | bytes[i];
    return word;
}

static void store_word(uint8_t bytes[8], uint64_t word) {
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(word >> (8 * i));
}

/* Limb i holds the bits from 51*i on: bits 0, 51, 102, 153 and 204 lie in the words at the bytes 0, 6, 12, 19 and 24. */
void fe_from_bytes(fe *element, const uint8_t bytes[32]) {
    element->limb[0] = load_word(bytes) & FE_LIMB_MASK;
    element->limb[1] = (load_word(bytes + 6) >> 3) & FE_LIMB_MASK;
    element->limb[2] = (load_word(bytes + 12) >> 6) & FE_LIMB_MASK;
    element->limb[3] = (load_word(bytes + 19) >> 1) & FE_LIMB_MASK;
    element->limb[4] = (load_word(bytes + 24) >> 12) & FE_LIMB_MASK;
}

/* After two carries no limb is above 2^51 + 18 (the first) or 2^51 (the others), so the number x is below 2^255 + 2^205, less than 2p.
 * So x mod p is x - q*p with q = 1 if x >= p, that is if x + 19 >= 2^255: q is the carry out of x + 19, and x - q*p = x + 19*q mod 2^255. */
void fe_to_bytes(uint8_t bytes[32], const fe *a) {
    fe t;
    fe_carry(&t, a);
    fe_carry(&t, &t);
    uint64_t q = (t.limb[0] + 19) >> 51;
    for (int i = 1; i < 5; i++)
        q = (t.limb[i] + q) >> 51;
    t.limb[0] += 19 * q;
    for (int i = 0; i < 4; i++) {
        t.limb[i + 1] += t.limb[i] >> 51;
        t.limb[i] &= FE_LIMB_MASK;
    }
    t.limb[4] &= FE_LIMB_MASK;
    store_word(bytes, t.limb[0] | (t.limb[1] << 51));
    store_word(bytes + 8, (t.limb[1] >> 13) | (t.limb[2] << 38));
    store_word(bytes + 16, (t.limb[2] >> 26) | (t.limb[3] << 25));
    store_word(bytes + 24, (t.limb[3] >> 39) | (t.limb[4] << 12));
}

uint64_t fe_equal(const fe *a, const fe *b) {
    uint8_t left[32], right[32];
    uint64_t difference = 0;
    fe_to_bytes(left, a);
    fe_to_bytes(right, b);
    for (int i = 0; i < 32; i++)
        difference |= (uint64_t)(left[i] ^ right[i]);
    return mask_if_zero(difference);
}

uint64_t fe_is_negative(const fe *a) {
    uint8_t bytes[32];
    fe_to_bytes(bytes, a);
    return mask_of_bit(bytes[0] & 1);
}

void fe_absolute(fe *absolute, const fe *a) {
    fe tight, negative;
    fe_carry(&tight, a);
    fe_negate(&negative, &tight);
    fe_choose(absolute, fe_is_negative(&tight), &negative, &tight);
}

/* a^(2^count) */
static void square_repeatedly(fe *power, const fe *a, int count) {
    fe_square(power, a);
    for (int i = 1; i < count; i++)
        fe_square(power, power);
}

/* a^(2^250 - 1) and a^11. With e(k) for a^(2^k - 1): e(j + k) = e(j)^(2^k) * e(k). */
static void power_2_250_minus_1(fe *power, fe *power_11, const fe *a) {
    fe a2, a9, e5, e10, e20, e40, e50, e100, t;
    fe_square(&a2, a);
    square_repeatedly(&t, &a2, 2);
    fe_mul(&a9, &t, a);
    fe_mul(power_11, &a9, &a2);
    fe_square(&t, power_11);
    fe_mul(&e5, &t, &a9);
    square_repeatedly(&t, &e5, 5);
    fe_mul(&e10, &t, &e5);
    square_repeatedly(&t, &e10, 10);
    fe_mul(&e20, &t, &e10);
    square_repeatedly(&t, &e20, 20);
    fe_mul(&e40, &t, &e20);
    square_repeatedly(&t, &e40, 10);
    fe_mul(&e50, &t, &e10);
    square_repeatedly(&t, &e50, 50);
    fe_mul(&e100, &t, &e50);
    square_repeatedly(&t, &e100, 100);
    fe_mul(&t, &t, &e100);
    square_repeatedly(&t, &t, 50);
    fe_mul(power, &t, &e50);
}

/* Fermat: a^(p - 2), and p - 2 = 2^255 - 21 = 2^5 * (2^250 - 1) + 11. */
void fe_invert(fe *inverse, const fe *a) {
    fe power, power_11;
    power_2_250_minus_1(&power, &power_11, a);
    square_repeatedly(&power, &power, 5);
    fe_mul(inverse, &power, &power_11);
}

/* a^((p - 5)/8), and (p - 5)/8 = 2^252 - 3 = 2^2 * (2^250 - 1) + 1. */
static void power_p_minus_5_over_8(fe *result, const fe *a) {
    fe power, power_11;
    power_2_250_minus_1(&power, &power_11, a);
    square_repeatedly(&power, &power, 2);
    fe_mul(result, &power, a);
}

/* r = u v^3 (u v^7)^((p - 5)/8) is a root of u/v up to a factor 1, -1, sqrt(-1) or -sqrt(-1), which v r^2 / u tells. */
uint64_t fe_sqrt_ratio(fe *root, const fe *u, const fe *v) {
    fe v3, v7, r, check, minus_u, minus_u_i, r_i, t;
    fe_square(&t, v);
    fe_mul(&v3, &t, v);
    fe_square(&t, &v3);
    fe_mul(&v7, &t, v);
    fe_mul(&t, u, &v7);
    power_p_minus_5_over_8(&r, &t);
    fe_mul(&t, u, &v3);
    fe_mul(&r, &r, &t);

    fe_square(&t, &r);
    fe_mul(&check, v, &t);
    fe_negate(&minus_u, u);
    fe_mul(&minus_u_i, &minus_u, &FE_SQRT_MINUS_ONE);
    uint64_t has_correct_sign = fe_equal(&check, u);
    uint64_t has_flipped_sign = fe_equal(&check, &minus_u);
    uint64_t has_flipped_sign_i = fe_equal(&check, &minus_u_i);

    fe_mul(&r_i, &r, &FE_SQRT_MINUS_ONE);
    fe_choose(&r, has_flipped_sign | has_flipped_sign_i, &r_i, &r);
    fe_absolute(root, &r);
    return has_correct_sign | has_flipped_sign;
}
