"""AWS's simulator in this process."""

from tests.support.moto import aws_in_process

__all__ = ["aws_in_process"]
