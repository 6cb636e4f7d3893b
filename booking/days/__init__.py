"""What a day is: from rules to slots and places, and what members and staff see of it."""
