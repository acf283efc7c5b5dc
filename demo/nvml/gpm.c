/* GPM: what units of a device, or of a MIG GPU instance, did on average between two samples.
 *
 * A sample keeps only its time: the average is the integral of the quantity, gpm.METRIC or
 * instance.GPU.gpm.METRIC, over the time between two.
 */

#include "answer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_METRICS = 477, WHOLE_DEVICE = -1, STEPS = 64 };

struct sample {
    struct slot *slot;
    int gpu_instance;
    double at; /* Unix time; 0 = not taken yet */
};

struct support {
    unsigned version, supported;
};

struct metric {
    unsigned id;
    nvmlReturn_t answer;
    double value;
    const char *names[3];
};

struct metrics {
    unsigned version, count;
    struct sample *first, *second;
    struct metric items[MOST_METRICS];
};

static bool has_gpm(const struct device *device)
{
    for (size_t i = 0; i < device->entry_count; i++)
        if (strstr(device->entries[i].key, "gpm.") != NULL)
            return true;
    return false;
}

EXPORT nvmlReturn_t nvmlGpmQueryDeviceSupport(nvmlDevice_t handle, struct support *support)
{
    struct view view;
    nvmlReturn_t answer = enter("GpmQueryDeviceSupport", handle, &view);

    if (answer == SUCCESS)
        support->supported = has_gpm(view.device);
    return answer;
}

EXPORT nvmlReturn_t nvmlGpmSampleAlloc(struct sample **sample)
{
    struct view view;
    nvmlReturn_t answer = enter("GpmSampleAlloc", NULL, &view);

    if (answer == SUCCESS && (*sample = calloc(1, sizeof **sample)) == NULL)
        answer = INSUFFICIENT_SIZE;
    return answer;
}

EXPORT nvmlReturn_t nvmlGpmSampleFree(struct sample *sample)
{
    free(sample);
    return SUCCESS;
}

static nvmlReturn_t take(const char *call, nvmlDevice_t handle, int gpu_instance,
                         struct sample *sample)
{
    struct view view;
    nvmlReturn_t answer = enter(call, handle, &view);

    if (answer == SUCCESS && !has_gpm(view.device))
        answer = NOT_SUPPORTED;
    if (answer == SUCCESS)
        *sample = (struct sample){handle, gpu_instance, view.now};
    return answer;
}

EXPORT nvmlReturn_t nvmlGpmSampleGet(nvmlDevice_t handle, struct sample *sample)
{
    return take("GpmSampleGet", handle, WHOLE_DEVICE, sample);
}

EXPORT nvmlReturn_t nvmlGpmMigSampleGet(nvmlDevice_t handle, unsigned gpu_instance,
                                        struct sample *sample)
{
    return take("GpmMigSampleGet", handle, (int)gpu_instance, sample);
}

static const struct signal *signal_of(const struct view *view, int gpu_instance, unsigned metric)
{
    char key[KEY_SIZE];

    if (gpu_instance == WHOLE_DEVICE)
        snprintf(key, sizeof key, "gpm.%u", metric);
    else
        snprintf(key, sizeof key, "instance.%d.gpm.%u", gpu_instance, metric);
    return device_signal(view->device, key);
}

/* In steps, because an integral looks at no more than one point of every second. */
static double average(const struct signal *signal, double start, double end, double loaded_at)
{
    double sum = 0, length = (end - start) / STEPS;

    for (int i = 0; i < STEPS; i++)
        sum += signal_integral(signal, start + i * length, start + (i + 1) * length, loaded_at);
    return sum / (end - start);
}

static void fill(const struct view *view, const struct metrics *metrics, struct metric *metric)
{
    const struct sample *first = metrics->first, *second = metrics->second;
    const struct signal *signal = signal_of(view, first->gpu_instance, metric->id);

    metric->answer = signal == NULL ? NOT_SUPPORTED : SUCCESS;
    if (signal != NULL && signal->kind == SENTINEL)
        metric->value = NAN;
    else if (signal != NULL)
        metric->value = average(signal, first->at, second->at, view->scenario->loaded_at);
}

EXPORT nvmlReturn_t nvmlGpmMetricsGet(struct metrics *metrics)
{
    struct sample *first = metrics->first, *second = metrics->second;
    struct view view;
    nvmlReturn_t answer;

    if (metrics->version != 1)
        return VERSION_MISMATCH;
    if (metrics->count > MOST_METRICS || first->slot != second->slot || first->at == 0 ||
        first->gpu_instance != second->gpu_instance || second->at <= first->at)
        return INVALID_ARGUMENT;
    answer = enter("GpmMetricsGet", second->slot, &view);
    for (unsigned i = 0; answer == SUCCESS && i < metrics->count; i++)
        fill(&view, metrics, &metrics->items[i]);
    return answer;
}
