"""All SQL of the async side. What belongs to a user is asked for with that user, so that no query forgets its owner."""
