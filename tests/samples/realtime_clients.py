"""The documents' sample clients, verbatim: real-time status.

A test sets the base URL and the headers. Nothing here follows our style, on purpose: it is what
users run.
"""

from datetime import datetime, timezone
import requests
import time

API_BASE = "http://lens-api"
auth_headers = {"Authorization": "Bearer YOUR_TOKEN"}


def monitor_cluster(cluster, interval=30):
    while True:
        response = requests.get(
            f"{API_BASE}/api/v1/realtime/status",
            params={
                "cluster": cluster,
                "include": ["nodes", "alerts"]
            },
            headers=auth_headers
        )
        
        data = response.json()["data"]
        print(f"Cluster: {data['cluster']}")
        print(f"Allocation: {data['current_gpu_usage']['allocation_rate']}%")
        print(f"Available GPUs: {data['available_resources']['available_gpus']}")
        
        time.sleep(interval)


def can_schedule_job(cluster, required_gpus):
    response = requests.get(
        f"{API_BASE}/api/v1/realtime/status",
        params={"cluster": cluster},
        headers=auth_headers
    )
    
    data = response.json()["data"]
    resources = data["available_resources"]
    
    return {
        "can_schedule": resources["max_contiguous_gpu"] >= required_gpus,
        "available_gpus": resources["available_gpus"],
        "available_nodes": resources["available_nodes"]
    }


def find_long_running_tasks(cluster, threshold_hours=24):
    response = requests.get(
        f"{API_BASE}/api/v1/realtime/running-tasks",
        params={"cluster": cluster},
        headers=auth_headers
    )
    
    data = response.json()["data"]
    threshold_seconds = threshold_hours * 3600
    
    long_running = [
        task for task in data["tasks"]
        if task["running_time_seconds"] > threshold_seconds
    ]
    
    return long_running


def get_namespace_usage(cluster, namespace):
    response = requests.get(
        f"{API_BASE}/api/v1/realtime/running-tasks",
        params={
            "cluster": cluster,
            "namespace": namespace
        },
        headers=auth_headers
    )
    
    data = response.json()["data"]
    tasks = data["tasks"]
    
    total_gpus = sum(task["allocated_gpus"] for task in tasks)
    
    return {
        "namespace": namespace,
        "running_tasks": len(tasks),
        "total_gpus": total_gpus,
        "tasks": tasks
    }


def get_status_with_age(cluster):
    response = requests.get(
        f"{API_BASE}/api/v1/realtime/status",
        params={"cluster": cluster}
    )
    
    data = response.json()["data"]
    timestamp = datetime.fromisoformat(data["timestamp"].replace("Z", "+00:00"))
    age_seconds = (datetime.now(timezone.utc) - timestamp).total_seconds()
    
    if age_seconds > 60:
        print(f"Warning: Data is {age_seconds}s old")
    
    return data


def safe_get_status(cluster, retries=3):
    for attempt in range(retries):
        try:
            response = requests.get(
                f"{API_BASE}/api/v1/realtime/status",
                params={"cluster": cluster},
                headers=auth_headers,
                timeout=5
            )
            response.raise_for_status()
            return response.json()["data"]
        except requests.exceptions.RequestException as e:
            if attempt == retries - 1:
                raise
            time.sleep(2 ** attempt)  # Exponential backoff
