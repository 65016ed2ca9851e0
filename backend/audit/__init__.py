"""What `script/audit` looks for: secrets in the repository, and known faults in what it runs on."""
