"""Where a stack is made: the provider of one region, and of no account but the named one."""

from collections.abc import Mapping

import pulumi_aws as aws


def account_provider(
    name: str, region: str, account_id: str | None, tags: Mapping[str, str]
) -> aws.Provider:
    """Return the provider that everything of a stack is made by.

    Args:
        name: Name of the provider.
        region: Where everything is made.
        account_id: The only account it works in; None for whichever the credentials are of.
        tags: On everything that can bear them.
    """
    return aws.Provider(
        name,
        region=region,
        allowed_account_ids=None if account_id is None else [account_id],
        default_tags=aws.ProviderDefaultTagsArgs(tags=dict(tags)),
    )
