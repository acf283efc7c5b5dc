await fetch(`${API_URL}/api/jobs/${jobId}/progress`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    workerId: 'your_worker_id',
    progress: 45,
    currentOperation: 'Training epoch 5/10',
    metrics: {
      gpuUtilization: 87,
      gpuMemoryUsed: 18000,
      gpuMemoryTotal: 24000,
      gpuTemperature: 72,
      powerUsage: 350
    },
    logLines: [
      { level: 'info', message: 'Epoch 5/10 completed' },
      { level: 'info', message: 'Loss: 0.0234, Accuracy: 98.5%' }
    ]
  })
});
