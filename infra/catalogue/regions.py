"""What follows from a region's name."""


def partition(region: str) -> str:
    """Return the ARN partition a region lies in."""
    for prefix, name in (("cn-", "aws-cn"), ("us-gov-", "aws-us-gov")):
        if region.startswith(prefix):
            return name
    return "aws"


def dns_suffix(region: str) -> str:
    """Return what the names of the services of a region end in."""
    return "amazonaws.com.cn" if partition(region) == "aws-cn" else "amazonaws.com"
