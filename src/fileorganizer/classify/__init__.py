"""What a file's content and header say: its type, and when it was taken. Reads, never writes."""
