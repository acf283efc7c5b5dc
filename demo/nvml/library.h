/* The library's state and the gate every call comes through. */

#ifndef LIBRARY_H
#define LIBRARY_H

#include "scenario.h"

#include <stdbool.h>

typedef int nvmlReturn_t;

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9,
    FUNCTION_NOT_FOUND = 13,
    GPU_IS_LOST = 15,
    DRIVER_MISMATCH = 18,
    VERSION_MISMATCH = 25,
};

/* What a handle points at: lives as long as the library, whatever becomes of the scenario. */
struct slot {
    char uuid[TEXT_SIZE];
    double energy;    /* joules */
    double energy_at; /* Unix time up to which energy is counted; 0 = not yet */
};

typedef struct slot *nvmlDevice_t;

/* A consistent copy of what one call needs, so that nothing is locked while it hangs. */
struct view {
    double now;
    double loaded_at;
    struct device device; /* where the call concerns one */
    unsigned index;       /* of that device */
    struct system system;
    unsigned device_count;
};

/* Decides how a call ends and waits out a hang; the view is good when the answer is SUCCESS. */
nvmlReturn_t enter(const char *call, struct slot *slot, struct view *view);

/* The handle of the device at an index; NULL when there is none. */
struct slot *slot_at(unsigned index);

/* Joules a device has used, by the integral of its power. */
double energy_of(struct slot *slot, double now);

void initialise(void);

/* False when the library was not initialised. */
bool shut_down(void);

#endif
