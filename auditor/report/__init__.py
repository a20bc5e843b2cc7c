"""The report: its shape, and the formats in which it is written."""
