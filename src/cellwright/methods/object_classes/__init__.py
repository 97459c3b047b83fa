"""What objects are, told beside any method that tells which pixels belong to which object."""
