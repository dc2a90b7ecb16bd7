/* Straus with digits of a fixed place and size. Every scalar is made odd first (k or k + l, the same multiple in a group of order l) and then written with
 * 51 odd digits (Joye, Tunstall, "Exponent recoding and regular exponentiation algorithms", 2009):
 *
 *     k = sum digit[i] * 32^i,    digit[i] in {-31, -29, ..., -1, 1, ..., 29, 31},    the last one positive
 *
 * No digit is zero, so each asks for one addition, of one of 16 odd multiples or its negative; which one is found by reading all 16.
 */
#include "multiply_secret.h"

#include <stdlib.h>

#define WIDTH 5
#define DIGITS 51
#define ENTRIES 16

/* Digit i, from the bits alone. Let k_i be what is left of k for the digits from i on: odd. k_i = digit + 32 * k_(i+1) with digit = (k_i mod 64) - 32, odd, gives
 * k_(i+1) = 2 * floor(k_i / 64) + 1, that is k_i shifted by 5 with its lowest bit set. So k_i is k shifted by 5i with its lowest bit set.
 * k < 2^254, so k_50 < 2^4: the last digit is k_50 itself. */
static void recode_secret(int8_t digits[DIGITS], const scalar *s) {
    uint64_t odd[5];
    scalar_make_odd(odd, s);
    for (int i = 0; i < DIGITS; i++) {
        int word = WIDTH * i / 64, shift = WIDTH * i % 64;
        uint64_t bits = odd[word] >> shift;
        if (shift != 0)
            bits |= odd[word + 1] << (64 - shift);
        int window = (int)((bits & 63) | 1);
        digits[i] = (int8_t)(i < DIGITS - 1 ? window - 32 : window);
    }
    wipe(odd, sizeof odd);
}

/* For an odd digit: the mask of its sign, and the entry (|digit| - 1) / 2 that holds |digit| times the point. */
static uint64_t split_digit(uint64_t *entry, int8_t digit) {
    uint64_t is_negative = mask_of_bit((uint64_t)(uint8_t)digit >> 7);
    uint64_t size = choose(is_negative, 0 - (uint64_t)(int64_t)digit, (uint64_t)(int64_t)digit);
    *entry = size >> 1;
    return is_negative;
}

static void select_niels(niels *selected, const niels table[ENTRIES], int8_t digit) {
    uint64_t entry;
    uint64_t is_negative = split_digit(&entry, digit);
    niels negative;
    *selected = table[0];
    for (uint64_t k = 1; k < ENTRIES; k++)
        niels_choose(selected, mask_if_equal(entry, k), &table[k], selected);
    niels_negate(&negative, selected);
    niels_choose(selected, is_negative, &negative, selected);
}

static void select_cached(cached *selected, const cached table[ENTRIES], int8_t digit) {
    uint64_t entry;
    uint64_t is_negative = split_digit(&entry, digit);
    cached negative;
    *selected = table[0];
    for (uint64_t k = 1; k < ENTRIES; k++)
        cached_choose(selected, mask_if_equal(entry, k), &table[k], selected);
    cached_negate(&negative, selected);
    cached_choose(selected, is_negative, &negative, selected);
}

/* The odd multiples p, 3p, ..., 31p. */
static void build_table(cached table[ENTRIES], const point *p) {
    point multiple = *p, twice = *p;
    cached two;
    point_double_repeatedly(&twice, 1);
    cached_from_point(&two, &twice);
    cached_from_point(&table[0], p);
    for (int i = 1; i < ENTRIES; i++) {
        point_accumulate(&multiple, &two);
        cached_from_point(&table[i], &multiple);
    }
}

/* sum += digit * (the element whose multiples are in its own table, or else in `made`) */
static void add_multiple(point *sum, const element *e, const cached *made, int8_t digit) {
    completed c;
    if (e->table != NULL) {
        niels selected;
        select_niels(&selected, e->table, digit);
        point_add_niels(&c, sum, &selected);
    } else {
        cached selected;
        select_cached(&selected, made, digit);
        point_add(&c, sum, &selected);
    }
    point_from_completed(sum, &c);
}

int multiply_secret(point *sum, const scalar *scalars, const element *const *elements, size_t count) {
    int8_t *digits = malloc(count * DIGITS + 1);
    cached *tables = malloc((count + 1) * ENTRIES * sizeof *tables);
    int result = -1;
    if (digits != NULL && tables != NULL) {
        for (size_t i = 0; i < count; i++) {
            recode_secret(digits + i * DIGITS, &scalars[i]);
            if (elements[i]->table == NULL)
                build_table(tables + i * ENTRIES, &elements[i]->p);
        }
        *sum = POINT_NEUTRAL;
        for (int k = DIGITS - 1; k >= 0; k--) {
            point_double_repeatedly(sum, WIDTH);
            for (size_t i = 0; i < count; i++)
                add_multiple(sum, elements[i], tables + i * ENTRIES, digits[i * DIGITS + (size_t)k]);
        }
        result = 0;
    }
    if (digits != NULL)
        wipe(digits, count * DIGITS);
    if (tables != NULL)
        wipe(tables, count * ENTRIES * sizeof *tables);
    free(digits);
    free(tables);
    return result;
}

void sum_selected(point *sum, const uint8_t *bits, const cached *terms, size_t count) {
    *sum = POINT_NEUTRAL;
    for (size_t i = 0; i < count; i++) {
        cached selected;
        cached_choose(&selected, mask_of_bit(bits[i]), &terms[i], &CACHED_NEUTRAL);
        point_accumulate(sum, &selected);
    }
}
