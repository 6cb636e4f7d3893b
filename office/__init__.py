"""What the office has set for itself: its name, its looks, its words, its limits. `settings.office` reads it."""
