"""What runs there are, how they are made, and where their records are."""
