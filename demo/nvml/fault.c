/* How calls fail. */

#include "scenario.h"

#include <string.h>

static const struct ailment {
    const char *word;
    int code;
} AILMENTS[] = {
    {"uninitialized", 1}, {"invalid_argument", 2}, {"not_supported", 3}, {"no_permission", 4},
    {"not_found", 6}, {"insufficient_size", 7}, {"driver_not_loaded", 9}, {"timeout", 10},
    {"irq_issue", 11}, {"library_not_found", 12}, {"function_not_found", 13},
    {"corrupted_inforom", 14}, {"gpu_lost", 15}, {"reset_required", 16},
    {"operating_system", 17}, {"driver_mismatch", 18}, {"in_use", 19}, {"memory", 20},
    {"no_data", 21}, {"argument_version_mismatch", 25}, {"deprecated", 26}, {"not_ready", 27},
    {"gpu_not_found", 28}, {"invalid_state", 29}, {"unknown", 999}, {"hang", HANG}, {NULL, 0},
};

static const struct ailment *ailment_of(const char *word)
{
    for (const struct ailment *ailment = AILMENTS; ailment->word != NULL; ailment++)
        if (strcmp(ailment->word, word) == 0)
            return ailment;
    return NULL;
}

bool fault_parse(char *text, struct faults *faults)
{
    char *words[5];
    int count = split(text, words, 5);
    const struct ailment *ailment = count > 1 ? ailment_of(words[1]) : NULL;
    struct fault *fault = &faults->items[faults->count];
    int next = 2;

    if (ailment == NULL || faults->count == MAX_FAULTS)
        return false;
    *fault = (struct fault){.code = ailment->code};
    if (!copy(fault->call, sizeof fault->call, words[0]))
        return false;
    if (ailment->code == HANG && (next == count || !number(words[next++], &fault->seconds)))
        return false;
    if (next < count && strncmp(words[next], "from=", 5) == 0 &&
        !number(words[next++] + 5, &fault->from))
        return false;
    faults->count++;
    return next == count;
}

const struct fault *fault_for(const struct faults *faults, const char *call, double elapsed)
{
    for (size_t i = 0; i < faults->count; i++) {
        const struct fault *fault = &faults->items[i];
        bool concerned = strcmp(fault->call, "*") == 0 || strcmp(fault->call, call) == 0;

        if (concerned && elapsed >= fault->from)
            return fault;
    }
    return NULL;
}
