/* Events: what a device tells of by itself, to sets that were registered before it happened. */

#include "answer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_EVENTS = 16, MAX_EVENT_WORDS = 8 };

static const struct kind {
    const char *word;
    unsigned long long bit; /* nvmlEventType */
} KINDS[] = {
    {"ecc_corrected", 0x1},       {"ecc_uncorrected", 0x2},  {"xid", 0x8},
    {"mig_config", 0x100},        {"ecc_storm", 0x200},      {"retirement", 0x400},
    {"retirement_failure", 0x800}, {"poison_non_fatal", 0x1000}, {"poison_fatal", 0x2000},
    {"unavailable", 0x4000},      {"recovery_action", 0x8000},
};

/* KIND [NUMBER] [from=SECONDS] [count=N] [instance=ID] */
struct happening {
    unsigned long long bit, data;
    double from, count, instance;
};

/* What a set is told of one device. */
struct registration {
    struct registration *next;
    nvmlDevice_t device;
    unsigned long long bits;
    double since;             /* what happened before is not told */
    double loaded_at;         /* of the file that these were counted in */
    double told[MAX_EVENTS]; /* how often each line of it was told */
};

typedef struct event_set {
    struct registration *first;
} *nvmlEventSet_t;

struct event_data {
    nvmlDevice_t device;
    unsigned long long type, data;
    unsigned gpu_instance, compute_instance;
};

static bool option(const char *word, const char *name, double *value)
{
    size_t length = strlen(name);

    return strncmp(word, name, length) == 0 && word[length] == '=' &&
           number(word + length + 1, value);
}

static bool parse(const char *text, struct happening *happening)
{
    char line[LINE_SIZE], *words[MAX_EVENT_WORDS];
    double data;
    int count;

    if (!copy(line, sizeof line, text))
        return false;
    count = split(line, words, MAX_EVENT_WORDS);
    *happening = (struct happening){.count = 1, .instance = -1};
    for (size_t i = 0; count > 0 && i < sizeof KINDS / sizeof KINDS[0]; i++)
        if (strcmp(words[0], KINDS[i].word) == 0)
            happening->bit = KINDS[i].bit;
    for (int i = 1; i < count; i++)
        if (i == 1 && number(words[i], &data))
            happening->data = (unsigned long long)data;
        else if (!option(words[i], "from", &happening->from) &&
                 !option(words[i], "count", &happening->count) &&
                 !option(words[i], "instance", &happening->instance))
            return false;
    return happening->bit != 0;
}

/* The handle's device as the file says it is now; NULL when the file no longer names it. */
static const struct device *named(const struct view *view, const struct slot *slot)
{
    for (size_t i = 0; i < view->scenario->device_count; i++)
        if (strcmp(device_text(view->scenario->devices[i], "uuid"), slot->uuid) == 0)
            return view->scenario->devices[i];
    return NULL;
}

static void tell(struct event_data *event, nvmlDevice_t device, const struct happening *happening)
{
    static const unsigned NONE = 0xFFFFFFFF;

    *event = (struct event_data){device, happening->bit, happening->data, NONE, NONE};
    if (happening->instance >= 0) {
        event->gpu_instance = (unsigned)happening->instance;
        event->compute_instance = 0;
    }
}

static bool next_of(struct registration *at, const struct view *view, struct event_data *event)
{
    const struct device *device = named(view, at->device);
    struct happening happening;
    size_t position = 0;
    const char *text;

    if (at->loaded_at != view->scenario->loaded_at) {
        at->loaded_at = view->scenario->loaded_at;
        memset(at->told, 0, sizeof at->told);
    }
    for (size_t i = 0; device != NULL && i < MAX_EVENTS; i++) {
        double when;

        if ((text = device_line(device, "event", &position)) == NULL)
            return false;
        if (!parse(text, &happening) || (happening.bit & at->bits) == 0)
            continue;
        when = at->loaded_at + happening.from;
        if (when < at->since || when > view->now || at->told[i] >= happening.count)
            continue;
        at->told[i]++;
        tell(event, at->device, &happening);
        return true;
    }
    return false;
}

EXPORT nvmlReturn_t nvmlEventSetCreate(nvmlEventSet_t *set)
{
    struct view view;
    nvmlReturn_t answer = enter("EventSetCreate", NULL, &view);

    if (answer == SUCCESS)
        *set = calloc(1, sizeof **set);
    return answer;
}

EXPORT nvmlReturn_t nvmlEventSetFree(nvmlEventSet_t set)
{
    while (set->first != NULL) {
        struct registration *gone = set->first;

        set->first = gone->next;
        free(gone);
    }
    free(set);
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t handle, unsigned long long *bits)
{
    struct view view;
    nvmlReturn_t answer = enter("SupportedEventTypes", handle, &view);

    return answer == SUCCESS ? quantity(&view, "event_types", 1, bits) : answer;
}

EXPORT nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t handle, unsigned long long bits,
                                             nvmlEventSet_t set)
{
    struct view view;
    struct registration *fresh;
    unsigned long long supported = 0;
    nvmlReturn_t answer = enter("RegisterEvents", handle, &view);

    if (answer == SUCCESS)
        answer = quantity(&view, "event_types", 1, &supported);
    if (answer != SUCCESS || (bits & ~supported) != 0)
        return answer == SUCCESS ? NOT_SUPPORTED : answer;
    fresh = calloc(1, sizeof *fresh);
    *fresh = (struct registration){
        .next = set->first, .device = handle, .bits = bits, .since = view.now};
    set->first = fresh;
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlEventSetWait_v2(nvmlEventSet_t set, struct event_data *event,
                                        unsigned milliseconds)
{
    /* A wait of the real driver's costs nothing; this one looks at the file at each turn. */
    static const struct timespec NAP = {.tv_nsec = 40 * 1000 * 1000};
    double end = wall_time() + milliseconds / 1000.0;
    struct view view;

    for (;;) {
        nvmlReturn_t answer = enter("EventSetWait_v2", NULL, &view);

        if (answer != SUCCESS)
            return answer;
        for (struct registration *at = set->first; at != NULL; at = at->next)
            if (next_of(at, &view, event))
                return SUCCESS;
        if (view.now >= end)
            return TIMEOUT;
        nanosleep(&NAP, NULL);
    }
}
