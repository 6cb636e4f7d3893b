"""Who is next and why, who is ahead, how long it takes; what the board and the counters show of it."""
