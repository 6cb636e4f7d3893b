"""The messages that a ticket owes its member: which there are, what they say, and how they are sent."""
