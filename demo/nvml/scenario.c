/* Scenario text -> struct scenario. README.md describes the grammar. */

#include "scenario.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_WORDS = 8 };

static const struct shape {
    const char *word;
    enum signal_kind kind;
    int arguments; /* how many numbers have to follow */
} SHAPES[] = {
    {"wave", WAVE, 3},   {"noise", NOISE, 3},       {"ramp", RAMP, 3},
    {"count", COUNT, 1}, {"integral", INTEGRAL, 0}, {"sentinel", SENTINEL, 0},
    {"", CONSTANT, 1}, /* a number without a word before it */
};

/* In the order of enum value_type. */
static const char *const TYPES[] = {"double", "uint", "ulong", "ull", "sll", "sint", "ushort", NULL};

bool number(const char *word, double *value)
{
    char *end;

    *value = strtod(word, &end);
    return end != word && *end == '\0';
}

bool copy(char *target, size_t size, const char *source)
{
    return snprintf(target, size, "%s", source) < (int)size;
}

int split(char *text, char **words, int most)
{
    char *rest = NULL;
    int count = 0;

    for (char *word = strtok_r(text, " \t", &rest); word != NULL && count < most;
         word = strtok_r(NULL, " \t", &rest))
        words[count++] = word;
    return count;
}

static const struct shape *shape_of(const char *word)
{
    const struct shape *shape = SHAPES;

    while (shape->word[0] != '\0' && strcmp(shape->word, word) != 0)
        shape++;
    return shape;
}

/* [TYPE] NUMBER, or [TYPE] SHAPE NUMBERS */
static bool parse_signal(char *text, struct signal *signal)
{
    char *buffer[MAX_WORDS], **words = buffer;
    int count = split(text, buffer, MAX_WORDS);
    const struct shape *shape;

    *signal = (struct signal){0};
    for (int type = 0; count > 0 && TYPES[type] != NULL && !signal->typed; type++)
        if (strcmp(TYPES[type], words[0]) == 0)
            signal->typed = true, signal->type = (enum value_type)type;
    words += signal->typed, count -= signal->typed;
    shape = shape_of(count > 0 ? words[0] : "");
    signal->kind = shape->kind;
    if (shape->kind != CONSTANT)
        words++, count--;
    if (count < shape->arguments || count > 4)
        return false;
    for (int i = 0; i < count; i++)
        if (!number(words[i], &signal->arguments[i]))
            return false;
    return shape->arguments < 3 || signal->arguments[2] > 0;
}

static bool parse_absent(char *text, char *list)
{
    return snprintf(list, LIST_SIZE, " %s ", text) < LIST_SIZE;
}

static bool parse_system(const char *key, char *value, struct scenario *scenario)
{
    if (strcmp(key, "driver_version") == 0)
        return copy(scenario->system.driver_version, TEXT_SIZE, value);
    if (strcmp(key, "nvml_version") == 0)
        return copy(scenario->system.nvml_version, TEXT_SIZE, value);
    if (strcmp(key, "cuda_version") == 0) {
        scenario->system.cuda_version = atoi(value);
        return true;
    }
    if (strcmp(key, "unbind") == 0) {
        scenario->system.unbinds = atoi(value) != 0;
        return true;
    }
    if (strcmp(key, "absent") == 0)
        return parse_absent(value, scenario->system.absent);
    return strcmp(key, "fault") == 0 && fault_parse(value, &scenario->faults);
}

static bool parse_device(const char *key, char *value, struct device *device)
{
    enum key_kind kind = key_kind(key);
    struct entry *entry;

    if (strcmp(key, "fault") == 0)
        return fault_parse(value, &device->faults);
    if (kind == LINE_KEY)
        return device_add_line(device, key, value);
    if (kind == UNKNOWN_KEY || (entry = device_set(device, key)) == NULL)
        return false;
    return kind == TEXT_KEY ? copy(entry->text, TEXT_SIZE, value)
                            : parse_signal(value, &entry->signal);
}

static char *stripped(char *text)
{
    char *end;

    while (isspace((unsigned char)*text))
        text++;
    for (end = text + strlen(text); end > text && isspace((unsigned char)end[-1]); end--)
        end[-1] = '\0';
    return text;
}

static struct device *new_device(struct scenario *scenario)
{
    struct device *device;

    if (scenario->device_count == MAX_DEVICES || (device = calloc(1, sizeof *device)) == NULL)
        return NULL;
    return scenario->devices[scenario->device_count++] = device;
}

static bool parse_line(char *line, struct scenario *scenario, struct device **device)
{
    char *value = strchr(line, '=');

    if (*line == '\0' || *line == '#')
        return true;
    if (strcmp(line, "[system]") == 0) {
        *device = NULL;
        return true;
    }
    if (strcmp(line, "[device]") == 0)
        return (*device = new_device(scenario)) != NULL;
    if (value == NULL)
        return false;
    *value++ = '\0';
    line = stripped(line);
    value = stripped(value);
    return *device == NULL ? parse_system(line, value, scenario)
                           : parse_device(line, value, *device);
}

static bool parse_file(FILE *file, const char *path, struct scenario *scenario)
{
    char line[LINE_SIZE];
    struct device *device = NULL;

    for (int row = 1; fgets(line, sizeof line, file) != NULL; row++)
        if (!parse_line(stripped(line), scenario, &device)) {
            fprintf(stderr, "libnvidia-ml stand-in: %s:%d: not understood\n", path, row);
            return false;
        }
    return true;
}

struct scenario *scenario_read(const char *path, double now)
{
    FILE *file = fopen(path, "r");
    struct scenario *scenario = calloc(1, sizeof *scenario);
    bool good = false;

    if (file == NULL)
        fprintf(stderr, "libnvidia-ml stand-in: cannot read the scenario %s\n", path);
    else if (scenario != NULL)
        good = parse_file(file, path, scenario);
    if (file != NULL)
        fclose(file);
    if (!good) {
        scenario_free(scenario);
        return NULL;
    }
    scenario->loaded_at = now;
    return scenario;
}

void scenario_free(struct scenario *scenario)
{
    if (scenario == NULL)
        return;
    for (size_t i = 0; i < scenario->device_count; i++)
        device_free(scenario->devices[i]);
    free(scenario);
}
