/* The library's state: scenario, handles, and the gate every call comes through. */

#include "library.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct scenario scenario;
static bool scenario_good;
static struct stat scenario_file;
static char loaded_driver[TEXT_SIZE]; /* the driver this image of the library belongs to */
static struct slot slots[MAX_DEVICES * 4];
static size_t slot_count;
static int initialised;

static double wall_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* --- the scenario, always under the lock ------------------------------------------------------ */

static const struct device *device_of(const struct slot *slot)
{
    for (size_t i = 0; i < scenario.device_count; i++)
        if (strcmp(scenario.devices[i].texts[TEXT_uuid], slot->uuid) == 0)
            return &scenario.devices[i];
    return NULL;
}

static struct slot *slot_of(const struct device *device)
{
    const char *uuid = device->texts[TEXT_uuid];

    for (size_t i = 0; i < slot_count; i++)
        if (strcmp(slots[i].uuid, uuid) == 0)
            return &slots[i];
    if (slot_count == sizeof slots / sizeof slots[0])
        return NULL;
    memcpy(slots[slot_count].uuid, uuid, TEXT_SIZE);
    return &slots[slot_count++];
}

/* Counts a device's energy up to now: called before its power may change and when it is asked. */
static void count_energy(struct slot *slot, double now)
{
    const struct device *device = device_of(slot);

    if (device == NULL || device->signals[QUANTITY_energy].kind != INTEGRAL ||
        now <= slot->energy_at)
        return;
    if (slot->energy_at == 0)
        slot->energy = device->signals[QUANTITY_energy].arguments[0];
    else
        slot->energy += signal_integral(&device->signals[QUANTITY_power], slot->energy_at, now,
                                        scenario.loaded_at);
    slot->energy_at = now;
}

static bool changed(const struct stat *a, const struct stat *b)
{
    return a->st_ino != b->st_ino || a->st_size != b->st_size ||
           a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

/* Reads the file again when it is not the one read last. */
static void refresh(double now)
{
    const char *path = getenv("DEMO_NVML_SCENARIO");
    struct stat file = {0};

    if (path == NULL || stat(path, &file) != 0) {
        scenario_good = false;
        memset(&scenario_file, 0, sizeof scenario_file);
        return;
    }
    if (!changed(&file, &scenario_file))
        return;
    for (size_t i = 0; i < slot_count; i++)
        count_energy(&slots[i], now);
    scenario_file = file;
    scenario_good = scenario_read(path, now, &scenario);
    if (scenario_good && loaded_driver[0] == '\0')
        memcpy(loaded_driver, scenario.system.driver_version, TEXT_SIZE);
}

/* A library belongs to one driver: after an upgrade only a newly loaded copy works. */
static bool mismatched(void)
{
    return strcmp(loaded_driver, scenario.system.driver_version) != 0;
}

static bool missing(const char *call)
{
    char word[TEXT_SIZE + 2];

    snprintf(word, sizeof word, " %s ", call);
    return strstr(scenario.system.absent, word) != NULL;
}

/* The fault that decides about a call: the library's before the device's; NULL when none does. */
static const struct fault *active_fault(const char *call, const struct device *device, double now)
{
    double elapsed = now - scenario.loaded_at;
    const struct fault *fault = fault_for(&scenario.faults, call, elapsed);

    if (fault == NULL && device != NULL)
        fault = fault_for(&device->faults, call, elapsed);
    return fault;
}

/* --- every call comes through here ------------------------------------------------------------ */

static void fill(struct view *view, const struct device *device)
{
    view->loaded_at = scenario.loaded_at;
    view->system = scenario.system;
    view->device_count = (unsigned)scenario.device_count;
    if (device != NULL) {
        view->device = *device;
        view->index = (unsigned)(device - scenario.devices);
    }
}

/* Answers a code, or HANG with the time a call has to hang in all. */
static nvmlReturn_t decide(const char *call, struct slot *slot, struct view *view, double *hang)
{
    const struct fault *fault;
    const struct device *device = NULL;

    view->now = wall_time();
    refresh(view->now);
    if (!scenario_good)
        return DRIVER_NOT_LOADED;
    if (!initialised && strcmp(call, "Init") != 0)
        return UNINITIALIZED;
    if (missing(call))
        return FUNCTION_NOT_FOUND;
    if (mismatched())
        return DRIVER_MISMATCH;
    if (slot != NULL && (device = device_of(slot)) == NULL)
        return GPU_IS_LOST;
    fill(view, device);
    fault = active_fault(call, device, view->now);
    if (fault != NULL)
        *hang = fault->seconds;
    return fault == NULL ? SUCCESS : fault->code;
}

/* Waits out a hang: its time, or until the file no longer asks for it. */
nvmlReturn_t enter(const char *call, struct slot *slot, struct view *view)
{
    static const struct timespec NAP = {.tv_nsec = 10 * 1000 * 1000};
    double began = wall_time();

    for (;;) {
        double hang = 0;
        nvmlReturn_t answer;

        pthread_mutex_lock(&lock);
        answer = decide(call, slot, view, &hang);
        pthread_mutex_unlock(&lock);
        if (answer != HANG)
            return answer;
        if (view->now - began >= hang)
            return SUCCESS;
        nanosleep(&NAP, NULL);
    }
}

struct slot *slot_at(unsigned index)
{
    struct slot *slot = NULL;

    pthread_mutex_lock(&lock);
    if (index < scenario.device_count)
        slot = slot_of(&scenario.devices[index]);
    pthread_mutex_unlock(&lock);
    return slot;
}

double energy_of(struct slot *slot, double now)
{
    double joules;

    pthread_mutex_lock(&lock);
    count_energy(slot, now);
    joules = slot->energy;
    pthread_mutex_unlock(&lock);
    return joules;
}

void initialise(void)
{
    pthread_mutex_lock(&lock);
    initialised++;
    pthread_mutex_unlock(&lock);
}

bool shut_down(void)
{
    bool was;

    pthread_mutex_lock(&lock);
    was = initialised > 0;
    initialised -= was;
    pthread_mutex_unlock(&lock);
    return was;
}
