"""The reports: what happened in a range of days, counted from the events of tickets."""
