"""What an array is, as a circuit."""
