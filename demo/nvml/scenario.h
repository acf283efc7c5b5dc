/* What a scenario file says, as C. README.md describes the grammar. */

#ifndef SCENARIO_H
#define SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    TEXT_SIZE = 96,
    KEY_SIZE = 48,
    LINE_SIZE = 2048,
    LIST_SIZE = 4096,
    MAX_DEVICES = 64,
    MAX_FAULTS = 32,
    MAX_KEYS = 1500,
    KEY_PLACES = 4096, /* a power of two, more than twice as many as keys */
};

/* --- signals: values that move with time (signal.c) -------------------------------------------- */

enum signal_kind { CONSTANT, WAVE, NOISE, RAMP, COUNT, INTEGRAL, SENTINEL };

/* nvmlValueType_t */
enum value_type { DOUBLE, UINT, ULONG, ULL, SLL, SINT, USHORT };

struct signal {
    enum signal_kind kind;
    bool typed; /* the file says as what a field answers it */
    enum value_type type;
    double arguments[4];
};

/* The value a signal has at a time; the signal is neither INTEGRAL nor SENTINEL. */
double signal_at(const struct signal *signal, double now, double loaded_at);

/* The integral of a signal over [start, end], in value-seconds; never negative. */
double signal_integral(const struct signal *signal, double start, double end, double loaded_at);

/* --- faults (fault.c) --------------------------------------------------------------------------- */

enum { HANG = -1 };

struct fault {
    char call[TEXT_SIZE]; /* a function without its prefix, a field (field.230), or "*" */
    int code;             /* an nvmlReturn_t, or HANG */
    double seconds;       /* how long a HANG lasts */
    double from;          /* seconds after the file was loaded */
};

struct faults {
    size_t count;
    struct fault items[MAX_FAULTS];
};

/* CALL KIND [SECONDS] [from=SECONDS]; false when that is not what the text says. */
bool fault_parse(char *text, struct faults *faults);

/* The first fault that is active for a call; NULL when there is none. */
const struct fault *fault_for(const struct faults *faults, const char *call, double elapsed);

/* --- keys (keys.c) ------------------------------------------------------------------------------ */

/* What a key of a device stands for; names.c lists them. */
enum key_kind { UNKNOWN_KEY, TEXT_KEY, QUANTITY_KEY, LINE_KEY };

enum key_kind key_kind(const char *key);

struct entry {
    char key[KEY_SIZE];
    char text[TEXT_SIZE];
    struct signal signal;
};

struct line {
    char key[KEY_SIZE];
    char *text;
};

struct device {
    struct faults faults;
    size_t line_count;
    struct line *lines; /* of keys that may be repeated, in the order of the file */
    size_t entry_count;
    struct entry *entries;
    uint16_t places[KEY_PLACES]; /* 1 + the number of an entry; 0 = free */
};

/* A device's entry of a key, to be filled; the one there is, or a new one; NULL when full. */
struct entry *device_set(struct device *device, const char *key);

/* A text; empty when the file does not name it. */
const char *device_text(const struct device *device, const char *key);

/* A quantity; NULL when the file does not name it. */
const struct signal *device_signal(const struct device *device, const char *key);

bool device_add_line(struct device *device, const char *key, const char *text);

/* The next text of a key that may be repeated; NULL after the last. Begin with *position = 0. */
const char *device_line(const struct device *device, const char *key, size_t *position);

void device_free(struct device *device);

/* --- the file (scenario.c) ---------------------------------------------------------------------- */

struct system {
    char driver_version[TEXT_SIZE];
    char nvml_version[TEXT_SIZE];
    int cuda_version;
    bool unbinds; /* the driver is about to be taken from a device */
    char absent[LIST_SIZE]; /* names of missing functions, each between two spaces */
};

/* Never changed once it is read. */
struct scenario {
    double loaded_at; /* Unix time */
    struct system system;
    struct faults faults;
    size_t device_count;
    struct device *devices[MAX_DEVICES];
};

/* Cuts a text into at most *most* words, in place; returns how many there are. */
int split(char *text, char **words, int most);

/* A word that is a number as a whole. */
bool number(const char *word, double *value);

bool copy(char *target, size_t size, const char *source);

/* Reads a scenario; on failure says why on stderr, with file and line, and returns NULL. */
struct scenario *scenario_read(const char *path, double now);

void scenario_free(struct scenario *scenario);

#endif
