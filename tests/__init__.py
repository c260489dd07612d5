"""The test suite: unit, integration and end-to-end tests, and what they share in `support`."""
