"""What a file is: categories, the matcher that decides among them, and the explanation of a decision. Pure."""
