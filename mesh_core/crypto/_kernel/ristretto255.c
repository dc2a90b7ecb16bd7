#include "ristretto255.h"

uint64_t ristretto_decode(point *p, const uint8_t bytes[32]) {
    fe s, ss, u1, u2, u2_squared, v, inverse_root, den_x, den_y, x, t;
    uint8_t again[32];

    /* Canonical: below p (it is what it is written as) and nonnegative. Otherwise one element would have several encodings. */
    fe_from_bytes(&s, bytes);
    fe_to_bytes(again, &s);
    uint64_t difference = bytes[0] & 1;
    for (int i = 0; i < 32; i++)
        difference |= (uint64_t)(again[i] ^ bytes[i]);

    fe_square(&ss, &s);
    fe_sub(&u1, &FE_ONE, &ss);
    fe_carry(&u1, &u1);
    fe_add(&u2, &FE_ONE, &ss);
    fe_square(&u2_squared, &u2);

    /* v = -(d * u1^2) - u2^2 */
    fe_square(&v, &u1);
    fe_mul(&v, &v, &FE_D);
    fe_add(&v, &v, &u2_squared);
    fe_carry(&v, &v);
    fe_negate(&v, &v);

    fe_mul(&t, &v, &u2_squared);
    uint64_t was_square = fe_sqrt_ratio(&inverse_root, &FE_ONE, &t);

    fe_mul(&den_x, &inverse_root, &u2);
    fe_mul(&den_y, &inverse_root, &den_x);
    fe_mul(&den_y, &den_y, &v);

    fe_add(&t, &s, &s);
    fe_mul(&x, &t, &den_x);
    fe_absolute(&p->X, &x);
    fe_mul(&p->Y, &u1, &den_y);
    p->Z = FE_ONE;
    fe_mul(&p->T, &p->X, &p->Y);

    return mask_if_zero(difference) & was_square & ~fe_is_negative(&p->T) & ~fe_equal(&p->Y, &FE_ZERO);
}

void ristretto_encode(uint8_t bytes[32], const point *p) {
    fe u1, u2, inverse_root, den1, den2, z_inverse, ix, iy, enchanted, x, y, den_inverse, t;

    /* u1 = (Z + Y)(Z - Y), u2 = X*Y, and one over the square root of u1 * u2^2 */
    fe_add(&u1, &p->Z, &p->Y);
    fe_sub(&t, &p->Z, &p->Y);
    fe_mul(&u1, &u1, &t);
    fe_mul(&u2, &p->X, &p->Y);
    fe_square(&t, &u2);
    fe_mul(&t, &t, &u1);
    (void)fe_sqrt_ratio(&inverse_root, &FE_ONE, &t);
    fe_mul(&den1, &inverse_root, &u1);
    fe_mul(&den2, &inverse_root, &u2);
    fe_mul(&z_inverse, &den1, &den2);
    fe_mul(&z_inverse, &z_inverse, &p->T);

    /* Of the four points, take the one whose x*y is nonnegative: rotate by a point of order four where it is not ... */
    fe_mul(&ix, &p->X, &FE_SQRT_MINUS_ONE);
    fe_mul(&iy, &p->Y, &FE_SQRT_MINUS_ONE);
    fe_mul(&enchanted, &den1, &FE_INVSQRT_A_MINUS_D);
    fe_mul(&t, &p->T, &z_inverse);
    uint64_t rotate = fe_is_negative(&t);
    fe_choose(&x, rotate, &iy, &p->X);
    fe_choose(&y, rotate, &ix, &p->Y);
    fe_choose(&den_inverse, rotate, &enchanted, &den2);

    /* ... and the one whose x is nonnegative. */
    fe minus_y;
    fe_negate(&minus_y, &y);
    fe_mul(&t, &x, &z_inverse);
    fe_choose(&y, fe_is_negative(&t), &minus_y, &y);

    fe_sub(&t, &p->Z, &y);
    fe_mul(&t, &t, &den_inverse);
    fe_absolute(&t, &t);
    fe_to_bytes(bytes, &t);
}

/* MAP of section 4.3.4: from a field element (Elligator 2 on the Jacobi quartic) to the curve. */
static void map_to_curve(point *p, const fe *t) {
    fe r, u, v, s, s_prime, c, n, minus_one, w0, w1, w2, w3, a, b;

    /* r = sqrt(-1) * t^2,  u = (r + 1)(1 - d^2),  v = (-1 - r*d)(r + d) */
    fe_square(&a, t);
    fe_mul(&r, &a, &FE_SQRT_MINUS_ONE);
    fe_add(&a, &r, &FE_ONE);
    fe_mul(&u, &a, &FE_ONE_MINUS_D_SQUARED);
    fe_negate(&minus_one, &FE_ONE);
    fe_mul(&a, &r, &FE_D);
    fe_sub(&a, &minus_one, &a);
    fe_add(&b, &r, &FE_D);
    fe_mul(&v, &a, &b);

    /* Where u/v is no square, s = -|s*t| and c = r in place of c = -1. */
    uint64_t was_square = fe_sqrt_ratio(&s, &u, &v);
    fe_mul(&s_prime, &s, t);
    fe_absolute(&s_prime, &s_prime);
    fe_negate(&s_prime, &s_prime);
    fe_choose(&s, was_square, &s, &s_prime);
    fe_choose(&c, was_square, &minus_one, &r);

    /* n = c (r - 1) (d - 1)^2 - v */
    fe_sub(&a, &r, &FE_ONE);
    fe_mul(&n, &c, &a);
    fe_mul(&n, &n, &FE_D_MINUS_ONE_SQUARED);
    fe_sub(&n, &n, &v);

    /* w0 = 2 s v,  w1 = n sqrt(ad - 1),  w2 = 1 - s^2,  w3 = 1 + s^2 */
    fe_add(&a, &s, &s);
    fe_mul(&w0, &a, &v);
    fe_mul(&w1, &n, &FE_SQRT_AD_MINUS_ONE);
    fe_square(&a, &s);
    fe_sub(&w2, &FE_ONE, &a);
    fe_add(&w3, &FE_ONE, &a);

    fe_mul(&p->X, &w0, &w3);
    fe_mul(&p->Y, &w2, &w1);
    fe_mul(&p->Z, &w1, &w3);
    fe_mul(&p->T, &w0, &w2);
}

void ristretto_map(point *p, const uint8_t uniform[64]) {
    fe t;
    point first, second;
    fe_from_bytes(&t, uniform);
    map_to_curve(&first, &t);
    fe_from_bytes(&t, uniform + 32);
    map_to_curve(&second, &t);
    point_sum(p, &first, &second);
}
