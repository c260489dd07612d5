"""What everything else of the server stands on; imports nothing else of ours."""
