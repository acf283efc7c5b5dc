/* Scenario text -> struct scenario. README.md describes the grammar. */

#include "scenario.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE = 2048, MAX_WORDS = 8 };

struct name {
    const char *word;
    int number;
    int arguments; /* how many numbers have to follow */
};

#define TEXT_NAME(name) #name,
#define QUANTITY_NAME(name) #name,
static const char *const TEXT_NAMES[] = {TEXTS(TEXT_NAME)};
static const char *const QUANTITY_NAMES[] = {QUANTITIES(QUANTITY_NAME)};

static const struct name SIGNALS[] = {
    {"wave", WAVE, 3}, {"noise", NOISE, 3},       {"ramp", RAMP, 3},
    {"integral", INTEGRAL, 0}, {"sentinel", SENTINEL, 0}, {NULL, 0, 0},
};

static const struct name FAULTS[] = {
    {"uninitialized", 1, 0},     {"not_supported", 3, 0},     {"no_permission", 4, 0},
    {"not_found", 6, 0},         {"driver_not_loaded", 9, 0}, {"corrupted_inforom", 14, 0},
    {"gpu_lost", 15, 0},         {"reset_required", 16, 0},   {"driver_mismatch", 18, 0},
    {"unknown", 999, 0},         {"hang", HANG, 1},           {NULL, 0, 0},
};

static const struct name *find(const struct name *names, const char *word)
{
    while (names->word != NULL && strcmp(names->word, word) != 0)
        names++;
    return names->word == NULL ? NULL : names;
}

static int position(const char *const *names, int count, const char *word)
{
    for (int i = 0; i < count; i++)
        if (strcmp(names[i], word) == 0)
            return i;
    return -1;
}

static bool number(const char *word, double *value)
{
    char *end;

    *value = strtod(word, &end);
    return end != word && *end == '\0';
}

static bool copy(char *target, size_t size, const char *source)
{
    return snprintf(target, size, "%s", source) < (int)size;
}

/* Cuts a text into words, in place; returns how many there are. */
static int split(char *text, char **words)
{
    char *rest = NULL;
    int count = 0;

    for (char *word = strtok_r(text, " \t", &rest); word != NULL && count < MAX_WORDS;
         word = strtok_r(NULL, " \t", &rest))
        words[count++] = word;
    return count;
}

static bool parse_signal(char *text, struct signal *signal)
{
    char *words[MAX_WORDS];
    int count = split(text, words);
    const struct name *kind = count > 0 ? find(SIGNALS, words[0]) : NULL;
    int first = kind == NULL ? 0 : 1;
    int required = kind == NULL ? 1 : kind->arguments;

    signal->kind = kind == NULL ? CONSTANT : (enum signal_kind)kind->number;
    if (count - first < required || count - first > 4)
        return false;
    for (int i = first; i < count; i++)
        if (!number(words[i], &signal->arguments[i - first]))
            return false;
    return required < 3 || signal->arguments[2] > 0;
}

/* CALL KIND [SECONDS] [from=SECONDS] */
static bool parse_fault(char *text, struct faults *faults)
{
    char *words[MAX_WORDS];
    int count = split(text, words);
    const struct name *kind = count > 1 ? find(FAULTS, words[1]) : NULL;
    struct fault *fault = &faults->items[faults->count];
    int next = 2;

    if (kind == NULL || faults->count == MAX_FAULTS)
        return false;
    *fault = (struct fault){.code = kind->number};
    if (!copy(fault->call, sizeof fault->call, words[0]))
        return false;
    if (kind->arguments > 0 && (next == count || !number(words[next++], &fault->seconds)))
        return false;
    if (next < count && strncmp(words[next], "from=", 5) == 0 &&
        !number(words[next++] + 5, &fault->from))
        return false;
    faults->count++;
    return next == count;
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
    if (strcmp(key, "absent") == 0)
        return parse_absent(value, scenario->system.absent);
    return strcmp(key, "fault") == 0 && parse_fault(value, &scenario->faults);
}

static bool parse_device(const char *key, char *value, struct device *device)
{
    int text = position(TEXT_NAMES, TEXT_COUNT, key);
    int quantity = position(QUANTITY_NAMES, QUANTITY_COUNT, key);

    if (text >= 0)
        return copy(device->texts[text], TEXT_SIZE, value);
    if (quantity >= 0)
        return parse_signal(value, &device->signals[quantity]);
    return strcmp(key, "fault") == 0 && parse_fault(value, &device->faults);
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

static bool parse_line(char *line, struct scenario *scenario, struct device **device)
{
    char *value = strchr(line, '=');

    if (*line == '\0' || *line == '#')
        return true;
    if (strcmp(line, "[system]") == 0) {
        *device = NULL;
        return true;
    }
    if (strcmp(line, "[device]") == 0) {
        if (scenario->device_count == MAX_DEVICES)
            return false;
        *device = &scenario->devices[scenario->device_count++];
        return true;
    }
    if (value == NULL)
        return false;
    *value++ = '\0';
    line = stripped(line);
    value = stripped(value);
    return *device == NULL ? parse_system(line, value, scenario)
                           : parse_device(line, value, *device);
}

bool scenario_read(const char *path, double now, struct scenario *scenario)
{
    char line[LINE_SIZE];
    struct device *device = NULL;
    FILE *file = fopen(path, "r");
    bool good = file != NULL;

    memset(scenario, 0, sizeof *scenario);
    scenario->loaded_at = now;
    if (!good)
        fprintf(stderr, "libnvidia-ml stand-in: cannot read the scenario %s\n", path);
    for (int row = 1; good && fgets(line, sizeof line, file) != NULL; row++) {
        good = parse_line(stripped(line), scenario, &device);
        if (!good)
            fprintf(stderr, "libnvidia-ml stand-in: %s:%d: not understood\n", path, row);
    }
    if (file != NULL)
        fclose(file);
    return good;
}
