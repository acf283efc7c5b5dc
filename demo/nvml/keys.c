/* A device's values by key: entries in the order of the file, found by a hash of their key. */

#include "scenario.h"

#include <stdlib.h>
#include <string.h>

/* FNV-1a */
static uint32_t scattered(const char *key)
{
    uint32_t hash = 2166136261u;

    for (; *key != '\0'; key++)
        hash = (hash ^ (unsigned char)*key) * 16777619u;
    return hash;
}

/* Where a key stands, or the free place where it belongs. */
static size_t place_of(const struct device *device, const char *key)
{
    size_t place = scattered(key) % KEY_PLACES;

    while (device->places[place] != 0 &&
           strcmp(device->entries[device->places[place] - 1].key, key) != 0)
        place = (place + 1) % KEY_PLACES;
    return place;
}

static const struct entry *find(const struct device *device, const char *key)
{
    uint16_t place = device->places[place_of(device, key)];

    return place == 0 ? NULL : &device->entries[place - 1];
}

/* Makes room for one more of what there are count of: doubles when count is a power of two. */
static void *grown(void *items, size_t count, size_t size)
{
    return (count & (count - 1)) != 0 ? items : realloc(items, (count == 0 ? 1 : 2 * count) * size);
}

struct entry *device_set(struct device *device, const char *key)
{
    size_t place = place_of(device, key);
    struct entry *entries;

    if (device->places[place] != 0)
        return &device->entries[device->places[place] - 1];
    if (device->entry_count == MAX_KEYS)
        return NULL;
    entries = grown(device->entries, device->entry_count, sizeof *entries);
    if (entries == NULL)
        return NULL;
    device->entries = entries;
    entries += device->entry_count++;
    memset(entries, 0, sizeof *entries);
    device->places[place] = (uint16_t)device->entry_count;
    return copy(entries->key, KEY_SIZE, key) ? entries : NULL;
}

const char *device_text(const struct device *device, const char *key)
{
    const struct entry *entry = find(device, key);

    return entry == NULL ? "" : entry->text;
}

const struct signal *device_signal(const struct device *device, const char *key)
{
    const struct entry *entry = find(device, key);

    return entry == NULL ? NULL : &entry->signal;
}

bool device_add_line(struct device *device, const char *key, const char *text)
{
    struct line *lines = grown(device->lines, device->line_count, sizeof *lines);
    char *kept = strdup(text);

    if (lines != NULL)
        device->lines = lines;
    if (lines == NULL || kept == NULL || !copy(lines[device->line_count].key, KEY_SIZE, key)) {
        free(kept);
        return false;
    }
    lines[device->line_count++].text = kept;
    return true;
}

const char *device_line(const struct device *device, const char *key, size_t *position)
{
    while (*position < device->line_count) {
        const struct line *line = &device->lines[(*position)++];

        if (strcmp(line->key, key) == 0)
            return line->text;
    }
    return NULL;
}

void device_free(struct device *device)
{
    for (size_t i = 0; i < device->line_count; i++)
        free(device->lines[i].text);
    free(device->lines);
    free(device->entries);
    free(device);
}
