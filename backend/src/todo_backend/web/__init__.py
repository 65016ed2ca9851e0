"""HTTP that every contract shares."""
