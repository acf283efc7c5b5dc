/* Accounts of processes: PID SM MEMORY MAX_BYTES MILLISECONDS START RUNNING. */

#include "answer.h"

#include <stdio.h>

EXPORT nvmlReturn_t nvmlDeviceGetAccountingMode(nvmlDevice_t handle, unsigned *mode)
{
    return get_uint(handle, "AccountingMode", "accounting.mode", 1, mode);
}

EXPORT nvmlReturn_t nvmlDeviceGetAccountingBufferSize(nvmlDevice_t handle, unsigned *size)
{
    return get_uint(handle, "AccountingBufferSize", "accounting.buffer_size", 1, size);
}

EXPORT nvmlReturn_t nvmlDeviceGetAccountingPids(nvmlDevice_t handle, unsigned *count,
                                                unsigned *pids)
{
    struct view view;
    size_t position = 0;
    unsigned found = 0, pid;
    const char *text;
    nvmlReturn_t answer = enter("AccountingPids", handle, &view);

    while (answer == SUCCESS && (text = device_line(view.device, "account", &position)) != NULL) {
        if (sscanf(text, "%u", &pid) != 1)
            continue;
        if (found < *count)
            pids[found] = pid;
        found++;
    }
    if (answer == SUCCESS && found > *count)
        answer = INSUFFICIENT_SIZE;
    *count = found;
    return answer;
}

struct stats {
    unsigned sm, memory;
    unsigned long long most_bytes, milliseconds, start;
    unsigned running, reserved[5];
};

EXPORT nvmlReturn_t nvmlDeviceGetAccountingStats(nvmlDevice_t handle, unsigned pid,
                                                 struct stats *stats)
{
    struct view view;
    size_t position = 0;
    const char *text;
    nvmlReturn_t answer = enter("AccountingStats", handle, &view);

    if (answer != SUCCESS)
        return answer;
    while ((text = device_line(view.device, "account", &position)) != NULL) {
        struct stats found = {0};
        unsigned owner;
        double start;

        if (sscanf(text, "%u %u %u %llu %llu %lf %u", &owner, &found.sm, &found.memory,
                   &found.most_bytes, &found.milliseconds, &start, &found.running) == 7 &&
            owner == pid) {
            found.start = (unsigned long long)(start * 1e6);
            *stats = found;
            return SUCCESS;
        }
    }
    return NOT_FOUND;
}
