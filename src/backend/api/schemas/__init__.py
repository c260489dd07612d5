"""What endpoints take and give."""
