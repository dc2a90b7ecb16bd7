#include "curve.h"

const point POINT_NEUTRAL = {{{0, 0, 0, 0, 0}}, {{1, 0, 0, 0, 0}}, {{1, 0, 0, 0, 0}}, {{0, 0, 0, 0, 0}}};
const cached CACHED_NEUTRAL = {{{1, 0, 0, 0, 0}}, {{1, 0, 0, 0, 0}}, {{2, 0, 0, 0, 0}}, {{0, 0, 0, 0, 0}}};

void point_sum(point *sum, const point *p, const point *q) {
    cached prepared;
    completed c;
    cached_from_point(&prepared, q);
    point_add(&c, p, &prepared);
    point_from_completed(sum, &c);
}

void point_difference(point *difference, const point *p, const point *q) {
    cached prepared, negative;
    completed c;
    cached_from_point(&prepared, q);
    cached_negate(&negative, &prepared);
    point_add(&c, p, &negative);
    point_from_completed(difference, &c);
}

/* Montgomery's trick: scratch[i] = Z_0 * ... * Z_(i-1); the inverse of the product of all, times scratch[i], is 1/Z_i once the later Z are multiplied away.
 * No Z is zero: the addition law is complete. */
void niels_from_points(niels *out, const point *points, fe *scratch, size_t count) {
    fe rest = FE_ONE;
    for (size_t i = 0; i < count; i++) {
        scratch[i] = rest;
        fe_mul(&rest, &rest, &points[i].Z);
    }
    fe_invert(&rest, &rest);
    for (size_t i = count; i-- > 0;) {
        fe z_inverse, x, y, xy;
        fe_mul(&z_inverse, &rest, &scratch[i]);
        fe_mul(&rest, &rest, &points[i].Z);
        fe_mul(&x, &points[i].X, &z_inverse);
        fe_mul(&y, &points[i].Y, &z_inverse);
        fe_mul(&xy, &x, &y);
        fe_add(&out[i].y_plus_x, &y, &x);
        fe_sub(&out[i].y_minus_x, &y, &x);
        fe_mul(&out[i].xy2d, &xy, &FE_TWICE_D);
    }
}
