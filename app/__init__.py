"""What runs on a GPU machine: recognition client, gateway, client library, emulator, page."""
