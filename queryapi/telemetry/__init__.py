"""What the query service tells about itself: metrics and logs."""
