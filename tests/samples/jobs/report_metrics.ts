await fetch(`${API_URL}/api/jobs/${jobId}/progress`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    workerId: 'your_worker_id',
    progress: 45,
    currentOperation: 'Training epoch 5/10',
    metrics: {
      gpuUtilization: 87,      // 0-100
      gpuMemoryUsed: 18000,    // MB
      gpuMemoryTotal: 24000,   // MB
      gpuTemperature: 72,      // Celsius
      powerUsage: 350          // Watts
    }
  })
});
