"""Who is asking and what they may do. Nothing here knows Flask."""
