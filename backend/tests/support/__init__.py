"""What several tests need: no product code is replaced here."""
