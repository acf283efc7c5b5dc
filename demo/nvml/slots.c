/* Handles: a device's, found by its UUID, and a MIG instance's, by its place on its device. */

#include "library.h"

#include <pthread.h>
#include <string.h>

enum { MAX_SLOTS = 1024 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct slot slots[MAX_SLOTS];
static size_t slot_count;

static bool is(const struct slot *slot, const struct slot *parent, unsigned instance,
               const char *uuid)
{
    if (slot->parent != parent)
        return false;
    return parent == NULL ? strcmp(slot->uuid, uuid) == 0 : slot->instance == instance;
}

static struct slot *slot_of(struct slot *parent, unsigned instance, const char *uuid)
{
    struct slot *slot = NULL;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; slot == NULL && i < slot_count; i++)
        if (is(&slots[i], parent, instance, uuid))
            slot = &slots[i];
    if (slot == NULL && slot_count < MAX_SLOTS) {
        slot = &slots[slot_count];
        *slot = (struct slot){.parent = parent, .instance = instance};
        copy(slot->uuid, TEXT_SIZE, uuid);
        slot_count++;
    }
    if (slot != NULL && parent != NULL)
        copy(slot->uuid, TEXT_SIZE, uuid);
    pthread_mutex_unlock(&lock);
    return slot;
}

struct slot *slot_of_device(const struct device *device)
{
    return slot_of(NULL, 0, device_text(device, "uuid"));
}

struct slot *slot_of_instance(struct slot *parent, unsigned instance, const char *uuid)
{
    return slot_of(parent, instance, uuid);
}

struct slot *slot_number(size_t number)
{
    struct slot *slot;

    pthread_mutex_lock(&lock);
    slot = number < slot_count ? &slots[number] : NULL;
    pthread_mutex_unlock(&lock);
    return slot;
}
