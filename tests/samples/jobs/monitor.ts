const response = await fetch(`${API_URL}/api/jobs/${jobId}/monitor`);
const data = await response.json();

// Access job details
console.log(`Status: ${data.job.status}`);
console.log(`Progress: ${data.job.progress}%`);
console.log(`Operation: ${data.job.currentOperation}`);

// Access latest metrics
if (data.metrics.latest) {
  console.log(`GPU: ${data.metrics.latest.gpuUtilization}%`);
  console.log(`Temp: ${data.metrics.latest.gpuTemperature}°C`);
}

// Access metrics history for charts
const metricsHistory = data.metrics.history;

// Access logs
const logs = data.logs;

// Access calculations
console.log(`Time remaining: ${data.timeRemaining}s`);
console.log(`Cost so far: ${data.costSoFar} QUBIC`);
