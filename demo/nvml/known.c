/* Which quantities with a name fields are, in which unit, and what most answer them as. */

#include "answer.h"
#include "fields.h"

static const struct known KNOWN[] = {
    {3, ULL, "ecc.errors.corrected.volatile", 1},
    {4, ULL, "ecc.errors.uncorrected.volatile", 1},
    {5, ULL, "ecc.errors.corrected.aggregate", 1},
    {6, ULL, "ecc.errors.uncorrected.aggregate", 1},
    {7, ULL, "ecc.errors.corrected.volatile.l1", 1},
    {8, ULL, "ecc.errors.uncorrected.volatile.l1", 1},
    {9, ULL, "ecc.errors.corrected.volatile.l2", 1},
    {10, ULL, "ecc.errors.uncorrected.volatile.l2", 1},
    {11, ULL, "ecc.errors.corrected.volatile.dram", 1},
    {12, ULL, "ecc.errors.uncorrected.volatile.dram", 1},
    {13, ULL, "ecc.errors.corrected.volatile.register", 1},
    {14, ULL, "ecc.errors.uncorrected.volatile.register", 1},
    {15, ULL, "ecc.errors.corrected.volatile.texture", 1},
    {16, ULL, "ecc.errors.uncorrected.volatile.texture", 1},
    {17, ULL, "ecc.errors.uncorrected.volatile.cbu", 1},
    {18, ULL, "ecc.errors.corrected.aggregate.l1", 1},
    {19, ULL, "ecc.errors.uncorrected.aggregate.l1", 1},
    {20, ULL, "ecc.errors.corrected.aggregate.l2", 1},
    {21, ULL, "ecc.errors.uncorrected.aggregate.l2", 1},
    {22, ULL, "ecc.errors.corrected.aggregate.dram", 1},
    {23, ULL, "ecc.errors.uncorrected.aggregate.dram", 1},
    {24, ULL, "ecc.errors.corrected.aggregate.register", 1},
    {25, ULL, "ecc.errors.uncorrected.aggregate.register", 1},
    {26, ULL, "ecc.errors.corrected.aggregate.texture", 1},
    {27, ULL, "ecc.errors.uncorrected.aggregate.texture", 1},
    {28, ULL, "ecc.errors.uncorrected.aggregate.cbu", 1},
    {29, ULL, "retired_pages.single_bit", 1},
    {30, ULL, "retired_pages.double_bit", 1},
    {31, ULL, "retired_pages.pending", 1},
    {74, ULL, "clock_events.time.power", 1},
    {75, ULL, "clock_events.time.thermal", 1},
    {76, ULL, "clock_events.time.sync_boost", 1},
    {77, ULL, "clock_events.time.board_limit", 1},
    {78, ULL, "clock_events.time.low_utilization", 1},
    {79, ULL, "clock_events.time.reliability", 1},
    {82, UINT, "temperature_memory", 1},
    {83, ULL, "energy", 1000},
    {91, UINT, "nvlink.count", 1},
    {94, UINT, "pcie.replays", 1},
    {138, ULL, "nvlink.%u.tx", 1},
    {139, ULL, "nvlink.%u.rx", 1},
    {142, UINT, "remapped_rows.corrected", 1},
    {143, UINT, "remapped_rows.uncorrected", 1},
    {144, UINT, "remapped_rows.pending", 1},
    {145, UINT, "remapped_rows.failed", 1},
    {161, ULL, "nvlink.%u.replay", 1},
    {162, ULL, "nvlink.%u.recovery", 1},
    {163, ULL, "nvlink.%u.crc_flit", 1},
    {164, UINT, "nvlink.%u.speed", 1},
    {165, UINT, "nvlink.%u.state", 1},
    {166, UINT, "nvlink.%u.version", 1},
    {185, UINT, "power", 1000},
    {186, UINT, "power", 1000},
    {187, UINT, "power_limit_min", 1000},
    {188, UINT, "power_limit_max", 1000},
    {189, UINT, "power_limit_default", 1000},
    {190, UINT, "power_limit", 1000},
    {191, ULL, "energy", 1000},
    {192, UINT, "power_limit", 1000},
    {193, SINT, "t_limit.shutdown", 1},
    {194, SINT, "t_limit.slowdown", 1},
    {195, SINT, "t_limit.memory_max", 1},
    {196, SINT, "t_limit.gpu_max", 1},
    {197, ULL, "pcie.bytes_tx", 1},
    {198, ULL, "pcie.bytes_rx", 1},
    {230, UINT, "recovery_action", 1},
    {269, ULL, "clock_events.time.sw_thermal", 1},
    {270, ULL, "clock_events.time.hw_thermal", 1},
    {271, ULL, "clock_events.time.hw_power_brake", 1},
};

/* Other fields that are 32 bits wide, when the file does not say otherwise. */
static const uint32_t NARROW[] = {1, 2, 92, 93, 170, 171, 172, 231, 232, 233, 234};

const struct known *known_field(uint32_t field)
{
    for (size_t i = 0; i < COUNT_OF(KNOWN); i++)
        if (KNOWN[i].field == field)
            return &KNOWN[i];
    return NULL;
}

enum value_type type_of_field(uint32_t field)
{
    const struct known *known = known_field(field);

    for (size_t i = 0; i < COUNT_OF(NARROW); i++)
        if (NARROW[i] == field)
            return UINT;
    return known == NULL ? ULL : known->type;
}
