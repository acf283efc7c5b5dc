await fetch(`${API_URL}/api/jobs/${jobId}/progress`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    workerId: 'your_worker_id',
    progress: 45,
    currentOperation: 'Training epoch 5/10',
    logLines: [
      { level: 'info', message: 'Epoch 5/10 completed' },
      { level: 'info', message: 'Loss: 0.0234, Accuracy: 98.5%' },
      { level: 'warning', message: 'GPU temperature high: 82°C' }
    ]
  })
});
