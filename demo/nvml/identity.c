/* Who a device is, and what it is made of. */

#include "mig.h"

#include <stdio.h>
#include <string.h>

EXPORT nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t handle, char *buffer, unsigned size)
{
    struct view view;
    struct instance instance;
    nvmlReturn_t answer = enter_part("UUID", handle, &view, &instance);

    if (answer != SUCCESS)
        return answer;
    return write_text(handle->parent == NULL ? device_text(view.device, "uuid") : instance.uuid,
                      buffer, size);
}

EXPORT nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t handle, char *buffer, unsigned size)
{
    struct view view;
    struct instance instance;
    char whole[2 * TEXT_SIZE + 8];
    nvmlReturn_t answer = enter_part("Name", handle, &view, &instance);

    if (answer != SUCCESS || handle->parent == NULL)
        return answer == SUCCESS ? write_text(device_text(view.device, "name"), buffer, size)
                                 : answer;
    snprintf(whole, sizeof whole, "%s MIG %s", device_text(view.device, "name"), instance.profile);
    return write_text(whole, buffer, size);
}

GETTER_TEXT(Serial, "serial")
GETTER_TEXT(VbiosVersion, "vbios_version")
GETTER_TEXT(BoardPartNumber, "board.part_number")
GETTER_TEXT(InforomImageVersion, "board.inforom_image")
GETTER_UINT(MinorNumber, "minor_number", 1)
GETTER_UINT(Brand, "brand", 1)
GETTER_UINT(Architecture, "architecture", 1)
GETTER_UINT(NumaNodeId, "board.numa_node", 1)
GETTER_UINT(ModuleId, "board.module_id", 1)
GETTER_UINT(BoardId, "board.id", 1)
GETTER_UINT(MultiGpuBoard, "board.multi_gpu", 1)
GETTER_UINT(NumGpuCores, "board.cores", 1)
GETTER_UINT(MemoryBusWidth, "board.bus_width", 1)

struct pci_info {
    char bus_id_legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
};

EXPORT nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t handle, struct pci_info *info)
{
    struct view view;
    nvmlReturn_t answer = enter("PciInfo_v3", handle, &view);

    memset(info, 0, sizeof *info);
    if (answer == SUCCESS)
        answer = write_text(device_text(view.device, "pci_bus_id"), info->bus_id,
                            sizeof info->bus_id);
    if (answer != SUCCESS)
        return answer;
    sscanf(info->bus_id, "%x:%x:%x", &info->domain, &info->bus, &info->device);
    snprintf(info->bus_id_legacy, sizeof info->bus_id_legacy, "%04x:%02x:%02x.0",
             info->domain & 0xFFFF, info->bus & 0xFF, info->device & 0xFF);
    info->device_id = (unsigned)member(&view, "board.pci_device_id");
    return SUCCESS;
}

EXPORT nvmlReturn_t nvmlDeviceGetInforomVersion(nvmlDevice_t handle, unsigned object, char *buffer,
                                                unsigned size)
{
    /* nvmlInforomObject_t */
    static const char *const KEYS[] = {
        "board.inforom_oem", "board.inforom_ecc", "board.inforom_power",
    };

    return object < COUNT_OF(KEYS) ? get_text(handle, "InforomVersion", KEYS[object], buffer, size)
                                   : INVALID_ARGUMENT;
}

EXPORT nvmlReturn_t nvmlDeviceGetGspFirmwareVersion(nvmlDevice_t handle, char *buffer)
{
    return get_text(handle, "GspFirmwareVersion", "board.gsp_firmware", buffer, 64);
}

EXPORT nvmlReturn_t nvmlDeviceGetGspFirmwareMode(nvmlDevice_t handle, unsigned *enabled,
                                                 unsigned *standard)
{
    struct view view;
    nvmlReturn_t answer = enter("GspFirmwareMode", handle, &view);

    if (answer != SUCCESS)
        return answer;
    *enabled = *standard = device_text(view.device, "board.gsp_firmware")[0] != '\0';
    return SUCCESS;
}

/* The file says 9.0. */
EXPORT nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t handle, int *major, int *minor)
{
    struct view view;
    nvmlReturn_t answer = enter("CudaComputeCapability", handle, &view);

    if (answer != SUCCESS)
        return answer;
    return sscanf(device_text(view.device, "board.compute_capability"), "%d.%d", major, minor) == 2
               ? SUCCESS
               : NOT_SUPPORTED;
}
