/* Products of two 64-bit words: 128 bits, from the compiler where it has them, else from two words.
 *
 * This is all that the kernel needs beyond C11, so a compiler without __int128 gets the same code, slower. MESH_NO_INT128 asks for that form (the
 * tests build it). Nothing here branches: `a < b` on words is a flag of the processor, but a 32-bit processor whose multiplication takes longer for
 * larger operands would leak through it.
 */
#ifndef MESH_WIDE_H
#define MESH_WIDE_H

#include <stdint.h>

#if defined(__SIZEOF_INT128__) && !defined(MESH_NO_INT128)

__extension__ typedef unsigned __int128 wide;

/* x */
static inline wide wide_of(uint64_t x) { return x; }

/* a * b */
static inline wide wide_mul(uint64_t a, uint64_t b) { return (wide)a * b; }

/* x + y, below 2^128 */
static inline wide wide_add(wide x, wide y) { return x + y; }

/* x + y, below 2^128 */
static inline wide wide_add_word(wide x, uint64_t y) { return x + y; }

/* x mod 2^64 */
static inline uint64_t wide_low(wide x) { return (uint64_t)x; }

/* floor(x / 2^51), for x < 2^115 */
static inline uint64_t wide_shift_51(wide x) { return (uint64_t)(x >> 51); }

/* floor(x / 2^64) */
static inline uint64_t wide_high(wide x) { return (uint64_t)(x >> 64); }

#else

typedef struct {
    uint64_t low, high;
} wide;

/* x */
static inline wide wide_of(uint64_t x) {
    wide same = {x, 0};
    return same;
}

/* x + y, below 2^128 */
static inline wide wide_add_word(wide x, uint64_t y) {
    wide sum = {x.low + y, x.high};
    sum.high += sum.low < y;
    return sum;
}

/* x + y, below 2^128 */
static inline wide wide_add(wide x, wide y) {
    wide sum = wide_add_word(x, y.low);
    sum.high += y.high;
    return sum;
}

/* a * b, from the four products of their halves. The middle sum is at most 3 * (2^32 - 1) + (2^32 - 1)^2 / 2^32 < 2^34. */
static inline wide wide_mul(uint64_t a, uint64_t b) {
    uint64_t a0 = a & 0xffffffff, a1 = a >> 32, b0 = b & 0xffffffff, b1 = b >> 32;
    uint64_t low = a0 * b0, left = a1 * b0, right = a0 * b1;
    uint64_t middle = (low >> 32) + (left & 0xffffffff) + (right & 0xffffffff);
    wide product = {(middle << 32) | (low & 0xffffffff), a1 * b1 + (left >> 32) + (right >> 32) + (middle >> 32)};
    return product;
}

/* x mod 2^64 */
static inline uint64_t wide_low(wide x) { return x.low; }

/* floor(x / 2^51), for x < 2^115 */
static inline uint64_t wide_shift_51(wide x) { return (x.high << 13) | (x.low >> 51); }

/* floor(x / 2^64) */
static inline uint64_t wide_high(wide x) { return x.high; }

#endif
#endif
