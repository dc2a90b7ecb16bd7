/* Two methods, each on the points that it is best for; the two sums are added.
 *
 * Straus (interleaving): write every scalar with signed odd digits, most of them zero (width-w non-adjacent form), go through the bits from the top, double the
 * sum at each, and add the multiple that each nonzero digit there asks for. For n points: 253 doublings for all, and n * 253/(w + 1) additions, plus tables of
 * 2^(w-2) multiples. Best for points that have tables (w = 8: 28 additions each) and for few others (w = 5: 42 and a table of 8).
 *
 * Pippenger (buckets): cut the scalars into signed digits of c bits; for each digit position throw every point into the bucket of its digit, and sum
 * bucket number * bucket with 2 * 2^(c-1) additions. For n points: 253/c * (n + 2^c) additions. Best for hundreds of points without tables.
 */
#include "multiply_public.h"

#include <stdlib.h>
#include <string.h>

/* Scalars are below 2^253; a signed form may have one digit more. */
#define SCALAR_BITS 253
#define POSITIONS (SCALAR_BITS + 1)

#define FIXED_WIDTH 8
#define LOOSE_WIDTH 5
#define LOOSE_ENTRIES 8

/* --- Straus */

/* Digits of a scalar: their positions are at least `width` apart. */
#define MOST_DIGITS(width) ((POSITIONS + (width) - 1) / (width))

/* A nonzero digit of a scalar: it stands for value * 2^position. */
typedef struct {
    uint8_t position;
    int8_t value;
} digit;

/* One addition: `term` (a table entry, or its negative) at a position. */
typedef struct {
    const void *term;
    int is_negative;
} step;

/* All additions of a sum, those of one position together: steps[start[p]] to steps[start[p+1] - 1]. */
typedef struct {
    step *steps;
    size_t start[POSITIONS + 1];
} schedule;

/* Bits `from` to `from + count - 1`, count at most 32, of a number of five words; from below 256. */
static uint64_t bits_of(const uint64_t words[5], int from, int count) {
    int word = from / 64, shift = from % 64;
    uint64_t bits = words[word] >> shift;
    if (shift != 0)
        bits |= words[word + 1] << (64 - shift);
    return bits & ((1ULL << count) - 1);
}

/* How many zero bits are below the lowest one of x, which is not 0. */
static int trailing_zeros(uint64_t x) {
#if defined(__GNUC__)
    return __builtin_ctzll(x);
#else
    int count = 0;
    for (; (x & 1) == 0; x >>= 1)
        count++;
    return count;
#endif
}

/* The width-w non-adjacent form: s = sum value * 2^position over the digits, each value odd and between -2^(w-1) and 2^(w-1), positions at least w apart and
 * rising. There are at most MOST_DIGITS(w). Returns how many.
 *
 * Going up, `carry` is what is still owed to the bits above. A digit is where bits + carry is odd: at the next one if nothing is owed, else at the next zero.
 * The w bits from there become the digit; if it is above 2^(w-1), that less 2^w, and 1 is owed. s < 2^253 leaves nothing owed past position 253. */
static size_t recode_public(digit *digits, const scalar *s, int width) {
    uint64_t words[5] = {s->word[0], s->word[1], s->word[2], s->word[3], 0};
    size_t count = 0;
    uint64_t carry = 0;
    for (int position = 0; position < POSITIONS;) {
        uint64_t odd = bits_of(words, position, 32) ^ (carry ? 0xffffffff : 0);
        if (odd == 0) {
            position += 32;
            continue;
        }
        position += trailing_zeros(odd);
        int value = (int)(bits_of(words, position, width) + carry);
        carry = (uint64_t)value >> (width - 1);
        digit made = {(uint8_t)position, (int8_t)(value - (int)(carry << width))};
        digits[count++] = made;
        position += width;
    }
    return count;
}

/* Sorts the digits of all points by position (a counting sort). Point i has counts[i] digits, in row i of `most`; tables[i] is the first of its odd multiples,
 * `size` bytes each. */
static int make_schedule(schedule *s, const digit *digits, size_t most, const size_t *counts, const unsigned char *const *tables, size_t size, size_t points) {
    size_t next[POSITIONS];
    memset(s->start, 0, sizeof s->start);
    for (size_t i = 0; i < points; i++)
        for (size_t k = 0; k < counts[i]; k++)
            s->start[digits[i * most + k].position + 1]++;
    for (size_t p = 0; p < POSITIONS; p++) {
        s->start[p + 1] += s->start[p];
        next[p] = s->start[p];
    }
    s->steps = malloc((s->start[POSITIONS] + 1) * sizeof *s->steps);
    if (s->steps == NULL)
        return -1;
    for (size_t i = 0; i < points; i++) {
        for (size_t k = 0; k < counts[i]; k++) {
            const digit *d = &digits[i * most + k];
            /* |value| = 2j + 1 is entry j. */
            step made = {tables[i] + (size_t)(abs(d->value) / 2) * size, d->value < 0};
            s->steps[next[d->position]++] = made;
        }
    }
    return 0;
}

/* The odd multiples p, 3p, ..., 15p. */
static void build_loose_table(cached table[LOOSE_ENTRIES], const point *p) {
    point multiple = *p, twice = *p;
    cached two;
    point_double_repeatedly(&twice, 1);
    cached_from_point(&two, &twice);
    cached_from_point(&table[0], p);
    for (int i = 1; i < LOOSE_ENTRIES; i++) {
        point_accumulate(&multiple, &two);
        cached_from_point(&table[i], &multiple);
    }
}

static void add_niels_step(point *sum, const step *s) {
    completed c;
    niels negative;
    const niels *term = s->term;
    if (s->is_negative) {
        niels_negate(&negative, term);
        term = &negative;
    }
    point_add_niels(&c, sum, term);
    point_from_completed(sum, &c);
}

static void add_cached_step(point *sum, const step *s) {
    cached negative;
    const cached *term = s->term;
    if (s->is_negative) {
        cached_negate(&negative, term);
        term = &negative;
    }
    point_accumulate(sum, term);
}

/* Asks for a table entry some additions before it is needed: the tables are larger than the nearest caches, and read in no order that could be guessed. */
#define STEPS_AHEAD 6
static void fetch_ahead(const schedule *s, size_t i) {
#if defined(__GNUC__)
    size_t soon = i + STEPS_AHEAD < s->start[POSITIONS] ? i + STEPS_AHEAD : i;
    const char *entry = s->steps[soon].term;
    __builtin_prefetch(entry);
    __builtin_prefetch(entry + sizeof(niels) - 1);
#else
    (void)s, (void)i;
#endif
}

/* Doubles once for each position from the highest that has steps, and takes the steps there. */
static void run_schedules(point *sum, const schedule *fixed, const schedule *loose) {
    int position = POSITIONS - 1;
    *sum = POINT_NEUTRAL;
    while (position >= 0 && fixed->start[position] == fixed->start[POSITIONS] && loose->start[position] == loose->start[POSITIONS])
        position--;
    for (; position >= 0; position--) {
        point_double_repeatedly(sum, 1);
        for (size_t i = fixed->start[position]; i < fixed->start[position + 1]; i++) {
            fetch_ahead(fixed, i);
            add_niels_step(sum, &fixed->steps[i]);
        }
        for (size_t i = loose->start[position]; i < loose->start[position + 1]; i++)
            add_cached_step(sum, &loose->steps[i]);
    }
}

/* One half of a sum: points with tables (`tables` given), or without (NULL: they are made here, in *made). */
static int prepare_half(schedule *s, const scalar *const *scalars, const element *const *elements, size_t count, int has_tables, cached **made) {
    int width = has_tables ? FIXED_WIDTH : LOOSE_WIDTH;
    size_t most = MOST_DIGITS((size_t)width);
    digit *digits = malloc((count + 1) * most * sizeof *digits);
    size_t *counts = malloc((count + 1) * sizeof *counts);
    const unsigned char **tables = malloc((count + 1) * sizeof *tables);
    *made = has_tables ? NULL : malloc((count + 1) * LOOSE_ENTRIES * sizeof **made);
    int result = -1;
    if (digits != NULL && counts != NULL && tables != NULL && (has_tables || *made != NULL)) {
        for (size_t i = 0; i < count; i++) {
            counts[i] = recode_public(digits + i * most, scalars[i], width);
            if (has_tables) {
                tables[i] = (const unsigned char *)elements[i]->table;
            } else {
                build_loose_table(*made + i * LOOSE_ENTRIES, &elements[i]->p);
                tables[i] = (const unsigned char *)(*made + i * LOOSE_ENTRIES);
            }
        }
        result = make_schedule(s, digits, most, counts, tables, has_tables ? sizeof(niels) : sizeof(cached), count);
    }
    free(digits);
    free(counts);
    free(tables);
    return result;
}

/* --- Pippenger */

/* Additions of the bucket method with digits of `width` bits. */
static size_t bucket_cost(size_t points, int width) {
    size_t windows = (size_t)(SCALAR_BITS / width + 1);
    return windows * (points + ((size_t)1 << width));
}

static int best_bucket_width(size_t points) {
    int best = 4;
    for (int width = 5; width <= 12; width++)
        if (bucket_cost(points, width) < bucket_cost(points, best))
            best = width;
    return best;
}

/* Signed digits of `width` bits: s = sum digits[k] * 2^(k*width), each at most 2^(width-1) in size. What is above that becomes negative, with 1 owed to the next.
 * There are 253/width + 1 digits, rounded down; s < 2^253 leaves nothing owed by the last. */
static void recode_buckets(int16_t *digits, const scalar *s, int width) {
    uint64_t words[5] = {s->word[0], s->word[1], s->word[2], s->word[3], 0};
    int carry = 0;
    for (int k = 0; k <= SCALAR_BITS / width; k++) {
        int digit = (int)bits_of(words, k * width, width) + carry;
        carry = digit > (1 << (width - 1));
        digits[k] = (int16_t)(digit - (carry << width));
    }
}

/* 1*buckets[0] + 2*buckets[1] + ...: going down, `running` is the sum of all buckets from here on, and each bucket is in as many of them as its number. */
static void sum_buckets(point *sum, const point *buckets, size_t count) {
    point running = POINT_NEUTRAL;
    *sum = POINT_NEUTRAL;
    for (size_t k = count; k-- > 0;) {
        point_sum(&running, &running, &buckets[k]);
        point_sum(sum, sum, &running);
    }
}

static void run_buckets(point *sum, const int16_t *digits, const niels *terms, point *buckets, size_t count, int width) {
    int windows = SCALAR_BITS / width + 1;
    size_t buckets_count = (size_t)1 << (width - 1);
    *sum = POINT_NEUTRAL;
    for (int k = windows - 1; k >= 0; k--) {
        point of_window;
        point_double_repeatedly(sum, width);
        for (size_t b = 0; b < buckets_count; b++)
            buckets[b] = POINT_NEUTRAL;
        for (size_t i = 0; i < count; i++) {
            int digit = digits[i * (size_t)windows + (size_t)k];
            if (digit != 0) {
                step s = {&terms[i], digit < 0};
                add_niels_step(&buckets[abs(digit) - 1], &s);
            }
        }
        sum_buckets(&of_window, buckets, buckets_count);
        point_sum(sum, sum, &of_window);
    }
}

static int multiply_with_buckets(point *sum, const scalar *const *scalars, const element *const *elements, size_t count) {
    int width = best_bucket_width(count), windows = SCALAR_BITS / width + 1, result = -1;
    int16_t *digits = malloc(count * (size_t)windows * sizeof *digits);
    niels *terms = malloc(count * sizeof *terms);
    point *points = malloc(count * sizeof *points);
    fe *scratch = malloc(count * sizeof *scratch);
    point *buckets = malloc(((size_t)1 << (width - 1)) * sizeof *buckets);
    if (digits != NULL && terms != NULL && points != NULL && scratch != NULL && buckets != NULL) {
        for (size_t i = 0; i < count; i++) {
            recode_buckets(digits + i * (size_t)windows, scalars[i], width);
            points[i] = elements[i]->p;
        }
        niels_from_points(terms, points, scratch, count);
        run_buckets(sum, digits, terms, buckets, count, width);
        result = 0;
    }
    if (points != NULL)
        wipe(points, count * sizeof *points);
    if (terms != NULL)
        wipe(terms, count * sizeof *terms);
    if (scratch != NULL)
        wipe(scratch, count * sizeof *scratch);
    if (buckets != NULL)
        wipe(buckets, ((size_t)1 << (width - 1)) * sizeof *buckets);
    free(digits);
    free(terms);
    free(points);
    free(scratch);
    free(buckets);
    return result;
}

/* --- The choice */

/* Additions of Straus for a point without a table: 253/6 digits, and the table. */
#define LOOSE_COST (42 + LOOSE_ENTRIES)

/* Sum over `fixed_count` elements with tables and `loose_count` others, sorted into two lists. */
static int multiply_sorted(point *sum, const scalar *const *fixed_scalars, const element *const *fixed, size_t fixed_count,
                           const scalar *const *loose_scalars, const element *const *loose, size_t loose_count) {
    int uses_buckets = bucket_cost(loose_count, best_bucket_width(loose_count)) < LOOSE_COST * loose_count;
    size_t loose_in_straus = uses_buckets ? 0 : loose_count;
    schedule of_fixed = {NULL, {0}}, of_loose = {NULL, {0}};
    cached *made = NULL, *none = NULL;
    int result = -1;
    if (prepare_half(&of_fixed, fixed_scalars, fixed, fixed_count, 1, &none) == 0 &&
        prepare_half(&of_loose, loose_scalars, loose, loose_in_straus, 0, &made) == 0) {
        run_schedules(sum, &of_fixed, &of_loose);
        result = 0;
    }
    if (made != NULL)
        wipe(made, loose_in_straus * LOOSE_ENTRIES * sizeof *made);
    free(made);
    free(of_fixed.steps);
    free(of_loose.steps);
    if (result == 0 && uses_buckets) {
        point of_buckets;
        result = multiply_with_buckets(&of_buckets, loose_scalars, loose, loose_count);
        if (result == 0)
            point_sum(sum, sum, &of_buckets);
    }
    return result;
}

int multiply_public(point *sum, const scalar *scalars, const element *const *elements, size_t count) {
    const scalar **sorted_scalars = malloc((count + 1) * sizeof *sorted_scalars);
    const element **sorted = malloc((count + 1) * sizeof *sorted);
    int result = -1;
    if (sorted_scalars != NULL && sorted != NULL) {
        /* Elements with tables from the front, the others from the back. */
        size_t front = 0, back = count;
        for (size_t i = 0; i < count; i++) {
            size_t place = elements[i]->table != NULL ? front++ : --back;
            sorted_scalars[place] = &scalars[i];
            sorted[place] = elements[i];
        }
        result = multiply_sorted(sum, sorted_scalars, sorted, front, sorted_scalars + front, sorted + front, count - front);
    }
    free(sorted_scalars);
    free(sorted);
    return result;
}
