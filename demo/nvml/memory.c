/* How a device's memory is used. */

#include "mig.h"

#include <limits.h>

struct memory_v1 {
    unsigned long long total, free, used;
};

struct memory_v2 {
    unsigned version;
    unsigned long long total, reserved, free, used;
};

/* A key of the device, or of the MIG instance the handle leads to. */
static nvmlReturn_t of_part(nvmlDevice_t handle, const struct view *view,
                            const struct instance *instance, const char *key,
                            unsigned long long *value)
{
    return handle->parent == NULL ? quantity(view, key, 1, value)
                                  : instance_quantity(view, instance, key, value);
}

static nvmlReturn_t read_memory(nvmlDevice_t handle, const char *call, struct memory_v2 *memory)
{
    struct view view;
    struct instance instance;
    nvmlReturn_t answer = enter_part(call, handle, &view, &instance);

    if (answer == SUCCESS)
        answer = of_part(handle, &view, &instance, "memory_total", &memory->total);
    if (answer == SUCCESS)
        answer = of_part(handle, &view, &instance, "memory_used", &memory->used);
    if (answer == SUCCESS && of_part(handle, &view, &instance, "memory_reserved", &memory->reserved))
        memory->reserved = 0;
    memory->free = memory->used == ULLONG_MAX
                       ? ULLONG_MAX
                       : memory->total - memory->reserved - memory->used;
    return answer;
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t handle, struct memory_v2 *memory)
{
    if (memory->version != VERSION_OF(*memory, 2))
        return VERSION_MISMATCH;
    return read_memory(handle, "MemoryInfo_v2", memory);
}

/* The first version counts what is reserved as used. */
EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t handle, struct memory_v1 *memory)
{
    struct memory_v2 parts = {0};
    nvmlReturn_t answer = read_memory(handle, "MemoryInfo", &parts);

    *memory = (struct memory_v1){parts.total, parts.free, parts.total - parts.free};
    return answer;
}

struct bar1_memory {
    unsigned long long total, free, used;
};

EXPORT nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t handle, struct bar1_memory *memory)
{
    struct view view;
    nvmlReturn_t answer = enter("BAR1MemoryInfo", handle, &view);

    if (answer == SUCCESS)
        answer = quantity(&view, "bar1.total", 1, &memory->total);
    if (answer == SUCCESS)
        answer = quantity(&view, "bar1.used", 1, &memory->used);
    if (answer == SUCCESS)
        memory->free = memory->total - memory->used;
    return answer;
}
