"""The HTTP side: routes, what they take and give, and what every answer has in common."""
