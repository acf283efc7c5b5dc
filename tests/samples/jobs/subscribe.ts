const ws = new WebSocket(WS_URL);

ws.onopen = () => {
  // Subscribe to job updates
  ws.send(JSON.stringify({
    type: 'subscribe:job',
    subscriptionId: jobId
  }));
};

ws.onmessage = (event) => {
  const message = JSON.parse(event.data);
  
  switch (message.type) {
    case 'JOB_PROGRESS':
      const { progress, currentOperation, metrics, timeRemaining, costSoFar } = message.data;
      
      // Update UI
      updateProgressBar(progress);
      updateCurrentOperation(currentOperation);
      
      if (metrics) {
        updateGPUUtilization(metrics.gpuUtilization);
        updateGPUMemory(metrics.gpuMemoryUsed, metrics.gpuMemoryTotal);
        updateGPUTemperature(metrics.gpuTemperature);
        updatePowerUsage(metrics.powerUsage);
      }
      
      updateTimeRemaining(timeRemaining);
      updateCostSoFar(costSoFar);
      break;
      
    case 'JOB_LOGS':
      const { logs } = message.data;
      appendLogs(logs);
      break;
      
    case 'JOB_COMPLETED':
      const { status, result } = message.data;
      handleJobCompletion(status, result);
      break;
  }
};
