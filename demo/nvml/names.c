/* The keys of a device, so that a mistyped one is not taken silently. README.md explains them. */

#include "scenario.h"

#include <string.h>

static const char *const TEXTS[] = {
    "uuid", "name", "serial", "pci_bus_id", "vbios_version",
    "board.part_number", "board.inforom_image", "board.inforom_oem", "board.inforom_ecc",
    "board.inforom_power", "board.gsp_firmware", "board.compute_capability",
    "fabric.cluster_uuid", "licence.product",
    NULL,
};

/* Each also with parts behind it: `ecc` stands for ecc.mode and ecc.errors.corrected.volatile. */
static const char *const QUANTITIES[] = {
    "minor_number", "brand", "architecture", "board",
    "utilization", "memory_copy_utilization", "codec", "encoder",
    "memory_total", "memory_used", "memory_reserved", "bar1",
    "temperature", "temperature_memory", "temperature_margin", "threshold", "t_limit", "fan",
    "power", "power_limit", "power_limit_default", "power_limit_min", "power_limit_max",
    "energy",
    "clock_graphics", "clock_sm", "clock_memory", "clock_video",
    "clock_max_graphics", "clock_max_sm", "clock_max_memory", "clock_max_video", "clock_events",
    "performance_state", "persistence_mode", "compute_mode", "mode", "licence",
    "pcie", "nvlink", "fabric", "p2p",
    "ecc", "sram", "retired_pages", "remapped_rows", "row_histogram", "repair", "recovery_action",
    "field", "latency", "delay",
    "event_types",
    "mig", "instance", "gpm", "accounting",
    NULL,
};

/* May be repeated; their text is read by whoever answers from it. */
static const char *const LINES[] = {
    "event", "instance", "process", "process_use", "account",
    NULL,
};

static bool among(const char *const *names, const char *key, size_t length)
{
    for (; *names != NULL; names++)
        if (strncmp(*names, key, length) == 0 && (*names)[length] == '\0')
            return true;
    return false;
}

enum key_kind key_kind(const char *key)
{
    if (among(TEXTS, key, strlen(key)))
        return TEXT_KEY;
    if (among(LINES, key, strlen(key)))
        return LINE_KEY;
    return among(QUANTITIES, key, strcspn(key, ".")) ? QUANTITY_KEY : UNKNOWN_KEY;
}
