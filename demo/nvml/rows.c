/* Memory that was taken out of use: pages until Turing, rows since Ampere. */

#include "answer.h"

/* --- pages ------------------------------------------------------------------------------------ */

static const unsigned long long FIRST_PAGE = 0x1000; /* pages are made up: one after the other */
static const unsigned long long FIRST_TIME = 1735689600;

static nvmlReturn_t read_pages(nvmlDevice_t handle, const char *call, unsigned cause,
                               unsigned *count, unsigned long long *pages,
                               unsigned long long *times)
{
    /* nvmlPageRetirementCause_t */
    static const char *const PARTS[] = {"single_bit", "double_bit"};
    unsigned room = *count, retired = 0;
    nvmlReturn_t answer =
        get_part(handle, call, "retired_pages", PARTS, COUNT_OF(PARTS), cause, &retired);

    if (answer != SUCCESS)
        return answer;
    *count = retired;
    if (retired > room)
        return INSUFFICIENT_SIZE;
    for (unsigned i = 0; pages != NULL && i < retired; i++) {
        pages[i] = FIRST_PAGE + i;
        if (times != NULL)
            times[i] = FIRST_TIME + i;
    }
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetRetiredPages(nvmlDevice_t handle, unsigned cause, unsigned *count,
                                              unsigned long long *pages)
{
    return read_pages(handle, "RetiredPages", cause, count, pages, NULL);
}

EXPORT nvmlReturn_t nvmlDeviceGetRetiredPages_v2(nvmlDevice_t handle, unsigned cause,
                                                 unsigned *count, unsigned long long *pages,
                                                 unsigned long long *times)
{
    /* nvidia-ml-py asks for the size with one argument less than there are. */
    return read_pages(handle, "RetiredPages_v2", cause, count, pages, pages == NULL ? NULL : times);
}

GETTER_UINT(RetiredPagesPendingStatus, "retired_pages.pending", 1)

/* --- rows ------------------------------------------------------------------------------------- */

EXPORT nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t handle, unsigned *corrected,
                                              unsigned *uncorrected, unsigned *pending,
                                              unsigned *failed)
{
    struct view view;
    unsigned long long count;
    nvmlReturn_t answer = enter("RemappedRows", handle, &view);

    if (answer == SUCCESS)
        answer = quantity(&view, "remapped_rows.corrected", 1, &count);
    if (answer != SUCCESS)
        return answer;
    *corrected = (unsigned)count;
    *uncorrected = (unsigned)member(&view, "remapped_rows.uncorrected");
    *pending = (unsigned)member(&view, "remapped_rows.pending");
    *failed = (unsigned)member(&view, "remapped_rows.failed");
    return SUCCESS;
}

struct histogram {
    unsigned max, high, partial, low, none;
};

EXPORT nvmlReturn_t nvmlDeviceGetRowRemapperHistogram(nvmlDevice_t handle,
                                                      struct histogram *histogram)
{
    struct view view;
    unsigned long long max;
    nvmlReturn_t answer = enter("RowRemapperHistogram", handle, &view);

    if (answer == SUCCESS)
        answer = quantity(&view, "row_histogram.max", 1, &max);
    if (answer != SUCCESS)
        return answer;
    *histogram = (struct histogram){
        (unsigned)max,
        (unsigned)member(&view, "row_histogram.high"),
        (unsigned)member(&view, "row_histogram.partial"),
        (unsigned)member(&view, "row_histogram.low"),
        (unsigned)member(&view, "row_histogram.none"),
    };
    return SUCCESS;
}

/* --- repairs ---------------------------------------------------------------------------------- */

struct repair {
    unsigned version, channel_pending, tpc_pending;
};

EXPORT nvmlReturn_t nvmlDeviceGetRepairStatus(nvmlDevice_t handle, struct repair *repair)
{
    nvmlReturn_t answer;

    if (repair->version != VERSION_OF(*repair, 1))
        return VERSION_MISMATCH;
    answer = get_uint(handle, "RepairStatus", "repair.channel_pending", 1, &repair->channel_pending);
    return answer == SUCCESS
               ? get_uint(handle, "RepairStatus", "repair.tpc_pending", 1, &repair->tpc_pending)
               : answer;
}

struct unrepairable {
    unsigned version, unrepairable;
};

EXPORT nvmlReturn_t nvmlDeviceGetUnrepairableMemoryFlag_v1(nvmlDevice_t handle,
                                                           struct unrepairable *memory)
{
    if (memory->version != VERSION_OF(*memory, 1))
        return VERSION_MISMATCH;
    return get_uint(handle, "UnrepairableMemoryFlag_v1", "repair.unrepairable", 1,
                    &memory->unrepairable);
}
