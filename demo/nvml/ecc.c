/* Errors of memory that were corrected or not. */

#include "answer.h"

#include <stdio.h>

/* nvmlMemoryErrorType_t, nvmlEccCounterType_t, nvmlMemoryLocation_t */
static const char *const ERRORS[] = {"corrected", "uncorrected"};
static const char *const COUNTERS[] = {"volatile", "aggregate"};
static const char *const LOCATIONS[] = {
    "l1", "l2", "dram", "register", "texture", "shared", "cbu", "sram",
};

EXPORT nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t handle, unsigned *current, unsigned *pending)
{
    nvmlReturn_t answer = get_uint(handle, "EccMode", "ecc.mode", 1, current);

    *pending = *current;
    if (answer == SUCCESS)
        get_uint(handle, "EccMode", "ecc.mode_pending", 1, pending);
    return answer;
}

GETTER_UINT(DefaultEccMode, "ecc.mode_default", 1)

EXPORT nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t handle, unsigned error,
                                                unsigned counter, unsigned long long *count)
{
    char key[KEY_SIZE];

    if (error >= COUNT_OF(ERRORS) || counter >= COUNT_OF(COUNTERS))
        return INVALID_ARGUMENT;
    snprintf(key, sizeof key, "ecc.errors.%s.%s", ERRORS[error], COUNTERS[counter]);
    return get_wide(handle, "TotalEccErrors", key, count);
}

EXPORT nvmlReturn_t nvmlDeviceGetMemoryErrorCounter(nvmlDevice_t handle, unsigned error,
                                                    unsigned counter, unsigned location,
                                                    unsigned long long *count)
{
    char key[KEY_SIZE];

    if (error >= COUNT_OF(ERRORS) || counter >= COUNT_OF(COUNTERS) ||
        location >= COUNT_OF(LOCATIONS))
        return INVALID_ARGUMENT;
    snprintf(key, sizeof key, "ecc.errors.%s.%s.%s", ERRORS[error], COUNTERS[counter],
             LOCATIONS[location]);
    return get_wide(handle, "MemoryErrorCounter", key, count);
}

struct sram_status {
    unsigned version;
    unsigned long long counts[11];
    unsigned threshold_exceeded;
};

EXPORT nvmlReturn_t nvmlDeviceGetSramEccErrorStatus(nvmlDevice_t handle, struct sram_status *status)
{
    /* In the order of nvmlEccSramErrorStatus_v1_t. */
    static const char *const KEYS[] = {
        "sram.errors.aggregate.parity",    "sram.errors.aggregate.secded",
        "sram.errors.aggregate.corrected", "sram.errors.volatile.parity",
        "sram.errors.volatile.secded",     "sram.errors.volatile.corrected",
        "sram.errors.aggregate.l2",        "sram.errors.aggregate.sm",
        "sram.errors.aggregate.pcie",      "sram.errors.aggregate.mcu",
        "sram.errors.aggregate.other",
    };
    struct view view;
    unsigned long long exceeded;
    nvmlReturn_t answer;

    if (status->version != VERSION_OF(*status, 1))
        return VERSION_MISMATCH;
    answer = enter("SramEccErrorStatus", handle, &view);
    if (answer == SUCCESS)
        answer = quantity(&view, "sram.threshold_exceeded", 1, &exceeded);
    if (answer != SUCCESS)
        return answer;
    for (size_t i = 0; i < COUNT_OF(KEYS); i++)
        status->counts[i] = member(&view, KEYS[i]);
    status->threshold_exceeded = (unsigned)exceeded;
    return SUCCESS;
}
