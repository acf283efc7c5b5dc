/* The library's state and the gate every call comes through. */

#ifndef LIBRARY_H
#define LIBRARY_H

#include "scenario.h"

typedef int nvmlReturn_t;

enum {
    SUCCESS = 0,
    UNINITIALIZED = 1,
    INVALID_ARGUMENT = 2,
    NOT_SUPPORTED = 3,
    NO_PERMISSION = 4,
    NOT_FOUND = 6,
    INSUFFICIENT_SIZE = 7,
    DRIVER_NOT_LOADED = 9,
    TIMEOUT = 10,
    FUNCTION_NOT_FOUND = 13,
    GPU_IS_LOST = 15,
    DRIVER_MISMATCH = 18,
    VERSION_MISMATCH = 25,
};

/* What a handle points at: lives as long as the library, whatever becomes of the scenario. */
struct slot {
    char uuid[TEXT_SIZE];
    struct slot *parent; /* of a MIG instance: its device; NULL = this is a device */
    unsigned instance;   /* of a MIG instance: its place among those of its device */
    double energy;       /* joules */
    double energy_at;    /* Unix time up to which energy is counted; 0 = not yet */
};

typedef struct slot *nvmlDevice_t;

/* What one call needs. What it points at is never changed, and stays while the file changes
 * several times. */
struct view {
    double now;
    const struct scenario *scenario;
    const struct device *device; /* where the call concerns one; of an instance, its parent */
    unsigned index;              /* of that device */
};

/* Decides how a call of a device (or, with NULL, of the library) ends, and waits out a hang; the
 * view is good when the answer is SUCCESS. MIG instances answer NOT_SUPPORTED. */
nvmlReturn_t enter(const char *call, struct slot *slot, struct view *view);

/* Whether a device does not answer a call while it is in MIG mode (mig.c). */
bool mig_hides(const char *call, const struct device *device);

/* As enter, for a call that MIG instances answer too. */
nvmlReturn_t enter_any(const char *call, struct slot *slot, struct view *view);

/* --- handles (slots.c); NULL = there are too many ------------------------------------------------ */

struct slot *slot_of_device(const struct device *device);

/* The handle of a device's MIG instance at a place; its UUID is this one from now on. */
struct slot *slot_of_instance(struct slot *parent, unsigned instance, const char *uuid);

/* All handles there ever were, one after the other; NULL after the last. */
struct slot *slot_number(size_t number);

/* Joules a device has used, by the integral of its power. */
double energy_of(struct slot *slot, double now);

double wall_time(void);

void initialise(void);

/* False when the library was not initialised. */
bool shut_down(void);

#endif
