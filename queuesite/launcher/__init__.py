"""What `make run` starts, and the embedded PostgreSQL."""
