"""The front for clients of Riva's own gRPC."""
