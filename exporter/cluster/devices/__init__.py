"""GPUs of Dynamic Resource Allocation: which there are (ResourceSlices), who has them (claims)."""
