/* MIG: the mode, the instances and who they are.
 *
 * A handle stands for a place among a device's instances: when these are made anew, an old handle
 * leads to whichever instance is there now, as with a driver.
 */

#include "mig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_INSTANCES = 7 };

EXPORT nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t handle, unsigned *current, unsigned *pending)
{
    struct view view;
    unsigned long long mode = 0, next;
    nvmlReturn_t answer = enter("MigMode", handle, &view);

    if (answer == SUCCESS)
        answer = quantity(&view, "mig.mode", 1, &mode);
    if (answer != SUCCESS || quantity(&view, "mig.mode_pending", 1, &next) != SUCCESS)
        next = mode;
    *current = (unsigned)mode;
    *pending = (unsigned)next;
    return answer;
}

bool mig_hides(const char *call, const struct device *device)
{
    static const char *const HIDDEN[] = {
        "UtilizationRates", "EncoderUtilization", "DecoderUtilization", "JpgUtilization",
        "OfaUtilization",   "ProcessUtilization", "AccountingMode",     "AccountingBufferSize",
        "AccountingPids",   "AccountingStats",    NULL,
    };
    const struct signal *mode = device_signal(device, "mig.mode");

    for (size_t i = 0; mode != NULL && mode->arguments[0] != 0 && HIDDEN[i] != NULL; i++)
        if (strcmp(call, HIDDEN[i]) == 0)
            return true;
    return false;
}

/* --- instances: GPU_ID COMPUTE_ID UUID PROFILE, or "empty" for a place without one ------------- */

static bool instance_at(const struct device *device, unsigned place, struct instance *instance)
{
    const char *text = NULL;
    size_t position = 0;

    for (unsigned i = 0; i <= place; i++)
        if ((text = device_line(device, "instance", &position)) == NULL)
            return false;
    return sscanf(text, "%u %u %95s %95s", &instance->gpu, &instance->compute, instance->uuid,
                  instance->profile) == 4;
}

bool instance_of(const struct view *view, const struct slot *slot, struct instance *instance)
{
    unsigned long long mode = 0;

    return quantity(view, "mig.mode", 1, &mode) == SUCCESS && mode != 0 &&
           instance_at(view->device, slot->instance, instance);
}

nvmlReturn_t enter_part(const char *call, nvmlDevice_t handle, struct view *view,
                        struct instance *instance)
{
    nvmlReturn_t answer = enter_any(call, handle, view);

    if (answer == SUCCESS && handle->parent != NULL && !instance_of(view, handle, instance))
        return INVALID_ARGUMENT;
    return answer;
}

nvmlReturn_t instance_quantity(const struct view *view, const struct instance *instance,
                               const char *key, unsigned long long *value)
{
    char whole[KEY_SIZE];

    snprintf(whole, sizeof whole, "instance.%u.%s", instance->gpu, key);
    return quantity(view, whole, 1, value);
}

EXPORT nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t handle, unsigned *count)
{
    struct view view;
    nvmlReturn_t answer = enter("MaxMigDeviceCount", handle, &view);

    if (answer == SUCCESS)
        *count = device_signal(view.device, "mig.mode") == NULL ? 0 : MOST_INSTANCES;
    return answer;
}

EXPORT nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t handle, unsigned index,
                                                        nvmlDevice_t *found)
{
    struct view view;
    struct instance instance;
    struct slot place = {.instance = index};
    nvmlReturn_t answer = enter("MigDeviceHandleByIndex", handle, &view);

    if (answer != SUCCESS)
        return answer;
    if (!instance_of(&view, &place, &instance))
        return NOT_FOUND;
    *found = slot_of_instance(handle, index, instance.uuid);
    return *found == NULL ? INSUFFICIENT_SIZE : SUCCESS;
}

/* --- who an instance is ------------------------------------------------------------------------ */

static nvmlReturn_t get_id(const char *call, nvmlDevice_t handle, bool compute, unsigned *id)
{
    struct view view;
    struct instance instance;
    nvmlReturn_t answer = enter_part(call, handle, &view, &instance);

    if (answer != SUCCESS)
        return answer;
    if (handle->parent == NULL)
        return INVALID_ARGUMENT;
    *id = compute ? instance.compute : instance.gpu;
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t handle, unsigned *id)
{
    return get_id("GpuInstanceId", handle, false, id);
}

EXPORT nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t handle, unsigned *id)
{
    return get_id("ComputeInstanceId", handle, true, id);
}

struct attributes {
    unsigned multiprocessors, copy_engines, decoders, encoders, jpeg, ofa;
    unsigned gpu_slices, compute_slices;
    unsigned long long megabytes;
};

/* [COMPUTEc.]SLICESg.… */
static void count_slices(const char *profile, struct attributes *attributes)
{
    char *rest;
    unsigned first = (unsigned)strtoul(profile, &rest, 10);

    attributes->compute_slices = attributes->gpu_slices = first;
    if (*rest == 'c')
        attributes->gpu_slices = (unsigned)strtoul(rest + 2, NULL, 10);
}

EXPORT nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t handle, struct attributes *attributes)
{
    struct view view;
    struct instance instance;
    unsigned long long value = 0;
    nvmlReturn_t answer = enter_part("Attributes_v2", handle, &view, &instance);

    if (answer == SUCCESS && handle->parent == NULL)
        answer = NOT_SUPPORTED;
    if (answer != SUCCESS)
        return answer;
    *attributes = (struct attributes){0};
    count_slices(instance.profile, attributes);
    if (instance_quantity(&view, &instance, "memory_total", &value) == SUCCESS)
        attributes->megabytes = value >> 20;
    if (instance_quantity(&view, &instance, "multiprocessors", &value) == SUCCESS)
        attributes->multiprocessors = (unsigned)value;
    return SUCCESS;
}
