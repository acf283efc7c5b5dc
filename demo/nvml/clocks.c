/* How fast a device runs. */

#include "answer.h"

/* In the order of nvmlClockType_t. */
static const char *const CLOCKS[] = {"clock_graphics", "clock_sm", "clock_memory", "clock_video"};
static const char *const HIGHEST[] = {
    "clock_max_graphics", "clock_max_sm", "clock_max_memory", "clock_max_video",
};

static nvmlReturn_t get_clock(nvmlDevice_t handle, const char *call, const char *const *keys,
                              unsigned domain, unsigned *megahertz)
{
    return domain < 4 ? get_uint(handle, call, keys[domain], 1, megahertz) : INVALID_ARGUMENT;
}

EXPORT nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t handle, unsigned domain, unsigned *megahertz)
{
    return get_clock(handle, "ClockInfo", CLOCKS, domain, megahertz);
}

EXPORT nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t handle, unsigned domain,
                                              unsigned *megahertz)
{
    return get_clock(handle, "MaxClockInfo", HIGHEST, domain, megahertz);
}

/* --- why it is not faster --------------------------------------------------------------------- */

GETTER_WIDE(CurrentClocksEventReasons, "clock_events.active")
GETTER_WIDE(SupportedClocksEventReasons, "clock_events.supported")
GETTER_WIDE(CurrentClocksThrottleReasons, "clock_events.active")
GETTER_WIDE(SupportedClocksThrottleReasons, "clock_events.supported")

struct violation_time {
    unsigned long long reference, nanoseconds;
};

EXPORT nvmlReturn_t nvmlDeviceGetViolationStatus(nvmlDevice_t handle, unsigned policy,
                                                 struct violation_time *time)
{
    /* nvmlPerfPolicyType_t */
    static const char *const KEYS[] = {
        "clock_events.time.power",       "clock_events.time.thermal",
        "clock_events.time.sync_boost",  "clock_events.time.board_limit",
        "clock_events.time.low_utilization", "clock_events.time.reliability",
    };

    if (policy >= COUNT_OF(KEYS))
        return INVALID_ARGUMENT;
    time->reference = (unsigned long long)(wall_time() * 1e6);
    return get_wide(handle, "ViolationStatus", KEYS[policy], &time->nanoseconds);
}
