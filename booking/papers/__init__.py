"""A ticket as a picture and as a calendar entry."""
