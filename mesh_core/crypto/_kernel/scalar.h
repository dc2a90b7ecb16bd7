/* Scalars: integers modulo the order of the group, l = 2^252 + 27742317777372353535851937790883648493, in four words, always below l.
 *
 * Multiplication is Montgomery's: `scalar_montgomery(a, b)` is a*b/R with R = 2^256. A factor that is used for many products is multiplied by R first
 * (`scalar_prepare`), so that each product with it costs one reduction and is exact.
 * No function branches or chooses an address by the value of a scalar, but for recode_public in multiply_public.c.
 */
#ifndef MESH_SCALAR_H
#define MESH_SCALAR_H

#include <stdint.h>

typedef struct {
    uint64_t word[4];
} scalar;

extern const scalar SCALAR_ZERO, SCALAR_ONE;

/* From 32 little-endian bytes. The mask says whether they are below l; *s is meaningless if not. */
uint64_t scalar_from_bytes(scalar *s, const uint8_t bytes[32]);

void scalar_to_bytes(uint8_t bytes[32], const scalar *s);

/* a + b mod l */
void scalar_add(scalar *sum, const scalar *a, const scalar *b);

/* a*b/R mod l */
void scalar_montgomery(scalar *product, const scalar *a, const scalar *b);

/* a*R mod l */
void scalar_prepare(scalar *prepared, const scalar *a);

/* a*R^2 mod l: mends the sum of products of three, each made by two Montgomery multiplications. */
void scalar_mend_triple(scalar *mended, const scalar *a);

/* a if it is odd, a + l if not: an odd number below 2^254 that multiplies every element of the group as a does. Five words, the last is zero. */
void scalar_make_odd(uint64_t odd[5], const scalar *a);

#endif
