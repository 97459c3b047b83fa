"""What each command does, from files to a result folder."""
