/* How a device is connected to its host. */

#include "answer.h"

GETTER_UINT(PcieReplayCounter, "pcie.replays", 1)
GETTER_UINT(CurrPcieLinkGeneration, "pcie.generation", 1)
GETTER_UINT(MaxPcieLinkGeneration, "pcie.generation_max", 1)
GETTER_UINT(GpuMaxPcieLinkGeneration, "pcie.generation_device", 1)
GETTER_UINT(CurrPcieLinkWidth, "pcie.width", 1)
GETTER_UINT(MaxPcieLinkWidth, "pcie.width_max", 1)
GETTER_UINT(PcieSpeed, "pcie.speed", 1)
GETTER_UINT(PcieLinkMaxSpeed, "pcie.speed_max", 1)

EXPORT nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t handle, unsigned counter,
                                                unsigned *kilobytes_per_second)
{
    /* nvmlPcieUtilCounter_t */
    static const char *const PARTS[] = {"throughput_tx", "throughput_rx"};

    return get_part(handle, "PcieThroughput", "pcie", PARTS, COUNT_OF(PARTS), counter,
                    kilobytes_per_second);
}
