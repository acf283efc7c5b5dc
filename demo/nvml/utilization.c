/* How busy a device is. */

#include "answer.h"

struct utilization {
    unsigned gpu, memory;
};

EXPORT nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t handle, struct utilization *rates)
{
    struct view view;
    unsigned long long gpu = 0, memory = 0;
    nvmlReturn_t answer = enter("UtilizationRates", handle, &view);

    if (answer == SUCCESS)
        answer = quantity(&view, "utilization", 1, &gpu);
    if (answer == SUCCESS)
        answer = quantity(&view, "memory_copy_utilization", 1, &memory);
    *rates = (struct utilization){(unsigned)gpu, (unsigned)memory};
    return answer;
}

/* --- codecs ----------------------------------------------------------------------------------- */

static nvmlReturn_t get_codec(nvmlDevice_t handle, const char *call, const char *key,
                              unsigned *percent, unsigned *microseconds)
{
    static const unsigned SAMPLING_PERIOD = 167000;

    *microseconds = SAMPLING_PERIOD;
    return get_uint(handle, call, key, 1, percent);
}

#define GETTER_CODEC(function, key)                                                        \
    EXPORT nvmlReturn_t nvmlDeviceGet##function(nvmlDevice_t handle, unsigned *percent,    \
                                                unsigned *microseconds)                    \
    {                                                                                      \
        return get_codec(handle, #function, key, percent, microseconds);                   \
    }

GETTER_CODEC(EncoderUtilization, "codec.encoder")
GETTER_CODEC(DecoderUtilization, "codec.decoder")
GETTER_CODEC(JpgUtilization, "codec.jpeg")
GETTER_CODEC(OfaUtilization, "codec.ofa")

/* NVML's header has unsigned ints, nvidia-ml-py passes zeroed 64-bit ones: the low half is ours. */
EXPORT nvmlReturn_t nvmlDeviceGetEncoderStats(nvmlDevice_t handle, unsigned *sessions,
                                              unsigned *frames_per_second, unsigned *microseconds)
{
    struct view view;
    unsigned long long count = 0;
    nvmlReturn_t answer = enter("EncoderStats", handle, &view);

    if (answer == SUCCESS)
        answer = quantity(&view, "encoder.sessions", 1, &count);
    if (answer != SUCCESS)
        return answer;
    *sessions = (unsigned)count;
    *frames_per_second = (unsigned)member(&view, "encoder.frames_per_second");
    *microseconds = (unsigned)member(&view, "encoder.latency");
    return SUCCESS;
}
