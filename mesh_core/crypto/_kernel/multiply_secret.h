/* Sums for secret scalars and secret bits: the same instructions and the same addresses for all of them. */
#ifndef MESH_MULTIPLY_SECRET_H
#define MESH_MULTIPLY_SECRET_H

#include "element.h"
#include "scalar.h"

/* sum = scalars[0] * elements[0] + ... + scalars[count-1] * elements[count-1]. 0, or -1 without memory. */
int multiply_secret(point *sum, const scalar *scalars, const element *const *elements, size_t count);

/* sum = the sum of those elements whose bit (0 or 1) is 1. */
void sum_selected(point *sum, const uint8_t *bits, const cached *terms, size_t count);

#endif
