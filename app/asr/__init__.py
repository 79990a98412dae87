"""The one way to recognition: a client of NVIDIA Riva's gRPC API."""
