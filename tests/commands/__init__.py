"""Every way to start something of this repository, on odd machines and with odd arguments."""
