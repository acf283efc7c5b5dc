/* A libnvidia-ml.so.1 that plays a scenario file instead of asking a driver.
 *
 * Names, signatures and struct layouts are those nvidia-ml-py calls (pynvml.py: the name given to
 * _nvmlGetFunctionPointer in each wrapper). What is not exported here raises FunctionNotFound
 * there, as with an old driver.
 */

#include "library.h"

#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

/* --- answers ---------------------------------------------------------------------------------- */

static nvmlReturn_t write_text(const char *text, char *buffer, unsigned size)
{
    if (text[0] == '\0')
        return NOT_SUPPORTED;
    return snprintf(buffer, size, "%s", text) < (int)size ? SUCCESS : INSUFFICIENT_SIZE;
}

static nvmlReturn_t get_text(nvmlDevice_t handle, const char *call, enum text text, char *buffer,
                             unsigned size)
{
    struct view view;
    nvmlReturn_t answer = enter(call, handle, &view);

    return answer == SUCCESS ? write_text(view.device.texts[text], buffer, size) : answer;
}

/* A quantity in the unit of the file times scale; all bits set where the file says sentinel. */
static nvmlReturn_t quantity(const struct view *view, enum quantity quantity, double scale,
                             unsigned long long *value)
{
    const struct signal *signal = &view->device.signals[quantity];

    if (signal->kind == ABSENT)
        return NOT_SUPPORTED;
    *value = signal->kind == SENTINEL
                 ? ULLONG_MAX
                 : (unsigned long long)llround(signal_at(signal, view->now, view->loaded_at) * scale);
    return SUCCESS;
}

static nvmlReturn_t get_uint(nvmlDevice_t handle, const char *call, enum quantity which,
                             double scale, unsigned *value)
{
    struct view view;
    unsigned long long wide = 0;
    nvmlReturn_t answer = enter(call, handle, &view);

    if (answer == SUCCESS)
        answer = quantity(&view, which, scale, &wide);
    if (answer == SUCCESS)
        *value = (unsigned)wide;
    return answer;
}

static const double MILLI = 1000;

/* --- the library ------------------------------------------------------------------------------ */

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

EXPORT const char *nvmlErrorString(nvmlReturn_t code)
{
    switch (code) {
    case SUCCESS: return "The operation was successful";
    case NOT_SUPPORTED: return "Not Supported";
    case GPU_IS_LOST: return "GPU is lost";
    case DRIVER_MISMATCH: return "Driver/library version mismatch";
    default: return "Unknown Error";
    }
}

EXPORT nvmlReturn_t nvmlSystemGetDriverVersion(char *buffer, unsigned size)
{
    struct view view;
    nvmlReturn_t answer = enter("DriverVersion", NULL, &view);

    return answer == SUCCESS ? write_text(view.system.driver_version, buffer, size) : answer;
}

EXPORT nvmlReturn_t nvmlSystemGetNVMLVersion(char *buffer, unsigned size)
{
    struct view view;
    nvmlReturn_t answer = enter("NVMLVersion", NULL, &view);

    return answer == SUCCESS ? write_text(view.system.nvml_version, buffer, size) : answer;
}

EXPORT nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version)
{
    struct view view;
    nvmlReturn_t answer = enter("CudaDriverVersion", NULL, &view);

    if (answer == SUCCESS)
        *version = view.system.cuda_version;
    return answer;
}

EXPORT nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count)
{
    struct view view;
    nvmlReturn_t answer = enter("Count", NULL, &view);

    if (answer == SUCCESS)
        *count = view.device_count;
    return answer;
}

/* --- handles ---------------------------------------------------------------------------------- */

EXPORT nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *handle)
{
    struct view view;
    nvmlReturn_t answer = enter("Count", NULL, &view);

    if (answer != SUCCESS)
        return answer;
    *handle = slot_at(index);
    return *handle == NULL ? INVALID_ARGUMENT : enter("HandleByIndex", *handle, &view);
}

EXPORT nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t handle, unsigned *index)
{
    struct view view;
    nvmlReturn_t answer = enter("Index", handle, &view);

    if (answer == SUCCESS)
        *index = view.index;
    return answer;
}

/* --- identity --------------------------------------------------------------------------------- */

EXPORT nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t handle, char *buffer, unsigned size)
{
    return get_text(handle, "UUID", TEXT_uuid, buffer, size);
}

EXPORT nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t handle, char *buffer, unsigned size)
{
    return get_text(handle, "Name", TEXT_name, buffer, size);
}

EXPORT nvmlReturn_t nvmlDeviceGetSerial(nvmlDevice_t handle, char *buffer, unsigned size)
{
    return get_text(handle, "Serial", TEXT_serial, buffer, size);
}

EXPORT nvmlReturn_t nvmlDeviceGetVbiosVersion(nvmlDevice_t handle, char *buffer, unsigned size)
{
    return get_text(handle, "VbiosVersion", TEXT_vbios_version, buffer, size);
}

struct pci_info {
    char bus_id_legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t handle, struct pci_info *info)
{
    memset(info, 0, sizeof *info);
    return get_text(handle, "PciInfo_v3", TEXT_pci_bus_id, info->bus_id, sizeof info->bus_id);
}

EXPORT nvmlReturn_t nvmlDeviceGetMinorNumber(nvmlDevice_t handle, unsigned *minor)
{
    return get_uint(handle, "MinorNumber", QUANTITY_minor_number, 1, minor);
}

EXPORT nvmlReturn_t nvmlDeviceGetBrand(nvmlDevice_t handle, unsigned *brand)
{
    return get_uint(handle, "Brand", QUANTITY_brand, 1, brand);
}

EXPORT nvmlReturn_t nvmlDeviceGetArchitecture(nvmlDevice_t handle, unsigned *architecture)
{
    return get_uint(handle, "Architecture", QUANTITY_architecture, 1, architecture);
}

/* --- use and memory --------------------------------------------------------------------------- */

struct utilization {
    unsigned gpu, memory;
};

EXPORT nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t handle, struct utilization *rates)
{
    struct view view;
    unsigned long long gpu = 0, memory = 0;
    nvmlReturn_t answer = enter("UtilizationRates", handle, &view);

    if (answer == SUCCESS)
        answer = quantity(&view, QUANTITY_utilization, 1, &gpu);
    if (answer == SUCCESS)
        answer = quantity(&view, QUANTITY_memory_copy_utilization, 1, &memory);
    *rates = (struct utilization){(unsigned)gpu, (unsigned)memory};
    return answer;
}

struct memory_v1 {
    unsigned long long total, free, used;
};

struct memory_v2 {
    unsigned version;
    unsigned long long total, reserved, free, used;
};

static nvmlReturn_t read_memory(nvmlDevice_t handle, const char *call, struct memory_v2 *memory)
{
    struct view view;
    nvmlReturn_t answer = enter(call, handle, &view);

    if (answer == SUCCESS)
        answer = quantity(&view, QUANTITY_memory_total, 1, &memory->total);
    if (answer == SUCCESS)
        answer = quantity(&view, QUANTITY_memory_used, 1, &memory->used);
    if (answer == SUCCESS && quantity(&view, QUANTITY_memory_reserved, 1, &memory->reserved))
        memory->reserved = 0;
    memory->free = memory->used == ULLONG_MAX
                       ? ULLONG_MAX
                       : memory->total - memory->reserved - memory->used;
    return answer;
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t handle, struct memory_v2 *memory)
{
    if (memory->version != (sizeof *memory | 2u << 24))
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

/* --- temperature ------------------------------------------------------------------------------ */

EXPORT nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t handle, unsigned sensor, unsigned *value)
{
    if (sensor != 0)
        return INVALID_ARGUMENT;
    return get_uint(handle, "Temperature", QUANTITY_temperature, 1, value);
}

struct temperature {
    unsigned version, sensor;
    int value;
};

EXPORT nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t handle, struct temperature *temperature)
{
    if (temperature->version != (sizeof *temperature | 1u << 24))
        return VERSION_MISMATCH;
    if (temperature->sensor != 0)
        return INVALID_ARGUMENT;
    return get_uint(handle, "TemperatureV", QUANTITY_temperature, 1,
                    (unsigned *)&temperature->value);
}

struct field_value {
    uint32_t field, scope;
    int64_t timestamp, latency;
    unsigned type;
    nvmlReturn_t answer;
    union {
        unsigned small;
        unsigned long long wide;
    } value;
};

static nvmlReturn_t read_field(const struct view *view, uint32_t field, unsigned long long *value)
{
    switch (field) {
    case 82: return quantity(view, QUANTITY_temperature_memory, 1, value);
    case 185: /* averaged */
    case 186: /* instant */ return quantity(view, QUANTITY_power, MILLI, value);
    default: return NOT_SUPPORTED;
    }
}

EXPORT nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t handle, int count,
                                             struct field_value *fields)
{
    static const unsigned UNSIGNED_INT = 1;
    struct view view;
    nvmlReturn_t answer = enter("FieldValues", handle, &view);

    for (int i = 0; answer == SUCCESS && i < count; i++) {
        unsigned long long value = 0;

        fields[i].answer = read_field(&view, fields[i].field, &value);
        fields[i].timestamp = (int64_t)(view.now * 1e6);
        fields[i].latency = 0;
        fields[i].type = UNSIGNED_INT;
        fields[i].value.wide = (unsigned)value;
    }
    return answer;
}

/* --- power and energy ------------------------------------------------------------------------- */

EXPORT nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t handle, unsigned *milliwatts)
{
    return get_uint(handle, "PowerUsage", QUANTITY_power, MILLI, milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t handle, unsigned *milliwatts)
{
    return get_uint(handle, "EnforcedPowerLimit", QUANTITY_power_limit, MILLI, milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerManagementLimit(nvmlDevice_t handle, unsigned *milliwatts)
{
    return get_uint(handle, "PowerManagementLimit", QUANTITY_power_limit, MILLI, milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerManagementDefaultLimit(nvmlDevice_t handle,
                                                             unsigned *milliwatts)
{
    return get_uint(handle, "PowerManagementDefaultLimit", QUANTITY_power_limit_default, MILLI,
                    milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t handle,
                                                                 unsigned *least, unsigned *most)
{
    static const char CALL[] = "PowerManagementLimitConstraints";
    nvmlReturn_t answer = get_uint(handle, CALL, QUANTITY_power_limit_min, MILLI, least);

    return answer == SUCCESS ? get_uint(handle, CALL, QUANTITY_power_limit_max, MILLI, most)
                             : answer;
}

EXPORT nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t handle,
                                                        unsigned long long *millijoules)
{
    struct view view;
    nvmlReturn_t answer = enter("TotalEnergyConsumption", handle, &view);

    if (answer != SUCCESS)
        return answer;
    if (view.device.signals[QUANTITY_energy].kind != INTEGRAL)
        return quantity(&view, QUANTITY_energy, MILLI, millijoules);
    *millijoules = (unsigned long long)llround(energy_of(handle, view.now) * MILLI);
    return SUCCESS;
}

/* --- clocks and modes ------------------------------------------------------------------------- */

static nvmlReturn_t get_clock(nvmlDevice_t handle, const char *call, enum quantity first,
                              unsigned domain, unsigned *megahertz)
{
    static const unsigned DOMAINS = 4; /* graphics, sm, memory, video: the order in scenario.h */

    return domain < DOMAINS
               ? get_uint(handle, call, (enum quantity)(first + domain), 1, megahertz)
               : INVALID_ARGUMENT;
}

EXPORT nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t handle, unsigned domain, unsigned *megahertz)
{
    return get_clock(handle, "ClockInfo", QUANTITY_clock_graphics, domain, megahertz);
}

EXPORT nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t handle, unsigned domain,
                                              unsigned *megahertz)
{
    return get_clock(handle, "MaxClockInfo", QUANTITY_clock_max_graphics, domain, megahertz);
}

EXPORT nvmlReturn_t nvmlDeviceGetPerformanceState(nvmlDevice_t handle, unsigned *state)
{
    return get_uint(handle, "PerformanceState", QUANTITY_performance_state, 1, state);
}

EXPORT nvmlReturn_t nvmlDeviceGetPersistenceMode(nvmlDevice_t handle, unsigned *mode)
{
    return get_uint(handle, "PersistenceMode", QUANTITY_persistence_mode, 1, mode);
}

EXPORT nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t handle, unsigned *current, unsigned *pending)
{
    struct view view;
    nvmlReturn_t answer = enter("MigMode", handle, &view);

    *current = *pending = 0;
    return answer == SUCCESS ? NOT_SUPPORTED : answer;
}

static nvmlReturn_t no_processes(nvmlDevice_t handle, const char *call, unsigned *count)
{
    struct view view;

    *count = 0;
    return enter(call, handle, &view);
}

EXPORT nvmlReturn_t nvmlDeviceGetComputeRunningProcesses_v3(nvmlDevice_t handle, unsigned *count,
                                                            void *processes)
{
    (void)processes;
    return no_processes(handle, "ComputeRunningProcesses_v3", count);
}

EXPORT nvmlReturn_t nvmlDeviceGetGraphicsRunningProcesses_v3(nvmlDevice_t handle, unsigned *count,
                                                             void *processes)
{
    (void)processes;
    return no_processes(handle, "GraphicsRunningProcesses_v3", count);
}
