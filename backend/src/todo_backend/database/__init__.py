"""How the data is reached: the only room with SQL, and the only one that commits."""
