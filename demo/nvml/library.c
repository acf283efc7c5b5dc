/* The library's state: the scenario, and the gate every call comes through. */

#include "library.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct scenario *scenario; /* NULL while the file is missing or not understood */
static struct stat scenario_file;
static char loaded_driver[TEXT_SIZE]; /* the driver this image of the library belongs to */
static int initialised;

enum { KEPT = 8 };

/* The last scenarios that were read, this one among them: calls under way may look at them. A call
 * takes less long than the file is changed so often. */
static struct scenario *kept[KEPT];
static size_t latest;

double wall_time(void)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* --- the scenario, always under the lock ------------------------------------------------------ */

/* The number of a handle's device; device_count when the scenario has it no more. */
static size_t index_of(const struct slot *slot)
{
    const char *uuid = slot->parent == NULL ? slot->uuid : slot->parent->uuid;
    size_t index = 0;

    while (index < scenario->device_count &&
           strcmp(device_text(scenario->devices[index], "uuid"), uuid) != 0)
        index++;
    return index;
}

/* Counts a device's energy up to now: called before its power may change and when it is asked. */
static void count_energy(struct slot *slot, double now)
{
    size_t index = slot->parent == NULL ? index_of(slot) : scenario->device_count;
    const struct device *device;
    const struct signal *energy;

    if (index == scenario->device_count)
        return;
    device = scenario->devices[index];
    energy = device_signal(device, "energy");
    if (energy == NULL || energy->kind != INTEGRAL || now <= slot->energy_at)
        return;
    if (slot->energy_at == 0)
        slot->energy = energy->arguments[0];
    else
        slot->energy += signal_integral(device_signal(device, "power"), slot->energy_at, now,
                                        scenario->loaded_at);
    slot->energy_at = now;
}

static void replace(struct scenario *fresh)
{
    scenario = fresh;
    if (fresh == NULL)
        return;
    latest = (latest + 1) % KEPT;
    scenario_free(kept[latest]);
    kept[latest] = fresh;
}

static void __attribute__((destructor)) leave(void)
{
    for (size_t i = 0; i < KEPT; i++)
        scenario_free(kept[i]);
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
        replace(NULL);
        memset(&scenario_file, 0, sizeof scenario_file);
        return;
    }
    if (!changed(&file, &scenario_file))
        return;
    for (size_t i = 0; scenario != NULL && slot_number(i) != NULL; i++)
        count_energy(slot_number(i), now);
    scenario_file = file;
    replace(scenario_read(path, now));
    if (scenario != NULL && loaded_driver[0] == '\0')
        memcpy(loaded_driver, scenario->system.driver_version, TEXT_SIZE);
}

/* A library belongs to one driver: after an upgrade only a newly loaded copy works. */
static bool mismatched(void)
{
    return strcmp(loaded_driver, scenario->system.driver_version) != 0;
}

static bool missing(const char *call)
{
    char word[TEXT_SIZE + 2];

    if (scenario->system.absent[0] == '\0')
        return false;
    snprintf(word, sizeof word, " %s ", call);
    return strstr(scenario->system.absent, word) != NULL;
}

/* The fault that decides about a call: the library's before the device's; NULL when none does. */
static const struct fault *active_fault(const char *call, const struct device *device, double now)
{
    double elapsed = now - scenario->loaded_at;
    const struct fault *fault = fault_for(&scenario->faults, call, elapsed);

    if (fault == NULL && device != NULL)
        fault = fault_for(&device->faults, call, elapsed);
    return fault;
}

/* --- every call comes through here ------------------------------------------------------------ */

/* How long a call takes even when all is well. */
static double delay_of(const char *call, const struct view *view)
{
    char key[KEY_SIZE];
    const struct signal *delay = NULL;

    if (view->device != NULL && snprintf(key, sizeof key, "delay.%s", call) < KEY_SIZE)
        delay = device_signal(view->device, key);
    return delay == NULL ? 0 : signal_at(delay, view->now, view->scenario->loaded_at);
}

/* Answers a code, or HANG with the time a call has to take in all. */
static nvmlReturn_t decide(const char *call, struct slot *slot, struct view *view, double *hang)
{
    const struct fault *fault;
    size_t index;

    *view = (struct view){.now = wall_time()};
    refresh(view->now);
    if (scenario == NULL)
        return DRIVER_NOT_LOADED;
    if (!initialised && strcmp(call, "Init") != 0)
        return UNINITIALIZED;
    if (missing(call))
        return FUNCTION_NOT_FOUND;
    if (mismatched())
        return DRIVER_MISMATCH;
    view->scenario = scenario;
    if (slot != NULL) {
        if ((index = index_of(slot)) == scenario->device_count)
            return GPU_IS_LOST;
        view->index = (unsigned)index;
        view->device = scenario->devices[index];
    }
    fault = active_fault(call, view->device, view->now);
    *hang = fault != NULL ? fault->seconds : delay_of(call, view);
    if (fault != NULL)
        return fault->code;
    return *hang > 0 ? HANG : SUCCESS;
}

static void nap(double seconds)
{
    static const double LONGEST = 0.01; /* the file is looked at again */
    double length = fmin(seconds, LONGEST);

    nanosleep(&(struct timespec){.tv_nsec = (long)(length * 1e9)}, NULL);
}

/* Waits out a hang: its time, or until the file no longer asks for it. */
nvmlReturn_t enter_any(const char *call, struct slot *slot, struct view *view)
{
    double began = 0;

    for (;;) {
        double hang = 0;
        nvmlReturn_t answer;

        pthread_mutex_lock(&lock);
        answer = decide(call, slot, view, &hang);
        pthread_mutex_unlock(&lock);
        if (answer != HANG)
            return answer;
        began = began == 0 ? view->now : began;
        if (view->now - began >= hang)
            return SUCCESS;
        nap(hang - (view->now - began));
    }
}

nvmlReturn_t enter(const char *call, struct slot *slot, struct view *view)
{
    nvmlReturn_t answer = enter_any(call, slot, view);

    if (answer == SUCCESS && slot != NULL &&
        (slot->parent != NULL || mig_hides(call, view->device)))
        return NOT_SUPPORTED;
    return answer;
}

double energy_of(struct slot *slot, double now)
{
    double joules;

    pthread_mutex_lock(&lock);
    if (scenario != NULL)
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
