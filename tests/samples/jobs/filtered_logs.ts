// Get info logs only
const response = await fetch(`${API_URL}/api/jobs/${jobId}/logs?level=info&limit=50`);
const data = await response.json();

data.logs.forEach(log => {
  console.log(`[${log.level}] ${log.timestamp}: ${log.message}`);
});

// Pagination
const page2 = await fetch(`${API_URL}/api/jobs/${jobId}/logs?limit=50&offset=50`);
