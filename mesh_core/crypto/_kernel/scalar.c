#include "scalar.h"

#include "secret.h"
#include "wide.h"

static const uint64_t ORDER[4] = {0x5812631a5cf5d3ed, 0x14def9dea2f79cd6, 0, 0x1000000000000000};
/* -1/l mod 2^64 */
static const uint64_t MINUS_INVERSE_OF_ORDER = 0xd2b51da312547e1b;
/* R^2 and R^3 mod l */
static const scalar R_SQUARED = {{0xa40611e3449c0f01, 0xd00e1ba768859347, 0xceec73d217f5be65, 0x0399411b7c309a3d}};
static const scalar R_CUBED = {{0x2a9e49687b83a2db, 0x278324e6aef7f3ec, 0x8065dc6c04ec5b65, 0x0e530b773599cec7}};

const scalar SCALAR_ZERO = {{0, 0, 0, 0}};
const scalar SCALAR_ONE = {{1, 0, 0, 0}};

/* a - l mod 2^256; the mask says whether a < l. Of the borrow, a - b - c < 0, only the flag is kept: the top bit, by Hacker's Delight, section 2-13. */
static uint64_t subtract_order(uint64_t difference[4], const uint64_t a[4]) {
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        uint64_t b = ORDER[i], d = a[i] - b - borrow;
        borrow = ((~a[i] & b) | (~(a[i] ^ b) & d)) >> 63;
        difference[i] = d;
    }
    return mask_of_bit(borrow);
}

/* a mod l for a < 2l */
static void reduce_once(scalar *reduced, const uint64_t a[4]) {
    uint64_t difference[4];
    uint64_t is_below = subtract_order(difference, a);
    for (int i = 0; i < 4; i++)
        reduced->word[i] = choose(is_below, a[i], difference[i]);
}

uint64_t scalar_from_bytes(scalar *s, const uint8_t bytes[32]) {
    uint64_t difference[4];
    for (int i = 0; i < 4; i++) {
        s->word[i] = 0;
        for (int j = 7; j >= 0; j--)
            s->word[i] = (s->word[i] << 8) | bytes[8 * i + j];
    }
    return subtract_order(difference, s->word);
}

void scalar_to_bytes(uint8_t bytes[32], const scalar *s) {
    for (int i = 0; i < 32; i++)
        bytes[i] = (uint8_t)(s->word[i / 8] >> (8 * (i % 8)));
}

/* a + b for numbers below 2^254: the sum is below 2^255, so the last word has no carry. */
static void add_words(uint64_t sum[4], const uint64_t a[4], const uint64_t b[4]) {
    uint64_t carry = 0;
    for (int i = 0; i < 4; i++) {
        wide column = wide_add_word(wide_add_word(wide_of(a[i]), b[i]), carry);
        sum[i] = wide_low(column);
        carry = wide_high(column);
    }
}

void scalar_add(scalar *sum, const scalar *a, const scalar *b) {
    uint64_t words[4];
    add_words(words, a->word, b->word);
    reduce_once(sum, words);
}

/* t + factor * b, one word longer; factor * b[j] + t[j] + carry is at most (2^64 - 1)^2 + 2 (2^64 - 1) = 2^128 - 1. */
static uint64_t multiply_accumulate(uint64_t t[4], uint64_t factor, const uint64_t b[4]) {
    uint64_t carry = 0;
    for (int j = 0; j < 4; j++) {
        wide column = wide_add_word(wide_add_word(wide_mul(factor, b[j]), t[j]), carry);
        t[j] = wide_low(column);
        carry = wide_high(column);
    }
    return carry;
}

/* Word by word: add a[i] * b, then the multiple of l that makes the lowest word zero, and drop that word.
 *
 * Before each step t < 2l: (2l + (2^64 - 1) b + (2^64 - 1) l) / 2^64 < 2l for b < l. So t and every sum below (less than 2^64 * 2^254) fit five words,
 * and one subtraction reduces at the end. */
void scalar_montgomery(scalar *product, const scalar *a, const scalar *b) {
    uint64_t t[4] = {0, 0, 0, 0};
    for (int i = 0; i < 4; i++) {
        uint64_t top = multiply_accumulate(t, a->word[i], b->word);
        top += multiply_accumulate(t, t[0] * MINUS_INVERSE_OF_ORDER, ORDER);
        t[0] = t[1];
        t[1] = t[2];
        t[2] = t[3];
        t[3] = top;
    }
    reduce_once(product, t);
}

void scalar_prepare(scalar *prepared, const scalar *a) { scalar_montgomery(prepared, a, &R_SQUARED); }

void scalar_mend_triple(scalar *mended, const scalar *a) { scalar_montgomery(mended, a, &R_CUBED); }

void scalar_make_odd(uint64_t odd[5], const scalar *a) {
    uint64_t is_odd = mask_of_bit(a->word[0] & 1);
    uint64_t sum[4];
    add_words(sum, a->word, ORDER);
    for (int i = 0; i < 4; i++)
        odd[i] = choose(is_odd, a->word[i], sum[i]);
    odd[4] = 0;
}
