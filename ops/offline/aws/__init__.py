"""Makes what a program registers real, by boto3 and botocore's models."""
