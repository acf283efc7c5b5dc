/* How exported functions answer: a text or a number of a device, by its key. */

#ifndef ANSWER_H
#define ANSWER_H

#include "library.h"

#define EXPORT __attribute__((visibility("default")))

/* The version that a struct carries in its first member. */
#define VERSION_OF(structure, number) (sizeof(structure) | (unsigned)(number) << 24)

static const double MILLI = 1000;

nvmlReturn_t write_text(const char *text, char *buffer, unsigned size);

/* A text of a device; NOT_SUPPORTED when the file does not name it. */
nvmlReturn_t get_text(nvmlDevice_t handle, const char *call, const char *key, char *buffer,
                      unsigned size);

/* A quantity in the unit of the file times scale; all bits set where the file says sentinel. */
nvmlReturn_t quantity(const struct view *view, const char *key, double scale,
                      unsigned long long *value);

/* A quantity, or 0 when the file does not name it: for members of a struct. */
unsigned long long member(const struct view *view, const char *key);

/* The value of a signal that is not INTEGRAL, rounded; negative ones as two's complement. */
unsigned long long rounded(const struct signal *signal, const struct view *view, double scale);

/* A whole number of a device. */
nvmlReturn_t get_uint(nvmlDevice_t handle, const char *call, const char *key, double scale,
                      unsigned *value);

nvmlReturn_t get_wide(nvmlDevice_t handle, const char *call, const char *key,
                      unsigned long long *value);

/* As get_uint, of the part of a key that NVML knows by a number: KEY.PARTS[number]. */
nvmlReturn_t get_part(nvmlDevice_t handle, const char *call, const char *key,
                      const char *const *parts, size_t count, unsigned number, unsigned *value);

/* As get_uint, of one of several things of a kind: KEY.NUMBER.PART. */
nvmlReturn_t get_of(nvmlDevice_t handle, const char *call, const char *key, unsigned number,
                    const char *part, unsigned *value);

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Functions that are one quantity or one text. */
#define GETTER_UINT(function, key, scale)                                                  \
    EXPORT nvmlReturn_t nvmlDeviceGet##function(nvmlDevice_t handle, unsigned *value)      \
    {                                                                                      \
        return get_uint(handle, #function, key, scale, value);                             \
    }
#define GETTER_WIDE(function, key)                                                         \
    EXPORT nvmlReturn_t nvmlDeviceGet##function(nvmlDevice_t handle,                       \
                                                unsigned long long *value)                 \
    {                                                                                      \
        return get_wide(handle, #function, key, value);                                    \
    }
#define GETTER_TEXT(function, key)                                                         \
    EXPORT nvmlReturn_t nvmlDeviceGet##function(nvmlDevice_t handle, char *buffer,         \
                                                unsigned size)                             \
    {                                                                                      \
        return get_text(handle, #function, key, buffer, size);                             \
    }

#endif
