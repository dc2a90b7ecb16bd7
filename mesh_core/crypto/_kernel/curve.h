/* Points of the curve -x^2 + y^2 = 1 + d x^2 y^2 over the field, in the coordinates of Hisil, Wong, Carter, Dawson (ePrint 2008/522).
 *
 * The addition law is complete: it holds for all points, the neutral one and doublings included, so no function has a case to tell apart.
 * A ristretto255 element is a set of four such points (ristretto255.h); the arithmetic is done on any one of them.
 *
 *     point          X, Y, Z, T     x = X/Z, y = Y/Z, x*y = T/Z
 *     projective     X, Y, Z        the same without T: enough to double
 *     completed      E, F, G, H     x = E/G, y = H/F: what an addition or doubling gives, before the multiplications to one of the forms above
 *     cached         Y+X, Y-X, 2Z, 2dT         a point prepared to be added
 *     niels          y+x, y-x, 2dxy            the same for Z = 1, which saves a multiplication: entries of tables
 *
 * Coordinates of points and projective points are tight; those of the others are loose, bounds beside each.
 */
#ifndef MESH_CURVE_H
#define MESH_CURVE_H

#include "field.h"

typedef struct {
    fe X, Y, Z, T;
} point;

typedef struct {
    fe X, Y, Z;
} projective;

/* The point with X = E*F, Y = G*H, Z = F*G, T = E*H. */
typedef struct {
    fe E, F, G, H;
} completed;

typedef struct {
    fe y_plus_x, y_minus_x, z2, t2d;
} cached;

typedef struct {
    fe y_plus_x, y_minus_x, xy2d;
} niels;

extern const point POINT_NEUTRAL;
extern const cached CACHED_NEUTRAL;

static inline void point_from_completed(point *p, const completed *c) {
    fe_mul(&p->X, &c->E, &c->F);
    fe_mul(&p->Y, &c->G, &c->H);
    fe_mul(&p->Z, &c->F, &c->G);
    fe_mul(&p->T, &c->E, &c->H);
}

static inline void projective_from_completed(projective *p, const completed *c) {
    fe_mul(&p->X, &c->E, &c->F);
    fe_mul(&p->Y, &c->G, &c->H);
    fe_mul(&p->Z, &c->F, &c->G);
}

static inline void projective_from_point(projective *q, const point *p) {
    q->X = p->X;
    q->Y = p->Y;
    q->Z = p->Z;
}

/* Limbs: sums below 2^52 + 2^19, the difference below 2^52.6, t2d tight. */
static inline void cached_from_point(cached *c, const point *p) {
    fe_add(&c->y_plus_x, &p->Y, &p->X);
    fe_sub(&c->y_minus_x, &p->Y, &p->X);
    fe_add(&c->z2, &p->Z, &p->Z);
    fe_mul(&c->t2d, &p->T, &FE_TWICE_D);
}

/* 2p, ePrint 2008/522, section 3.3, with a = -1, all signs turned. S = (X + Y)^2:
 *
 *     H = Y^2 + X^2            below 2^52 + 2^19
 *     G = Y^2 - X^2            below 2^52.6
 *     E = S - H = 2XY          below 2^51 + 2^18 + 2^53 < 2^53.4
 *     F = 2Z^2 - G             below 2^52 + 2^19 + 2^53 < 2^53.6
 */
static inline void point_double(completed *c, const projective *p) {
    fe xx, yy, zz2, s;
    fe_square(&xx, &p->X);
    fe_square(&yy, &p->Y);
    fe_square(&zz2, &p->Z);
    fe_add(&zz2, &zz2, &zz2);
    fe_add(&s, &p->X, &p->Y);
    fe_square(&s, &s);
    fe_add(&c->H, &yy, &xx);
    fe_sub(&c->G, &yy, &xx);
    fe_sub_loose(&c->E, &s, &c->H);
    fe_sub_loose(&c->F, &zz2, &c->G);
}

/* The last lines of an addition, for products A, B, C (tight) and D (below 2^52 + 2^19):
 * E = B - A below 2^52.6, F = D - C below 2^53.1, G = D + C below 2^52.6, H = B + A below 2^52 + 2^19. */
static inline void finish_addition(completed *sum, const fe *A, const fe *B, const fe *C, const fe *D) {
    fe_sub(&sum->E, B, A);
    fe_sub(&sum->F, D, C);
    fe_add(&sum->G, D, C);
    fe_add(&sum->H, B, A);
}

/* p + q, section 3.1: A = (Y1 - X1)(Y2 - X2), B = (Y1 + X1)(Y2 + X2), C = T1 * 2d * T2, D = Z1 * 2 * Z2. */
static inline void point_add(completed *sum, const point *p, const cached *q) {
    fe A, B, C, D;
    fe_sub(&A, &p->Y, &p->X);
    fe_mul(&A, &A, &q->y_minus_x);
    fe_add(&B, &p->Y, &p->X);
    fe_mul(&B, &B, &q->y_plus_x);
    fe_mul(&C, &p->T, &q->t2d);
    fe_mul(&D, &p->Z, &q->z2);
    finish_addition(sum, &A, &B, &C, &D);
}

/* p + q for Z2 = 1: D = 2 * Z1. */
static inline void point_add_niels(completed *sum, const point *p, const niels *q) {
    fe A, B, C, D;
    fe_sub(&A, &p->Y, &p->X);
    fe_mul(&A, &A, &q->y_minus_x);
    fe_add(&B, &p->Y, &p->X);
    fe_mul(&B, &B, &q->y_plus_x);
    fe_mul(&C, &p->T, &q->xy2d);
    fe_add(&D, &p->Z, &p->Z);
    finish_addition(sum, &A, &B, &C, &D);
}

/* -q: x turns its sign, so the first two coordinates change places. t2d is below 2^52 then. */
static inline void cached_negate(cached *negative, const cached *q) {
    negative->y_plus_x = q->y_minus_x;
    negative->y_minus_x = q->y_plus_x;
    negative->z2 = q->z2;
    fe_sub(&negative->t2d, &FE_ZERO, &q->t2d);
}

static inline void niels_negate(niels *negative, const niels *q) {
    negative->y_plus_x = q->y_minus_x;
    negative->y_minus_x = q->y_plus_x;
    fe_sub(&negative->xy2d, &FE_ZERO, &q->xy2d);
}

static inline void cached_choose(cached *chosen, uint64_t mask, const cached *x, const cached *y) {
    fe_choose(&chosen->y_plus_x, mask, &x->y_plus_x, &y->y_plus_x);
    fe_choose(&chosen->y_minus_x, mask, &x->y_minus_x, &y->y_minus_x);
    fe_choose(&chosen->z2, mask, &x->z2, &y->z2);
    fe_choose(&chosen->t2d, mask, &x->t2d, &y->t2d);
}

static inline void niels_choose(niels *chosen, uint64_t mask, const niels *x, const niels *y) {
    fe_choose(&chosen->y_plus_x, mask, &x->y_plus_x, &y->y_plus_x);
    fe_choose(&chosen->y_minus_x, mask, &x->y_minus_x, &y->y_minus_x);
    fe_choose(&chosen->xy2d, mask, &x->xy2d, &y->xy2d);
}

/* sum += q */
static inline void point_accumulate(point *sum, const cached *q) {
    completed c;
    point_add(&c, sum, q);
    point_from_completed(sum, &c);
}

/* p <- 2^count * p, count at least 1 */
static inline void point_double_repeatedly(point *p, int count) {
    completed c;
    projective q;
    projective_from_point(&q, p);
    point_double(&c, &q);
    for (int i = 1; i < count; i++) {
        projective_from_completed(&q, &c);
        point_double(&c, &q);
    }
    point_from_completed(p, &c);
}

/* p - q or p + q */
void point_sum(point *sum, const point *p, const point *q);
void point_difference(point *difference, const point *p, const point *q);

/* The niels forms of `count` points (limbs: sums below 2^52 + 2^19, differences below 2^52.6), with one inversion for all. scratch: room for `count` field elements. */
void niels_from_points(niels *out, const point *points, fe *scratch, size_t count);

#endif
