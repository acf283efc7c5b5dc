/* What a scenario file says, as C. README.md describes the grammar. */

#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

enum { TEXT_SIZE = 96, LIST_SIZE = 1024, MAX_DEVICES = 64, MAX_FAULTS = 32 };

#define TEXTS(X) X(uuid) X(name) X(serial) X(pci_bus_id) X(vbios_version)

#define QUANTITIES(X)                                                                     \
    X(minor_number) X(brand) X(architecture)                                              \
    X(utilization) X(memory_copy_utilization)                                             \
    X(memory_total) X(memory_used) X(memory_reserved)                                     \
    X(temperature) X(temperature_memory)                                                  \
    X(power) X(power_limit) X(power_limit_default) X(power_limit_min) X(power_limit_max)  \
    X(energy)                                                                             \
    X(clock_graphics) X(clock_sm) X(clock_memory) X(clock_video)                          \
    X(clock_max_graphics) X(clock_max_sm) X(clock_max_memory) X(clock_max_video)          \
    X(performance_state) X(persistence_mode)

#define TEXT_ID(name) TEXT_##name,
#define QUANTITY_ID(name) QUANTITY_##name,
enum text { TEXTS(TEXT_ID) TEXT_COUNT };
enum quantity { QUANTITIES(QUANTITY_ID) QUANTITY_COUNT };

/* ABSENT is zero, so that a quantity the file does not name does not exist on the device. */
enum signal_kind { ABSENT = 0, CONSTANT, WAVE, NOISE, RAMP, INTEGRAL, SENTINEL };

struct signal {
    enum signal_kind kind;
    double arguments[4];
};

enum { HANG = -1 };

struct fault {
    char call[TEXT_SIZE]; /* a function without its prefix, or "*" */
    int code;             /* an nvmlReturn_t, or HANG */
    double seconds;       /* how long a HANG lasts */
    double from;          /* seconds after the file was loaded */
};

struct faults {
    size_t count;
    struct fault items[MAX_FAULTS];
};

struct device {
    char texts[TEXT_COUNT][TEXT_SIZE];
    struct signal signals[QUANTITY_COUNT];
    struct faults faults;
};

struct system {
    char driver_version[TEXT_SIZE];
    char nvml_version[TEXT_SIZE];
    int cuda_version;
    char absent[LIST_SIZE]; /* names of missing functions, each between two spaces */
};

struct scenario {
    double loaded_at; /* Unix time */
    struct system system;
    struct faults faults;
    size_t device_count;
    struct device devices[MAX_DEVICES];
};

/* Reads a scenario; on failure says why on stderr, with file and line. */
bool scenario_read(const char *path, double now, struct scenario *scenario);

/* The value a signal has at a time; the signal is neither ABSENT, INTEGRAL nor SENTINEL. */
double signal_at(const struct signal *signal, double now, double loaded_at);

/* The integral of a signal over [start, end], in value-seconds; never negative. */
double signal_integral(const struct signal *signal, double start, double end, double loaded_at);

/* The first fault that is active for a call; NULL when there is none. */
const struct fault *fault_for(const struct faults *faults, const char *call, double elapsed);

#endif
