/* In which states and modes a device is. */

#include "answer.h"

#include <string.h>

GETTER_UINT(PerformanceState, "performance_state", 1)
GETTER_UINT(PowerState, "performance_state", 1)
GETTER_UINT(PersistenceMode, "persistence_mode", 1)
GETTER_UINT(ComputeMode, "compute_mode", 1)
GETTER_UINT(DisplayMode, "mode.display", 1)
GETTER_UINT(DisplayActive, "mode.display_active", 1)
GETTER_UINT(PowerManagementMode, "mode.power_management", 1)
GETTER_UINT(VirtualizationMode, "mode.virtualization", 1)

/* --- licence of a virtual GPU ----------------------------------------------------------------- */

struct licence {
    unsigned code, state;
    char info[128], product[128];
    unsigned enabled;
    struct {
        uint32_t year;
        uint16_t month, day, hour, minute, second;
        uint8_t status;
    } expiry;
};

struct licences {
    int supported;
    unsigned count;
    struct licence items[3];
};

/* One licence, or none where the file says nothing of it. */
EXPORT nvmlReturn_t nvmlDeviceGetGridLicensableFeatures_v4(nvmlDevice_t handle,
                                                           struct licences *licences)
{
    struct view view;
    unsigned long long state;
    nvmlReturn_t answer = enter("GridLicensableFeatures_v4", handle, &view);

    if (answer != SUCCESS)
        return answer;
    memset(licences, 0, sizeof *licences);
    if (quantity(&view, "licence.state", 1, &state) != SUCCESS)
        return SUCCESS;
    licences->supported = 1;
    licences->count = 1;
    licences->items[0].code = (unsigned)member(&view, "licence.code");
    licences->items[0].state = (unsigned)state;
    licences->items[0].enabled = licences->items[0].state != 0;
    copy(licences->items[0].product, sizeof licences->items[0].product,
         device_text(view.device, "licence.product"));
    return SUCCESS;
}
