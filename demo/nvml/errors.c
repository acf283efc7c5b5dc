/* NVML's words for its return codes. */

#include "answer.h"

EXPORT const char *nvmlErrorString(nvmlReturn_t code)
{
    static const char *const WORDS[] = {
        "The operation was successful",
        "Uninitialized",
        "Invalid Argument",
        "Not Supported",
        "Insufficient Permissions",
        "Already Initialized",
        "Not Found",
        "Insufficient Size",
        "Insufficient External Power",
        "Driver Not Loaded",
        "Timeout",
        "Interrupt Request Issue",
        "NVML Shared Library Not Found",
        "Function Not Found",
        "Corrupted infoROM",
        "GPU is lost",
        "GPU requires restart",
        "The operating system has blocked the request.",
        "Driver/library version mismatch",
        "GPU is in use",
        "Insufficient Memory",
        "No data",
        "ECC is not supported on this vGPU",
        "Insufficient resources",
        "Frequency not supported",
        "Argument version mismatch",
        "Deprecated",
        "Not ready",
        "GPU not found",
        "Invalid state",
    };

    return code >= 0 && (size_t)code < sizeof WORDS / sizeof WORDS[0] ? WORDS[code] : "Unknown Error";
}
