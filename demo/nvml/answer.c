/* How exported functions answer. */

#include "answer.h"

#include <limits.h>
#include <math.h>
#include <stdio.h>

nvmlReturn_t write_text(const char *text, char *buffer, unsigned size)
{
    if (text[0] == '\0')
        return NOT_SUPPORTED;
    return snprintf(buffer, size, "%s", text) < (int)size ? SUCCESS : INSUFFICIENT_SIZE;
}

nvmlReturn_t get_text(nvmlDevice_t handle, const char *call, const char *key, char *buffer,
                      unsigned size)
{
    struct view view;
    nvmlReturn_t answer = enter(call, handle, &view);

    return answer == SUCCESS ? write_text(device_text(view.device, key), buffer, size) : answer;
}

unsigned long long rounded(const struct signal *signal, const struct view *view, double scale)
{
    double value;

    if (signal->kind == SENTINEL)
        return ULLONG_MAX;
    value = round(signal_at(signal, view->now, view->scenario->loaded_at) * scale);
    return value < 0 ? (unsigned long long)(long long)value : (unsigned long long)value;
}

nvmlReturn_t quantity(const struct view *view, const char *key, double scale,
                      unsigned long long *value)
{
    const struct signal *signal = device_signal(view->device, key);

    if (signal == NULL)
        return NOT_SUPPORTED;
    *value = rounded(signal, view, scale);
    return SUCCESS;
}

unsigned long long member(const struct view *view, const char *key)
{
    unsigned long long value = 0;

    return quantity(view, key, 1, &value) == SUCCESS ? value : 0;
}

nvmlReturn_t get_uint(nvmlDevice_t handle, const char *call, const char *key, double scale,
                      unsigned *value)
{
    struct view view;
    unsigned long long wide = 0;
    nvmlReturn_t answer = enter(call, handle, &view);

    if (answer == SUCCESS)
        answer = quantity(&view, key, scale, &wide);
    if (answer == SUCCESS)
        *value = (unsigned)wide;
    return answer;
}

nvmlReturn_t get_wide(nvmlDevice_t handle, const char *call, const char *key,
                      unsigned long long *value)
{
    struct view view;
    nvmlReturn_t answer = enter(call, handle, &view);

    return answer == SUCCESS ? quantity(&view, key, 1, value) : answer;
}

nvmlReturn_t get_part(nvmlDevice_t handle, const char *call, const char *key,
                      const char *const *parts, size_t count, unsigned number, unsigned *value)
{
    char whole[KEY_SIZE];

    if (number >= count)
        return INVALID_ARGUMENT;
    snprintf(whole, sizeof whole, "%s.%s", key, parts[number]);
    return get_uint(handle, call, whole, 1, value);
}

nvmlReturn_t get_of(nvmlDevice_t handle, const char *call, const char *key, unsigned number,
                    const char *part, unsigned *value)
{
    char whole[KEY_SIZE];

    snprintf(whole, sizeof whole, "%s.%u.%s", key, number, part);
    return get_uint(handle, call, whole, 1, value);
}
