/* How hot a device is, and how its fans turn. */

#include "answer.h"

#include <stdio.h>

EXPORT nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t handle, unsigned sensor, unsigned *value)
{
    if (sensor != 0)
        return INVALID_ARGUMENT;
    return get_uint(handle, "Temperature", "temperature", 1, value);
}

struct temperature {
    unsigned version, sensor;
    int value;
};

EXPORT nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t handle, struct temperature *temperature)
{
    if (temperature->version != VERSION_OF(*temperature, 1))
        return VERSION_MISMATCH;
    if (temperature->sensor != 0)
        return INVALID_ARGUMENT;
    return get_uint(handle, "TemperatureV", "temperature", 1,
                    (unsigned *)&temperature->value);
}

EXPORT nvmlReturn_t nvmlDeviceGetTemperatureThreshold(nvmlDevice_t handle, unsigned threshold,
                                                      unsigned *value)
{
    /* nvmlTemperatureThresholds_t */
    static const char *const PARTS[] = {
        "shutdown", "slowdown", "memory_max", "gpu_max",
        "acoustic_min", "acoustic_current", "acoustic_max", "gps",
    };

    return get_part(handle, "TemperatureThreshold", "threshold", PARTS, COUNT_OF(PARTS), threshold,
                    value);
}

struct margin {
    unsigned version;
    int value;
};

EXPORT nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t handle, struct margin *margin)
{
    if (margin->version != VERSION_OF(*margin, 1))
        return VERSION_MISMATCH;
    return get_uint(handle, "MarginTemperature", "temperature_margin", 1,
                    (unsigned *)&margin->value);
}

/* --- fans ------------------------------------------------------------------------------------- */

EXPORT nvmlReturn_t nvmlDeviceGetNumFans(nvmlDevice_t handle, unsigned *count)
{
    char key[KEY_SIZE];
    struct view view;
    nvmlReturn_t answer = enter("NumFans", handle, &view);

    if (answer != SUCCESS)
        return answer;
    for (*count = 0;; ++*count) {
        snprintf(key, sizeof key, "fan.%u.speed", *count);
        if (device_signal(view.device, key) == NULL)
            break;
    }
    return *count == 0 ? NOT_SUPPORTED : SUCCESS;
}

GETTER_UINT(FanSpeed, "fan.0.speed", 1)

EXPORT nvmlReturn_t nvmlDeviceGetFanSpeed_v2(nvmlDevice_t handle, unsigned fan, unsigned *percent)
{
    return get_of(handle, "FanSpeed_v2", "fan", fan, "speed", percent);
}

struct fan_rpm {
    unsigned version, fan, speed;
};

EXPORT nvmlReturn_t nvmlDeviceGetFanSpeedRPM(nvmlDevice_t handle, struct fan_rpm *rpm)
{
    if (rpm->version != VERSION_OF(*rpm, 1))
        return VERSION_MISMATCH;
    return get_of(handle, "FanSpeedRPM", "fan", rpm->fan, "rpm", &rpm->speed);
}
