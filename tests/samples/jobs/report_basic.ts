const response = await fetch(`${API_URL}/api/jobs/${jobId}/progress`, {
  method: 'POST',
  headers: { 'Content-Type': 'application/json' },
  body: JSON.stringify({
    workerId: 'your_worker_id',
    progress: 45,  // 0-100
    currentOperation: 'Training epoch 5/10'
  })
});

const result = await response.json();
console.log(`Time remaining: ${result.timeRemaining}s`);
console.log(`Cost so far: ${result.costSoFar} QUBIC`);
