// Memory for plugins in Nim. With libc's malloc, Nim does not look whether there was any, and in WebAssembly NULL is an
// address like any other: what lies there would be written over, and the verdict be wrong. So `malloc` and its kin are
// these by the compiler's `-D`, and trap.

#undef malloc
#undef calloc
#undef realloc
#include <stdlib.h>

static void *there(void *memory) {
    if (!memory) __builtin_trap();
    return memory;
}

// For no bytes libc may return NULL too.
void *gavel_malloc(size_t size) { return there(malloc(size ? size : 1)); }
void *gavel_calloc(size_t count, size_t size) { return there(calloc(count ? count : 1, size ? size : 1)); }
void *gavel_realloc(void *old, size_t size) { return there(realloc(old, size ? size : 1)); }
