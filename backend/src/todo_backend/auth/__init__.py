"""Who is asking: turns a credential into a `Principal`."""
