/* What the multiplications work on: an element of the group, with a table of its odd multiples if it is multiplied often. */
#ifndef MESH_ELEMENT_H
#define MESH_ELEMENT_H

#include "curve.h"

/* A table holds p, 3p, 5p, ..., 127p, all that a digit of 8 bits of a public scalar needs (multiply_public.c). Secret scalars use the first 16. */
#define TABLE_ENTRIES 64

/* table: of TABLE_ENTRIES multiples, or NULL. */
typedef struct {
    point p;
    const niels *table;
} element;

/* Fills count tables of TABLE_ENTRIES niels points, one after the other, with the odd multiples of the points. 0, or -1 without memory. */
int build_tables(niels *tables, const point *points, size_t count);

#endif
