/* What code on secrets needs: choices without a branch, and memory and stack that are really wiped.
 *
 * A mask is all ones (yes) or all zeros (no). Compilers, clang above all, see that a mask has two values only and turn `a ^ (mask & (a ^ b))` back into
 * a branch; `barrier` hides from them where a mask comes from.
 */
#ifndef MESH_SECRET_H
#define MESH_SECRET_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* x, of which the compiler knows nothing any more. */
static inline uint64_t barrier(uint64_t x) {
#if defined(__GNUC__)
    __asm__("" : "+r"(x));
    return x;
#else
    volatile uint64_t hidden = x;
    return hidden;
#endif
}

/* All ones for bit = 1, zero for bit = 0. */
static inline uint64_t mask_of_bit(uint64_t bit) { return barrier(0 - bit); }

/* All ones if x = 0, else zero: the top bit of x | -x is set for every x but 0. */
static inline uint64_t mask_if_zero(uint64_t x) { return mask_of_bit(1 ^ ((x | (0 - x)) >> 63)); }

/* All ones if x = y, else zero. */
static inline uint64_t mask_if_equal(uint64_t x, uint64_t y) { return mask_if_zero(x ^ y); }

/* x where mask is all ones, y where it is zero. */
static inline uint64_t choose(uint64_t mask, uint64_t x, uint64_t y) { return y ^ (mask & (x ^ y)); }

/* Zeros in place of what was there. A plain memset of memory that is not read again may be left out by the compiler. */
static inline void wipe(void *memory, size_t size) {
#if defined(__GNUC__)
    memset(memory, 0, size);
    __asm__ __volatile__("" : : "r"(memory) : "memory");
#else
    volatile unsigned char *byte = memory;
    while (size--)
        *byte++ = 0;
#endif
}

/* Zeros in the `size` bytes of stack below the caller's frame: what functions that have returned left there, their variables and what the compiler put aside
 * for a moment, which no wipe of a variable reaches. Registers keep what they hold until they are used again. */
void wipe_stack(size_t size);

/* More than functions on scalars, functions on single points, and sums of multiples use: built by gcc and clang, optimised or not, 424 bytes, 4.1 KiB and
 * 9.2 KiB. tests/unit/crypto/kernel/driver.c compares stacks to show that nothing is left. */
#define STACK_OF_SCALARS ((size_t)1 << 10)
#define STACK_OF_POINTS ((size_t)1 << 13)
#define STACK_OF_SUMS ((size_t)1 << 14)

#endif
