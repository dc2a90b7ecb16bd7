#include "secret.h"

/* A frame of this function, like those of the functions that were called before from the same place, begins right below the caller's. Stacks grow downwards. */
void wipe_stack(size_t size) {
    unsigned char below[STACK_OF_SUMS];
    wipe(below + (sizeof below - size), size);
}
