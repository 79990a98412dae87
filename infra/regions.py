"""What follows from a region's name."""


def partition(region: str) -> str:
    """The ARN partition a region lies in."""
    for prefix, name in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(prefix):
            return name
    return "aws"
