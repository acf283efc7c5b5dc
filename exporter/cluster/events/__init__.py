"""What happens: transitions, Kubernetes' own warnings, their counts and the waits."""
