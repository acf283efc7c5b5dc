"""Who holds a device: the kubelet, the processes and a batch scheduler's folder are asked."""
