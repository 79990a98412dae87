"""AWS in the process: a fixture of this folder, that it ends with all it holds when that does."""

from tests.support.moto import aws_in_process, aws_models_once

__all__ = ["aws_in_process", "aws_models_once"]
