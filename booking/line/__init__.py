"""What is answered to LINE's events, and the menu below the chat."""
