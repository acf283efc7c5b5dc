// Get last 60 seconds of metrics
const response = await fetch(`${API_URL}/api/jobs/${jobId}/metrics?timeRange=60`);
const data = await response.json();

// Use metrics for charts
const chartData = data.metrics.map(m => ({
  timestamp: new Date(m.timestamp),
  gpuUtilization: m.gpuUtilization,
  gpuTemperature: m.gpuTemperature,
  gpuMemoryUsed: m.gpuMemoryUsed
}));

// Render with Recharts
<LineChart data={chartData}>
  <Line dataKey="gpuUtilization" stroke="#8884d8" />
  <Line dataKey="gpuTemperature" stroke="#82ca9d" />
</LineChart>
