#include "element.h"

#include <stdlib.h>

/* p, 3p, 5p, ...: each is 2p more than the one before. */
static void odd_multiples(point multiples[TABLE_ENTRIES], const point *p) {
    point twice = *p;
    cached step;
    point_double_repeatedly(&twice, 1);
    cached_from_point(&step, &twice);
    multiples[0] = *p;
    for (int i = 1; i < TABLE_ENTRIES; i++) {
        completed c;
        point_add(&c, &multiples[i - 1], &step);
        point_from_completed(&multiples[i], &c);
    }
}

int build_tables(niels *tables, const point *points, size_t count) {
    point *multiples = malloc(TABLE_ENTRIES * sizeof *multiples);
    fe *scratch = malloc(TABLE_ENTRIES * sizeof *scratch);
    if (multiples != NULL && scratch != NULL) {
        for (size_t i = 0; i < count; i++) {
            odd_multiples(multiples, &points[i]);
            niels_from_points(tables + i * TABLE_ENTRIES, multiples, scratch, TABLE_ENTRIES);
        }
    }
    int result = multiples != NULL && scratch != NULL ? 0 : -1;
    if (multiples != NULL)
        wipe(multiples, TABLE_ENTRIES * sizeof *multiples);
    if (scratch != NULL)
        wipe(scratch, TABLE_ENTRIES * sizeof *scratch);
    free(multiples);
    free(scratch);
    return result;
}
