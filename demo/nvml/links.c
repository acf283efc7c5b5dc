/* How a device is connected to others: NVLink, fabric, peers. */

#include "answer.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* --- NVLink ----------------------------------------------------------------------------------- */

EXPORT nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t handle, unsigned link, unsigned *active)
{
    return get_of(handle, "NvLinkState", "nvlink", link, "state", active);
}

EXPORT nvmlReturn_t nvmlDeviceGetNvLinkVersion(nvmlDevice_t handle, unsigned link,
                                               unsigned *version)
{
    return get_of(handle, "NvLinkVersion", "nvlink", link, "version", version);
}

/* A link that is up can do everything. */
EXPORT nvmlReturn_t nvmlDeviceGetNvLinkCapability(nvmlDevice_t handle, unsigned link,
                                                  unsigned capability, unsigned *result)
{
    return capability < 6 ? get_of(handle, "NvLinkCapability", "nvlink", link, "state", result)
                          : INVALID_ARGUMENT;
}

EXPORT nvmlReturn_t nvmlDeviceGetNvLinkRemoteDeviceType(nvmlDevice_t handle, unsigned link,
                                                        unsigned *type)
{
    return get_of(handle, "NvLinkRemoteDeviceType", "nvlink", link, "remote", type);
}

EXPORT nvmlReturn_t nvmlDeviceGetNvLinkErrorCounter(nvmlDevice_t handle, unsigned link,
                                                    unsigned counter, unsigned long long *count)
{
    /* nvmlNvLinkErrorCounter_t */
    static const char *const PARTS[] = {"replay", "recovery", "crc_flit", "crc_data", "ecc_data"};
    char key[KEY_SIZE];

    if (counter >= COUNT_OF(PARTS))
        return INVALID_ARGUMENT;
    snprintf(key, sizeof key, "nvlink.%u.%s", link, PARTS[counter]);
    return get_wide(handle, "NvLinkErrorCounter", key, count);
}

/* --- fabric ----------------------------------------------------------------------------------- */

/* Its second version ends before health_summary. */
struct fabric {
    unsigned version;
    unsigned char cluster[16];
    nvmlReturn_t status;
    unsigned clique;
    unsigned char state;
    unsigned health;
    unsigned char health_summary;
};

/* The bytes of a UUID with or without dashes. */
static void read_cluster(const char *text, unsigned char *bytes)
{
    unsigned byte;

    memset(bytes, 0, 16);
    for (int i = 0; i < 16; i++) {
        text += *text == '-';
        if (sscanf(text, "%2x", &byte) != 1)
            return;
        bytes[i] = (unsigned char)byte;
        text += 2;
    }
}

EXPORT nvmlReturn_t nvmlDeviceGetGpuFabricInfoV(nvmlDevice_t handle, struct fabric *fabric)
{
    static const size_t SECOND = offsetof(struct fabric, health_summary);
    bool third = fabric->version == VERSION_OF(*fabric, 3);
    struct view view;
    unsigned long long state;
    nvmlReturn_t answer;

    if (!third && fabric->version != (SECOND | 2u << 24))
        return VERSION_MISMATCH;
    answer = enter("GpuFabricInfoV", handle, &view);
    if (answer == SUCCESS)
        answer = quantity(&view, "fabric.state", 1, &state);
    if (answer != SUCCESS)
        return answer;
    read_cluster(device_text(view.device, "fabric.cluster_uuid"), fabric->cluster);
    fabric->status = (nvmlReturn_t)member(&view, "fabric.status");
    fabric->clique = (unsigned)member(&view, "fabric.clique");
    fabric->state = (unsigned char)state;
    fabric->health = (unsigned)member(&view, "fabric.health");
    if (third)
        fabric->health_summary = (unsigned char)member(&view, "fabric.health_summary");
    return SUCCESS;
}

/* --- peers ------------------------------------------------------------------------------------ */

EXPORT nvmlReturn_t nvmlDeviceGetP2PStatus(nvmlDevice_t handle, nvmlDevice_t peer,
                                           unsigned capability, unsigned *status)
{
    static const unsigned CAPABILITIES = 6; /* nvmlGpuP2PCapsIndex_t */
    struct view view;
    char part[KEY_SIZE];
    nvmlReturn_t answer = enter("P2PStatus", peer, &view);

    if (answer != SUCCESS)
        return answer;
    if (capability >= CAPABILITIES)
        return INVALID_ARGUMENT;
    snprintf(part, sizeof part, "p2p.%u", view.index);
    return get_uint(handle, "P2PStatus", part, 1, status);
}
