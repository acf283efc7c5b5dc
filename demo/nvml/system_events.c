/* System events: what the driver as a whole tells of, namely that it is about to be unbound. */

#include "answer.h"

#include <stdlib.h>

enum { UNBIND = 1 }; /* nvmlSystemEventTypeGpuDriverUnbind */

typedef struct system_set {
    unsigned long long bits;
    double since;   /* a file loaded before is not told of */
    double told_of; /* when the file was loaded that was told of last */
} *system_set_t;

struct set_request {
    unsigned version;
    system_set_t set;
};

struct register_request {
    unsigned version;
    unsigned long long bits;
    system_set_t set;
};

struct system_event {
    unsigned long long type;
    unsigned gpu;
};

struct wait_request {
    unsigned version, milliseconds;
    system_set_t set;
    struct system_event *events;
    unsigned most, count;
};

EXPORT nvmlReturn_t nvmlSystemEventSetCreate(struct set_request *request)
{
    struct view view;
    nvmlReturn_t answer = enter("SystemEventSetCreate", NULL, &view);

    if (answer == SUCCESS)
        request->set = calloc(1, sizeof *request->set);
    return answer;
}

EXPORT nvmlReturn_t nvmlSystemEventSetFree(struct set_request *request)
{
    free(request->set);
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlSystemRegisterEvents(struct register_request *request)
{
    struct view view;
    nvmlReturn_t answer = enter("SystemRegisterEvents", NULL, &view);

    if (answer == SUCCESS)
        *request->set = (struct system_set){.bits = request->bits, .since = view.now};
    return answer;
}

/* Never waits: the exporter asks only what there is. */
EXPORT nvmlReturn_t nvmlSystemEventSetWait(struct wait_request *request)
{
    struct view view;
    nvmlReturn_t answer = enter("SystemEventSetWait", NULL, &view);
    system_set_t set = request->set;
    double loaded_at;

    request->count = 0;
    if (answer != SUCCESS)
        return answer;
    loaded_at = view.scenario->loaded_at;
    if (!view.scenario->system.unbinds || (set->bits & UNBIND) == 0 || request->most == 0 ||
        loaded_at < set->since || set->told_of == loaded_at)
        return TIMEOUT;
    set->told_of = loaded_at;
    request->events[0] = (struct system_event){.type = UNBIND};
    request->count = 1;
    return SUCCESS;
}
