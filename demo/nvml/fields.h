/* Fields that follow from quantities with a name (known.c). */

#ifndef FIELDS_H
#define FIELDS_H

#include "scenario.h"

struct known {
    uint32_t field;
    enum value_type type;
    const char *key; /* %u stands for the scope */
    double scale;    /* from the file's unit to NVML's */
};

/* NULL = the field is what the file says of its number, if anything. */
const struct known *known_field(uint32_t field);

enum value_type type_of_field(uint32_t field);

#endif
