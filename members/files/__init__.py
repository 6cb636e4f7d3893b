"""Members from a file: reading spreadsheets, and importing what they say."""
