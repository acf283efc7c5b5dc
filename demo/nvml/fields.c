/* Quantities by number: nvmlDeviceGetFieldValues. */

#include "answer.h"
#include "fields.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

struct field_value {
    uint32_t field, scope;
    int64_t timestamp, latency;
    unsigned type;
    nvmlReturn_t answer;
    union {
        double real;
        unsigned small;
        unsigned long long wide;
        unsigned short tiny;
    } value;
};

static const uint32_t ALL_LINKS = UINT_MAX;
enum { MOST_LINKS = 36 };

static const struct signal *named(const struct view *view, const char *what, uint32_t field,
                                  uint32_t scope)
{
    char key[KEY_SIZE];
    const struct signal *signal;

    snprintf(key, sizeof key, "%s.%u.%u", what, field, scope);
    signal = device_signal(view->device, key);
    if (signal != NULL || scope != 0)
        return signal;
    snprintf(key, sizeof key, "%s.%u", what, field);
    return device_signal(view->device, key);
}

/* What a field follows from: a named quantity, of one link where its key has a place for that. */
static const struct signal *followed(const struct view *view, const struct known *known,
                                     uint32_t scope)
{
    char key[KEY_SIZE];

    if (known == NULL || (scope != 0 && strchr(known->key, '%') == NULL))
        return NULL;
    snprintf(key, sizeof key, known->key, scope);
    return device_signal(view->device, key);
}

/* The return code the file gives a field, in every scope or in this one. */
static nvmlReturn_t fault_of(const struct view *view, uint32_t field, uint32_t scope)
{
    char call[KEY_SIZE];
    double elapsed = view->now - view->scenario->loaded_at;
    const struct fault *fault;

    if (view->device->faults.count == 0)
        return SUCCESS;
    snprintf(call, sizeof call, "field.%u", field);
    fault = fault_for(&view->device->faults, call, elapsed);
    snprintf(call, sizeof call, "field.%u.%u", field, scope);
    fault = fault == NULL ? fault_for(&view->device->faults, call, elapsed) : fault;
    return fault == NULL || fault->code == HANG ? SUCCESS : fault->code;
}

static void put(struct field_value *item, const struct signal *signal, const struct view *view,
                double scale)
{
    unsigned long long value = rounded(signal, view, scale);

    item->type = signal->typed ? signal->type : type_of_field(item->field);
    item->value.wide = value;
    if (item->type == DOUBLE)
        item->value.real = signal_at(signal, view->now, view->scenario->loaded_at) * scale;
    else if (item->type == USHORT)
        item->value.wide = (unsigned short)value;
    else if (item->type == UINT || item->type == SINT)
        item->value.wide = (unsigned)value;
}

/* One scope of a field: what the file says of its number goes before what it follows from. */
static nvmlReturn_t put_one(struct field_value *item, uint32_t scope, nvmlDevice_t handle,
                            const struct view *view)
{
    const struct known *known = known_field(item->field);
    const struct signal *signal = named(view, "field", item->field, scope);
    struct signal joules = {.kind = CONSTANT};
    double scale = 1;

    if (signal == NULL) {
        signal = followed(view, known, scope);
        scale = known == NULL ? 1 : known->scale;
    }
    if (signal == NULL)
        return NOT_SUPPORTED;
    if (signal->kind == INTEGRAL) {
        joules.arguments[0] = energy_of(handle, view->now);
        signal = &joules;
    }
    put(item, signal, view, scale);
    return SUCCESS;
}

/* What the file says of single links, added up, as the driver does. */
static nvmlReturn_t put_sum(struct field_value *item, nvmlDevice_t handle, const struct view *view)
{
    nvmlReturn_t answer = NOT_SUPPORTED;
    struct field_value one = *item;

    for (uint32_t link = 0; link < MOST_LINKS; link++)
        if (put_one(&one, link, handle, view) == SUCCESS) {
            item->value.wide += one.value.wide;
            answer = SUCCESS;
        }
    item->type = ULL;
    return answer;
}

static nvmlReturn_t answer_field(struct field_value *item, nvmlDevice_t handle,
                                 const struct view *view)
{
    nvmlReturn_t fault = fault_of(view, item->field, item->scope);

    if (fault != SUCCESS)
        return fault;
    fault = put_one(item, item->scope, handle, view);
    return fault == NOT_SUPPORTED && item->scope == ALL_LINKS ? put_sum(item, handle, view) : fault;
}

EXPORT nvmlReturn_t nvmlDeviceGetFieldValues(nvmlDevice_t handle, int count,
                                             struct field_value *fields)
{
    struct view view;
    nvmlReturn_t answer = enter("FieldValues", handle, &view);

    for (int i = 0; answer == SUCCESS && i < count; i++) {
        const struct signal *latency = named(&view, "latency", fields[i].field, fields[i].scope);

        fields[i].value.wide = 0;
        fields[i].type = UINT;
        fields[i].timestamp = (int64_t)(view.now * 1e6);
        fields[i].latency = latency == NULL ? 0 : (int64_t)rounded(latency, &view, 1);
        fields[i].answer = answer_field(&fields[i], handle, &view);
    }
    return answer;
}
