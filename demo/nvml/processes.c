/* Processes on a device or a MIG instance: PID KIND BYTES [GPU_ID [COMPUTE_ID]]. */

#include "mig.h"

#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct process {
    unsigned pid;
    unsigned long long bytes;
    unsigned gpu_instance, compute_instance;
};

enum { LONG_RECORD = 32, NO_INSTANCE = -1 };

/* An unknown number of bytes is written "-". */
static bool parse(const char *text, const char *kind, struct process *process)
{
    char word[TEXT_SIZE], bytes[TEXT_SIZE];
    int gpu = NO_INSTANCE, compute = 0;

    if (sscanf(text, "%u %95s %95s %d %d", &process->pid, word, bytes, &gpu, &compute) < 3 ||
        strcmp(word, kind) != 0)
        return false;
    if (sscanf(bytes, "%llu", &process->bytes) != 1)
        process->bytes = ULLONG_MAX;
    process->gpu_instance = (unsigned)gpu;
    process->compute_instance = gpu == NO_INSTANCE ? (unsigned)NO_INSTANCE : (unsigned)compute;
    return true;
}

static bool is_on(const struct process *process, const struct slot *slot,
                  const struct instance *instance)
{
    return slot->parent == NULL || (process->gpu_instance == instance->gpu &&
                                    process->compute_instance == instance->compute);
}

/* How far apart records stand: some drivers had one more member in the third version. */
static size_t stride(const struct view *view, const char *call)
{
    unsigned major = 0, minor = 0;

    sscanf(view->scenario->system.driver_version, "%u.%u", &major, &minor);
    return strstr(call, "_v3") != NULL && major == 535 && minor < 98 ? LONG_RECORD
                                                                      : sizeof(struct process);
}

static nvmlReturn_t list(const char *call, const char *kind, nvmlDevice_t handle, unsigned *count,
                         void *records)
{
    struct view view;
    struct instance instance = {0};
    struct process process;
    size_t position = 0;
    unsigned found = 0;
    const char *text;
    nvmlReturn_t answer = enter_part(call, handle, &view, &instance);

    if (answer != SUCCESS)
        return answer;
    while ((text = device_line(view.device, "process", &position)) != NULL) {
        if (!parse(text, kind, &process) || !is_on(&process, handle, &instance))
            continue;
        if (found < *count)
            memcpy((char *)records + found * stride(&view, call), &process, sizeof process);
        found++;
    }
    answer = found > *count ? INSUFFICIENT_SIZE : SUCCESS;
    *count = found;
    return answer;
}

#define LIST(name, kind)                                                                         \
    EXPORT nvmlReturn_t nvmlDeviceGet##name(nvmlDevice_t handle, unsigned *count, void *records) \
    {                                                                                            \
        return list(#name, kind, handle, count, records);                                        \
    }

LIST(ComputeRunningProcesses_v3, "compute")
LIST(ComputeRunningProcesses_v2, "compute")
LIST(GraphicsRunningProcesses_v3, "graphics")
LIST(GraphicsRunningProcesses_v2, "graphics")
LIST(MPSComputeRunningProcesses_v3, "mps")
LIST(MPSComputeRunningProcesses_v2, "mps")

/* --- what they use: PID SM MEMORY ENCODER DECODER [SECONDS_AGO] -------------------------------- */

struct use {
    unsigned pid;
    unsigned long long timestamp;
    unsigned sm, memory, encoder, decoder;
};

EXPORT nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t handle, struct use *uses,
                                                    unsigned *count, unsigned long long since)
{
    struct view view;
    size_t position = 0;
    unsigned found = 0;
    const char *text;
    nvmlReturn_t answer = enter("ProcessUtilization", handle, &view);

    if (answer != SUCCESS)
        return answer;
    while ((text = device_line(view.device, "process_use", &position)) != NULL) {
        struct use use = {0};
        double ago = 0;

        if (sscanf(text, "%u %u %u %u %u %lf", &use.pid, &use.sm, &use.memory, &use.encoder,
                   &use.decoder, &ago) < 5)
            continue;
        use.timestamp = (unsigned long long)((view.now - ago) * 1e6);
        if (use.timestamp < since)
            continue;
        if (uses != NULL && found < *count)
            uses[found] = use;
        found++;
    }
    answer = found == 0 ? NOT_FOUND : uses == NULL || found > *count ? INSUFFICIENT_SIZE : SUCCESS;
    *count = found;
    return answer;
}
