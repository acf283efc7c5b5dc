"""What is told of jobs to whoever asks: from what is stored, in one look."""
