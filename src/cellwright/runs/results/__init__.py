"""Result folders: what is done, what is written, and what the page says."""
