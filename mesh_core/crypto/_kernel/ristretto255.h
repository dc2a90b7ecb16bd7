/* ristretto255, RFC 9496: a group of prime order l whose elements are sets of four points of the curve, each set with one encoding of 32 bytes. */
#ifndef MESH_RISTRETTO255_H
#define MESH_RISTRETTO255_H

#include "curve.h"

/* Section 4.3.1. The mask says whether the 32 bytes are the canonical encoding of an element; *p is one of its points then, with Z = 1. Public bytes. */
uint64_t ristretto_decode(point *p, const uint8_t bytes[32]);

/* Section 4.3.2. The element's encoding, the same for each of its four points, in the same time for all. */
void ristretto_encode(uint8_t bytes[32], const point *p);

/* Section 4.3.4: the one-way map from 64 uniform bytes. Nobody knows how the result was made from another element. */
void ristretto_map(point *p, const uint8_t uniform[64]);

#endif
