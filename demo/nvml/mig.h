/* MIG instances of a device: what their handles lead to. */

#ifndef MIG_H
#define MIG_H

#include "answer.h"

struct instance {
    unsigned gpu, compute; /* ids */
    char uuid[TEXT_SIZE], profile[TEXT_SIZE];
};

/* The instance that a MIG handle leads to now; false when there is none at its place. */
bool instance_of(const struct view *view, const struct slot *slot, struct instance *instance);

/* As enter_any; INVALID_ARGUMENT when the handle is an instance's and leads nowhere. */
nvmlReturn_t enter_part(const char *call, nvmlDevice_t handle, struct view *view,
                        struct instance *instance);

/* A quantity of the GPU instance: instance.GPU.KEY */
nvmlReturn_t instance_quantity(const struct view *view, const struct instance *instance,
                               const char *key, unsigned long long *value);

#endif
