/* How much power a device draws and may draw, and the energy it has used. */

#include "answer.h"

#include <math.h>

EXPORT nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t handle, unsigned *milliwatts)
{
    return get_uint(handle, "PowerUsage", "power", MILLI, milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t handle, unsigned *milliwatts)
{
    return get_uint(handle, "EnforcedPowerLimit", "power_limit", MILLI, milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerManagementLimit(nvmlDevice_t handle, unsigned *milliwatts)
{
    return get_uint(handle, "PowerManagementLimit", "power_limit", MILLI, milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerManagementDefaultLimit(nvmlDevice_t handle,
                                                             unsigned *milliwatts)
{
    return get_uint(handle, "PowerManagementDefaultLimit", "power_limit_default", MILLI,
                    milliwatts);
}

EXPORT nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t handle,
                                                                 unsigned *least, unsigned *most)
{
    static const char CALL[] = "PowerManagementLimitConstraints";
    nvmlReturn_t answer = get_uint(handle, CALL, "power_limit_min", MILLI, least);

    return answer == SUCCESS ? get_uint(handle, CALL, "power_limit_max", MILLI, most)
                             : answer;
}

EXPORT nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t handle,
                                                        unsigned long long *millijoules)
{
    struct view view;
    const struct signal *energy;
    nvmlReturn_t answer = enter("TotalEnergyConsumption", handle, &view);

    if (answer != SUCCESS)
        return answer;
    energy = device_signal(view.device, "energy");
    if (energy == NULL || energy->kind != INTEGRAL)
        return quantity(&view, "energy", MILLI, millijoules);
    *millijoules = (unsigned long long)llround(energy_of(handle, view.now) * MILLI);
    return SUCCESS;
}
