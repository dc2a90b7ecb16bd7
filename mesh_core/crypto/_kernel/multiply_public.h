/* Sums of multiples for public scalars: time and addresses depend on them, not on the points (which may be secret). */
#ifndef MESH_MULTIPLY_PUBLIC_H
#define MESH_MULTIPLY_PUBLIC_H

#include "element.h"
#include "scalar.h"

/* sum = scalars[0] * elements[0] + ... + scalars[count-1] * elements[count-1]. 0, or -1 without memory. */
int multiply_public(point *sum, const scalar *scalars, const element *const *elements, size_t count);

#endif
