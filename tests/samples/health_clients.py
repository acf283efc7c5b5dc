"""The document's sample clients, verbatim: real-time metrics.

A test sets the client. Nothing here follows our style, on purpose: it is what users run.
"""

client = None


async def test_real_time_metrics_success():
    """Test real-time metrics with all services healthy"""
    response = await client.get("/api/v1/real-time-metrics")
    assert response.status_code == 200
    data = response.json()
    assert "events_per_second" in data
    assert "api_calls_active" in data
    assert "health_summary" in data
    assert data["timestamp"] is not None

async def test_real_time_metrics_partial_failure():
    """Test with some services unavailable"""
    # Mock one service as down
    response = await client.get("/api/v1/real-time-metrics")
    assert response.status_code == 200
    data = response.json()
    assert data["error_apis"] > 0 or data["inactive_apis"] > 0

async def test_real_time_metrics_performance():
    """Test response time is under 500ms"""
    import time
    start = time.time()
    response = await client.get("/api/v1/real-time-metrics")
    duration = time.time() - start
    assert duration < 0.5
    assert response.status_code == 200
