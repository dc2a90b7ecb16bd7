/* The Python module mesh_core.crypto._ristretto: two opaque types, Element and Scalars, and functions on them.
 *
 * Here is only what Python needs; the mathematics is in _kernel/. Both types never change once they are made, so the functions that take long let go of
 * the interpreter's lock while they run. Both are wiped when they are freed, and so is the stack behind each function that computes with one. Arguments are
 * public unless a function's name says `secret` or `selected`, or they are Scalars or Elements, whose values no function looks at but multiply_public (at its
 * scalars), decode, scalars_from_bytes (whether they are canonical), and Python itself where it gets bytes.
 *
 * ValueError or TypeError: the caller's own bug. MemoryError: as ever.
 */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030b0000
#include <Python.h>
#include <stddef.h>
#include <stdlib.h>

#include "_kernel/multiply_public.h"
#include "_kernel/multiply_secret.h"
#include "_kernel/ristretto255.h"

typedef struct {
    PyObject_HEAD
    element value;
    niels *owned_table;
} ElementObject;

typedef struct {
    PyObject_VAR_HEAD
    scalar values[1];
} ScalarsObject;

typedef struct {
    PyTypeObject *element_type;
    PyTypeObject *scalars_type;
} module_state;

static module_state *state_of(PyObject *module) { return PyModule_GetState(module); }

/* --- Element */

static void element_dealloc(PyObject *self) {
    ElementObject *object = (ElementObject *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (object->owned_table != NULL)
        wipe(object->owned_table, TABLE_ENTRIES * sizeof(niels));
    free(object->owned_table);
    wipe(&object->value, sizeof object->value);
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static PyType_Slot element_slots[] = {
    {Py_tp_dealloc, (void *)element_dealloc},
    {Py_tp_doc, (void *)"An element of ristretto255, in coordinates, perhaps with a table of multiples."},
    {0, NULL},
};

static PyType_Spec element_spec = {"mesh_core.crypto._ristretto.Element", (int)sizeof(ElementObject), 0,
                                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, element_slots};

static ElementObject *new_element(PyObject *module) {
    PyTypeObject *type = state_of(module)->element_type;
    return (ElementObject *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, 0);
}

static PyObject *element_from_point(PyObject *module, const point *p) {
    ElementObject *made = new_element(module);
    if (made != NULL)
        made->value.p = *p;
    return (PyObject *)made;
}

static const element *as_element(PyObject *module, PyObject *object) {
    if (!PyObject_TypeCheck(object, state_of(module)->element_type)) {
        PyErr_SetString(PyExc_TypeError, "an Element is needed");
        return NULL;
    }
    return &((ElementObject *)object)->value;
}

/* The elements of a tuple, as an array for the caller to free; NULL with an exception. They live as long as the tuple does. */
static const element **as_elements(PyObject *module, PyObject *tuple) {
    Py_ssize_t count = PyTuple_Size(tuple);
    if (count < 0)
        return NULL;
    const element **elements = malloc(((size_t)count + 1) * sizeof *elements);
    if (elements == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        elements[i] = as_element(module, PyTuple_GetItem(tuple, i));
        if (elements[i] == NULL) {
            free(elements);
            return NULL;
        }
    }
    return elements;
}

/* --- Scalars */

static Py_ssize_t size_of(const ScalarsObject *scalars) { return Py_SIZE((PyObject *)(uintptr_t)scalars); }

static size_t length_of(const ScalarsObject *scalars) { return (size_t)size_of(scalars); }

static void scalars_dealloc(PyObject *self) {
    ScalarsObject *object = (ScalarsObject *)self;
    PyTypeObject *type = Py_TYPE(self);
    wipe(object->values, length_of(object) * sizeof(scalar));
    ((freefunc)PyType_GetSlot(type, Py_tp_free))(self);
    Py_DECREF(type);
}

static Py_ssize_t scalars_length(PyObject *self) { return Py_SIZE(self); }

static PyType_Slot scalars_slots[] = {
    {Py_tp_dealloc, (void *)scalars_dealloc},
    {Py_sq_length, (void *)scalars_length},
    {Py_tp_doc, (void *)"A vector of scalars, each below the group order."},
    {0, NULL},
};

static PyType_Spec scalars_spec = {"mesh_core.crypto._ristretto.Scalars", (int)offsetof(ScalarsObject, values), (int)sizeof(scalar),
                                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE, scalars_slots};

static ScalarsObject *new_scalars(PyObject *module, size_t count) {
    PyTypeObject *type = state_of(module)->scalars_type;
    return (ScalarsObject *)((allocfunc)PyType_GetSlot(type, Py_tp_alloc))(type, (Py_ssize_t)count);
}

/* The argument as Scalars, of `count` of them unless count is negative; NULL with an exception. */
static const ScalarsObject *as_scalars(PyObject *module, PyObject *object, Py_ssize_t count) {
    if (!PyObject_TypeCheck(object, state_of(module)->scalars_type)) {
        PyErr_SetString(PyExc_TypeError, "Scalars are needed");
        return NULL;
    }
    if (count >= 0 && Py_SIZE(object) != count) {
        PyErr_Format(PyExc_ValueError, "%zd scalars are needed, not %zd", count, Py_SIZE(object));
        return NULL;
    }
    return (const ScalarsObject *)object;
}

static int has_arguments(Py_ssize_t found, Py_ssize_t needed) {
    if (found != needed)
        PyErr_Format(PyExc_TypeError, "%zd arguments are needed, not %zd", needed, found);
    return found == needed;
}

/* A contiguous bytes-like argument of a given size; 0 with an exception. */
static int get_bytes(Py_buffer *view, PyObject *object, Py_ssize_t size) {
    if (PyObject_GetBuffer(object, view, PyBUF_SIMPLE) < 0)
        return 0;
    if (view->len != size) {
        PyErr_Format(PyExc_ValueError, "%zd bytes are needed, not %zd", size, view->len);
        PyBuffer_Release(view);
        return 0;
    }
    return 1;
}

/* --- functions on elements */

static PyObject *decode(PyObject *module, PyObject *encoding) {
    Py_buffer view;
    point p;
    if (!get_bytes(&view, encoding, 32))
        return NULL;
    uint64_t is_canonical = ristretto_decode(&p, view.buf);
    PyBuffer_Release(&view);
    if (!is_canonical)
        Py_RETURN_NONE;
    return element_from_point(module, &p);
}

static PyObject *encode(PyObject *module, PyObject *argument) {
    uint8_t bytes[32];
    const element *e = as_element(module, argument);
    if (e == NULL)
        return NULL;
    ristretto_encode(bytes, &e->p);
    wipe_stack(STACK_OF_POINTS);
    return PyBytes_FromStringAndSize((const char *)bytes, sizeof bytes);
}

static PyObject *map_to_group(PyObject *module, PyObject *uniform) {
    Py_buffer view;
    point p;
    if (!get_bytes(&view, uniform, 64))
        return NULL;
    ristretto_map(&p, view.buf);
    PyBuffer_Release(&view);
    return element_from_point(module, &p);
}

typedef void two_points(point *result, const point *p, const point *q);

static PyObject *of_two(PyObject *module, PyObject *const *arguments, Py_ssize_t count, two_points *operation) {
    point result;
    if (!has_arguments(count, 2))
        return NULL;
    const element *left = as_element(module, arguments[0]), *right = as_element(module, arguments[1]);
    if (left == NULL || right == NULL)
        return NULL;
    operation(&result, &left->p, &right->p);
    wipe_stack(STACK_OF_POINTS);
    PyObject *made = element_from_point(module, &result);
    wipe(&result, sizeof result);
    return made;
}

static PyObject *add(PyObject *module, PyObject *const *arguments, Py_ssize_t count) { return of_two(module, arguments, count, point_sum); }

static PyObject *subtract(PyObject *module, PyObject *const *arguments, Py_ssize_t count) { return of_two(module, arguments, count, point_difference); }

/* A copy with a table of its own. */
static PyObject *with_table(PyObject *module, PyObject *argument) {
    int result;
    const element *e = as_element(module, argument);
    ElementObject *made = e == NULL ? NULL : new_element(module);
    if (made == NULL)
        return NULL;
    made->value.p = e->p;
    made->owned_table = malloc(TABLE_ENTRIES * sizeof(niels));
    if (made->owned_table != NULL) {
        Py_BEGIN_ALLOW_THREADS
        result = build_tables(made->owned_table, &made->value.p, 1);
        wipe_stack(STACK_OF_POINTS);
        Py_END_ALLOW_THREADS
    } else {
        result = -1;
    }
    if (result < 0) {
        Py_DECREF(made);
        return PyErr_NoMemory();
    }
    made->value.table = made->owned_table;
    return (PyObject *)made;
}

typedef int multiplication(point *sum, const scalar *scalars, const element *const *elements, size_t count);

static PyObject *multiply(PyObject *module, PyObject *const *arguments, Py_ssize_t count, multiplication *operation) {
    point sum;
    int result;
    if (!has_arguments(count, 2))
        return NULL;
    Py_ssize_t terms = PyTuple_Size(arguments[1]);
    if (terms < 0)
        return NULL;
    const ScalarsObject *scalars = as_scalars(module, arguments[0], terms);
    const element **elements = scalars == NULL ? NULL : as_elements(module, arguments[1]);
    if (elements == NULL)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    result = operation(&sum, scalars->values, elements, (size_t)terms);
    wipe_stack(STACK_OF_SUMS);
    Py_END_ALLOW_THREADS
    free(elements);
    PyObject *made = result < 0 ? PyErr_NoMemory() : element_from_point(module, &sum);
    wipe(&sum, sizeof sum);
    return made;
}

static PyObject *multiply_public_(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    return multiply(module, arguments, count, multiply_public);
}

static PyObject *multiply_secret_(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    return multiply(module, arguments, count, multiply_secret);
}

/* Rows of `length` elements against rows of `length` bits: all sums, of the first row of elements first. */
static int selected_sums_of_rows(point *sums, const uint8_t *bits, size_t bit_rows, const element *const *elements, size_t element_rows, size_t length) {
    cached *terms = malloc((length + 1) * sizeof *terms);
    if (terms == NULL)
        return -1;
    for (size_t i = 0; i < element_rows; i++) {
        for (size_t k = 0; k < length; k++)
            cached_from_point(&terms[k], &elements[i * length + k]->p);
        for (size_t j = 0; j < bit_rows; j++)
            sum_selected(&sums[i * bit_rows + j], bits + j * length, terms, length);
    }
    wipe(terms, length * sizeof *terms);
    free(terms);
    return 0;
}

/* A tuple of elements for points, which are wiped and freed. */
static PyObject *tuple_from_points(PyObject *module, point *points, size_t count) {
    PyObject *tuple = PyTuple_New((Py_ssize_t)count);
    for (size_t i = 0; tuple != NULL && i < count; i++) {
        PyObject *made = element_from_point(module, &points[i]);
        if (made == NULL || PyTuple_SetItem(tuple, (Py_ssize_t)i, made) < 0)
            Py_CLEAR(tuple);
    }
    wipe(points, count * sizeof *points);
    free(points);
    return tuple;
}

static PyObject *selected_sums(PyObject *module, PyObject *args) {
    Py_buffer bits;
    PyObject *tuple;
    Py_ssize_t length;
    point *sums = NULL;
    int result = -1;
    if (!PyArg_ParseTuple(args, "y*O!n", &bits, &PyTuple_Type, &tuple, &length))
        return NULL;
    Py_ssize_t count = PyTuple_Size(tuple);
    if (length < 1 || bits.len % length != 0 || count % length != 0) {
        PyBuffer_Release(&bits);
        PyErr_SetString(PyExc_ValueError, "rows of one length are needed");
        return NULL;
    }
    size_t bit_rows = (size_t)(bits.len / length), element_rows = (size_t)(count / length);
    const element **elements = as_elements(module, tuple);
    if (elements != NULL) {
        sums = malloc((bit_rows * element_rows + 1) * sizeof *sums);
        if (sums != NULL) {
            Py_BEGIN_ALLOW_THREADS
            result = selected_sums_of_rows(sums, bits.buf, bit_rows, elements, element_rows, (size_t)length);
            wipe_stack(STACK_OF_POINTS);
            Py_END_ALLOW_THREADS
        }
        if (result < 0)
            PyErr_NoMemory();
    }
    free(elements);
    PyBuffer_Release(&bits);
    if (result < 0) {
        free(sums);
        return NULL;
    }
    return tuple_from_points(module, sums, bit_rows * element_rows);
}

/* --- functions on scalars */

static PyObject *scalars_from_bytes(PyObject *module, PyObject *bytes) {
    Py_buffer view;
    if (PyObject_GetBuffer(bytes, &view, PyBUF_SIMPLE) < 0)
        return NULL;
    size_t count = (size_t)view.len / 32;
    uint64_t are_canonical = mask_if_zero((uint64_t)view.len % 32);
    ScalarsObject *made = new_scalars(module, count);
    for (size_t i = 0; made != NULL && i < count; i++)
        are_canonical &= scalar_from_bytes(&made->values[i], (const uint8_t *)view.buf + 32 * i);
    wipe_stack(STACK_OF_SCALARS);
    PyBuffer_Release(&view);
    if (made != NULL && !are_canonical) {
        Py_DECREF(made);
        PyErr_SetString(PyExc_ValueError, "scalars of 32 bytes below the group order are needed");
        return NULL;
    }
    return (PyObject *)made;
}

static PyObject *scalars_to_bytes(PyObject *module, PyObject *argument) {
    const ScalarsObject *scalars = as_scalars(module, argument, -1);
    PyObject *bytes = scalars == NULL ? NULL : PyBytes_FromStringAndSize(NULL, 32 * size_of(scalars));
    if (bytes == NULL)
        return NULL;
    uint8_t *out = (uint8_t *)PyBytes_AsString(bytes);
    for (size_t i = 0; i < length_of(scalars); i++)
        scalar_to_bytes(out + 32 * i, &scalars->values[i]);
    wipe_stack(STACK_OF_SCALARS);
    return bytes;
}

/* scalars[start:stop] */
static PyObject *slice(PyObject *module, PyObject *args) {
    PyObject *argument;
    Py_ssize_t start, stop;
    if (!PyArg_ParseTuple(args, "Onn", &argument, &start, &stop))
        return NULL;
    const ScalarsObject *scalars = as_scalars(module, argument, -1);
    if (scalars == NULL)
        return NULL;
    if (start < 0 || stop < start || stop > size_of(scalars)) {
        PyErr_SetString(PyExc_ValueError, "not a part of these scalars");
        return NULL;
    }
    ScalarsObject *made = new_scalars(module, (size_t)(stop - start));
    if (made != NULL)
        memcpy(made->values, scalars->values + start, length_of(made) * sizeof(scalar));
    return (PyObject *)made;
}

/* All scalars of a tuple of Scalars, one after the other. */
static PyObject *join(PyObject *module, PyObject *tuple) {
    Py_ssize_t parts = PyTuple_Size(tuple);
    size_t total = 0;
    if (parts < 0)
        return NULL;
    for (Py_ssize_t i = 0; i < parts; i++) {
        const ScalarsObject *part = as_scalars(module, PyTuple_GetItem(tuple, i), -1);
        if (part == NULL)
            return NULL;
        total += length_of(part);
    }
    ScalarsObject *made = new_scalars(module, total);
    size_t place = 0;
    for (Py_ssize_t i = 0; made != NULL && i < parts; i++) {
        const ScalarsObject *part = (const ScalarsObject *)PyTuple_GetItem(tuple, i);
        memcpy(made->values + place, part->values, length_of(part) * sizeof(scalar));
        place += length_of(part);
    }
    return (PyObject *)made;
}

/* left[i] + right[i], as many as the longer has: what is missing is zero. */
static PyObject *add_scalars(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    if (!has_arguments(count, 2))
        return NULL;
    const ScalarsObject *left = as_scalars(module, arguments[0], -1), *right = as_scalars(module, arguments[1], -1);
    if (left == NULL || right == NULL)
        return NULL;
    const ScalarsObject *longer = length_of(left) >= length_of(right) ? left : right, *shorter = longer == left ? right : left;
    ScalarsObject *made = new_scalars(module, length_of(longer));
    if (made == NULL)
        return NULL;
    memcpy(made->values, longer->values, length_of(longer) * sizeof(scalar));
    for (size_t i = 0; i < length_of(shorter); i++)
        scalar_add(&made->values[i], &longer->values[i], &shorter->values[i]);
    wipe_stack(STACK_OF_SCALARS);
    return (PyObject *)made;
}

/* scalars[i] + bits[i], each bit 0 or 1 */
static PyObject *add_bits(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    Py_buffer bits;
    if (!has_arguments(count, 2))
        return NULL;
    const ScalarsObject *scalars = as_scalars(module, arguments[0], -1);
    if (scalars == NULL || !get_bytes(&bits, arguments[1], size_of(scalars)))
        return NULL;
    ScalarsObject *made = new_scalars(module, length_of(scalars));
    for (size_t i = 0; made != NULL && i < length_of(scalars); i++) {
        scalar bit = {{((const uint8_t *)bits.buf)[i], 0, 0, 0}};
        scalar_add(&made->values[i], &scalars->values[i], &bit);
        wipe(&bit, sizeof bit);
    }
    wipe_stack(STACK_OF_SCALARS);
    PyBuffer_Release(&bits);
    return (PyObject *)made;
}

/* factors[i] * scalars[j], all products with the first factor first */
static PyObject *outer(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    if (!has_arguments(count, 2))
        return NULL;
    const ScalarsObject *factors = as_scalars(module, arguments[0], -1), *scalars = as_scalars(module, arguments[1], -1);
    if (factors == NULL || scalars == NULL)
        return NULL;
    size_t length = length_of(scalars);
    ScalarsObject *made = new_scalars(module, length_of(factors) * length);
    for (size_t i = 0; made != NULL && i < length_of(factors); i++) {
        scalar factor;
        scalar_prepare(&factor, &factors->values[i]);
        for (size_t j = 0; j < length; j++)
            scalar_montgomery(&made->values[i * length + j], &factor, &scalars->values[j]);
        wipe(&factor, sizeof factor);
    }
    wipe_stack(STACK_OF_SCALARS);
    return (PyObject *)made;
}

/* x*left[i] + y*right[i] */
static PyObject *combine(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    scalar factors[2];
    if (!has_arguments(count, 3))
        return NULL;
    const ScalarsObject *x_y = as_scalars(module, arguments[0], 2), *left = as_scalars(module, arguments[1], -1);
    if (x_y == NULL || left == NULL)
        return NULL;
    const ScalarsObject *right = as_scalars(module, arguments[2], size_of(left));
    ScalarsObject *made = right == NULL ? NULL : new_scalars(module, length_of(left));
    if (made == NULL)
        return NULL;
    scalar_prepare(&factors[0], &x_y->values[0]);
    scalar_prepare(&factors[1], &x_y->values[1]);
    for (size_t i = 0; i < length_of(left); i++) {
        scalar products[2];
        scalar_montgomery(&products[0], &factors[0], &left->values[i]);
        scalar_montgomery(&products[1], &factors[1], &right->values[i]);
        scalar_add(&made->values[i], &products[0], &products[1]);
        wipe(products, sizeof products);
    }
    wipe(factors, sizeof factors);
    wipe_stack(STACK_OF_SCALARS);
    return (PyObject *)made;
}

/* left[0]*right[0]*weights[0] + left[1]*right[1]*weights[1] + ..., one scalar */
static PyObject *weighted_product(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    if (!has_arguments(count, 3))
        return NULL;
    const ScalarsObject *left = as_scalars(module, arguments[0], -1);
    if (left == NULL)
        return NULL;
    const ScalarsObject *right = as_scalars(module, arguments[1], size_of(left)), *weights = as_scalars(module, arguments[2], size_of(left));
    if (right == NULL || weights == NULL)
        return NULL;
    ScalarsObject *made = new_scalars(module, 1);
    if (made == NULL)
        return NULL;
    scalar sum = SCALAR_ZERO, product;
    for (size_t i = 0; i < length_of(left); i++) {
        scalar_montgomery(&product, &left->values[i], &right->values[i]);
        scalar_montgomery(&product, &product, &weights->values[i]);
        scalar_add(&sum, &sum, &product);
    }
    scalar_mend_triple(&made->values[0], &sum);
    wipe(&sum, sizeof sum);
    wipe(&product, sizeof product);
    wipe_stack(STACK_OF_SCALARS);
    return (PyObject *)made;
}

/* 2^k scalars for k factors: first * (the factors[f] of all bits f of i) + shift */
static PyObject *products_by_bits(PyObject *module, PyObject *const *arguments, Py_ssize_t count) {
    if (!has_arguments(count, 3))
        return NULL;
    const ScalarsObject *first = as_scalars(module, arguments[0], 1), *factors = as_scalars(module, arguments[1], -1);
    const ScalarsObject *shift = as_scalars(module, arguments[2], 1);
    if (first == NULL || factors == NULL || shift == NULL)
        return NULL;
    if (length_of(factors) > 24) {
        PyErr_SetString(PyExc_ValueError, "too many factors");
        return NULL;
    }
    ScalarsObject *made = new_scalars(module, (size_t)1 << length_of(factors));
    if (made == NULL)
        return NULL;
    made->values[0] = first->values[0];
    for (size_t f = 0; f < length_of(factors); f++) {
        scalar factor;
        size_t half = (size_t)1 << f;
        scalar_prepare(&factor, &factors->values[f]);
        for (size_t i = 0; i < half; i++)
            scalar_montgomery(&made->values[half + i], &factor, &made->values[i]);
        wipe(&factor, sizeof factor);
    }
    for (size_t i = 0; i < length_of(made); i++)
        scalar_add(&made->values[i], &made->values[i], &shift->values[0]);
    wipe_stack(STACK_OF_SCALARS);
    return (PyObject *)made;
}

/* --- the module */

#define FAST(function) (PyCFunction)(void (*)(void)) function, METH_FASTCALL

static PyMethodDef methods[] = {
    {"decode", decode, METH_O, "The Element that 32 bytes encode canonically, or None."},
    {"encode", encode, METH_O, "The 32 bytes of an Element."},
    {"map_to_group", map_to_group, METH_O, "The one-way map, RFC 9496 section 4.3.4, of 64 bytes."},
    {"add", FAST(add), "left + right"},
    {"subtract", FAST(subtract), "left - right"},
    {"with_table", with_table, METH_O, "The same Element, faster to multiply: it carries a table of 7.5 KiB."},
    {"multiply_public", FAST(multiply_public_), "sum scalars[i]*elements[i], in a time that depends on the scalars."},
    {"multiply_secret", FAST(multiply_secret_), "sum scalars[i]*elements[i], in a time that depends on their number alone."},
    {"selected_sums", selected_sums, METH_VARARGS,
     "selected_sums(bits, elements, length): for each row of `length` elements and each row of `length` secret bits (bytes 0 or 1), the sum of those whose bit is 1."},
    {"scalars_from_bytes", scalars_from_bytes, METH_O, "Scalars of 32 bytes each. ValueError if one is not below the group order."},
    {"scalars_to_bytes", scalars_to_bytes, METH_O, "32 bytes for each scalar."},
    {"slice", slice, METH_VARARGS, "slice(scalars, start, stop)"},
    {"join", join, METH_O, "The Scalars of a tuple, one after the other."},
    {"add_scalars", FAST(add_scalars), "left[i] + right[i]; the shorter is filled up with zeros."},
    {"add_bits", FAST(add_bits), "scalars[i] + bits[i], bits as bytes 0 or 1."},
    {"outer", FAST(outer), "factors[i]*scalars[j], all of the first factor first."},
    {"combine", FAST(combine), "combine((x, y), left, right): x*left[i] + y*right[i]"},
    {"weighted_product", FAST(weighted_product), "sum left[i]*right[i]*weights[i], as one scalar."},
    {"products_by_bits", FAST(products_by_bits), "products_by_bits(first, factors, shift): first times the factors[f] of all bits f of i, plus shift, for all i."},
    {NULL, NULL, 0, NULL},
};

static int execute(PyObject *module) {
    module_state *state = state_of(module);
    state->element_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &element_spec, NULL);
    state->scalars_type = (PyTypeObject *)PyType_FromModuleAndSpec(module, &scalars_spec, NULL);
    if (state->element_type == NULL || state->scalars_type == NULL)
        return -1;
    if (PyModule_AddType(module, state->element_type) < 0 || PyModule_AddType(module, state->scalars_type) < 0)
        return -1;
    return 0;
}

static int traverse(PyObject *module, visitproc visit, void *arg) {
    module_state *state = state_of(module);
    Py_VISIT(state->element_type);
    Py_VISIT(state->scalars_type);
    return 0;
}

static int clear(PyObject *module) {
    module_state *state = state_of(module);
    Py_CLEAR(state->element_type);
    Py_CLEAR(state->scalars_type);
    return 0;
}

static PyModuleDef_Slot module_slots[] = {{Py_mod_exec, (void *)execute}, {0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_ristretto", "Multi-scalar multiplication in ristretto255.", sizeof(module_state),
                                        methods, module_slots, traverse, clear, NULL};

PyMODINIT_FUNC PyInit__ristretto(void) { return PyModuleDef_Init(&definition); }
