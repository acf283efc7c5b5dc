/* A libnvidia-ml.so.1 that plays a scenario file instead of asking a driver.
 *
 * Names, signatures and struct layouts are those nvidia-ml-py calls (pynvml.py: the name given to
 * _nvmlGetFunctionPointer in each wrapper). What is not exported here or in the other files raises
 * FunctionNotFound there, as with an old driver.
 */

#include "answer.h"

#include <strings.h>

EXPORT nvmlReturn_t nvmlInitWithFlags(unsigned flags)
{
    struct view view;
    nvmlReturn_t answer = enter("Init", NULL, &view);

    (void)flags;
    if (answer == SUCCESS)
        initialise();
    return answer;
}

EXPORT nvmlReturn_t nvmlShutdown(void)
{
    return shut_down() ? SUCCESS : UNINITIALIZED;
}

EXPORT nvmlReturn_t nvmlSystemGetDriverVersion(char *buffer, unsigned size)
{
    struct view view;
    nvmlReturn_t answer = enter("DriverVersion", NULL, &view);

    return answer == SUCCESS ? write_text(view.scenario->system.driver_version, buffer, size) : answer;
}

EXPORT nvmlReturn_t nvmlSystemGetNVMLVersion(char *buffer, unsigned size)
{
    struct view view;
    nvmlReturn_t answer = enter("NVMLVersion", NULL, &view);

    return answer == SUCCESS ? write_text(view.scenario->system.nvml_version, buffer, size) : answer;
}

EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version)
{
    struct view view;
    nvmlReturn_t answer = enter("CudaDriverVersion", NULL, &view);

    if (answer == SUCCESS)
        *version = view.scenario->system.cuda_version;
    return answer;
}

EXPORT nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count)
{
    struct view view;
    nvmlReturn_t answer = enter("Count", NULL, &view);

    if (answer == SUCCESS)
        *count = (unsigned)view.scenario->device_count;
    return answer;
}

static nvmlReturn_t opened(const struct device *device, const char *call, nvmlDevice_t *handle)
{
    struct view view;

    *handle = slot_of_device(device);
    return *handle == NULL ? INVALID_ARGUMENT : enter(call, *handle, &view);
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *handle)
{
    struct view view;
    nvmlReturn_t answer = enter("Count", NULL, &view);

    if (answer != SUCCESS)
        return answer;
    return index < view.scenario->device_count
               ? opened(view.scenario->devices[index], "HandleByIndex", handle)
               : INVALID_ARGUMENT;
}

EXPORT nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t handle, unsigned *index)
{
    struct view view;
    nvmlReturn_t answer = enter("Index", handle, &view);

    if (answer == SUCCESS)
        *index = view.index;
    return answer;
}

static nvmlReturn_t find_handle(const char *call, const char *key, const char *text,
                                nvmlDevice_t *handle)
{
    struct view view;
    nvmlReturn_t answer = enter(call, NULL, &view);

    for (size_t i = 0; answer == SUCCESS && i < view.scenario->device_count; i++)
        if (strcasecmp(device_text(view.scenario->devices[i], key), text) == 0)
            return opened(view.scenario->devices[i], call, handle);
    return answer == SUCCESS ? NOT_FOUND : answer;
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *handle)
{
    return find_handle("HandleByUUID", "uuid", uuid, handle);
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, nvmlDevice_t *handle)
{
    return find_handle("HandleByPciBusId_v2", "pci_bus_id", bus_id, handle);
}

EXPORT nvmlReturn_t nvmlDeviceGetHandleBySerial(const char *serial, nvmlDevice_t *handle)
{
    return find_handle("HandleBySerial", "serial", serial, handle);
}
