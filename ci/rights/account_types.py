"""Calls of what lies beside the network: keys, secrets, roles, buckets, images, logs, alarms."""

from collections.abc import Mapping
from typing import Final

from ci.rights.row import Calls, calls

_BUCKET_READS: Final = (
    "ListBucket GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging"
    " GetBucketObjectLockConfiguration GetBucketPolicy GetBucketRequestPayment GetBucketTagging"
    " GetBucketVersioning GetBucketWebsite GetAccelerateConfiguration GetEncryptionConfiguration"
    " GetLifecycleConfiguration GetReplicationConfiguration ListTagsForResource"
)

ACCOUNT_TYPES: Final[Mapping[str, Calls]] = {
    "aws:budgets/budget:Budget": calls(
        "budgets",
        create="ModifyBudget TagResource",
        read="ViewBudget ListTagsForResource",
        update="ModifyBudget TagResource UntagResource",
        delete="ModifyBudget",
    ),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": calls(
        "cloudwatch",
        create="PutCompositeAlarm TagResource",
        read="DescribeAlarms ListTagsForResource",
        update="PutCompositeAlarm TagResource UntagResource",
        delete="DeleteAlarms",
    ),
    "aws:cloudwatch/dashboard:Dashboard": calls(
        "cloudwatch",
        create="PutDashboard",
        read="GetDashboard",
        update="PutDashboard",
        delete="DeleteDashboards",
    ),
    "aws:cloudwatch/logGroup:LogGroup": calls(
        "logs",
        create="CreateLogGroup TagResource PutRetentionPolicy AssociateKmsKey",
        read="DescribeLogGroups ListTagsForResource",
        update="PutRetentionPolicy DeleteRetentionPolicy AssociateKmsKey DisassociateKmsKey"
        " TagResource UntagResource",
        delete="DeleteLogGroup",
    ),
    "aws:cloudwatch/metricAlarm:MetricAlarm": calls(
        "cloudwatch",
        create="PutMetricAlarm TagResource",
        read="DescribeAlarms ListTagsForResource",
        update="PutMetricAlarm TagResource UntagResource",
        delete="DeleteAlarms",
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": calls(
        "ecr",
        create="PutLifecyclePolicy",
        read="GetLifecyclePolicy",
        update="PutLifecyclePolicy",
        delete="DeleteLifecyclePolicy",
    ),
    # ECR uses the key by grants that its caller makes:
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/encryption-at-rest.html
    "aws:ecr/repository:Repository": calls(
        "ecr",
        create="CreateRepository TagResource kms:CreateGrant kms:DescribeKey",
        read="DescribeRepositories ListTagsForResource",
        update="PutImageTagMutability PutImageScanningConfiguration TagResource UntagResource",
        delete="DeleteRepository kms:RetireGrant",
    ),
    "aws:iam/instanceProfile:InstanceProfile": calls(
        "iam",
        create="CreateInstanceProfile AddRoleToInstanceProfile TagInstanceProfile PassRole",
        read="GetInstanceProfile ListInstanceProfileTags",
        update="AddRoleToInstanceProfile RemoveRoleFromInstanceProfile TagInstanceProfile"
        " UntagInstanceProfile PassRole",
        delete="RemoveRoleFromInstanceProfile DeleteInstanceProfile",
    ),
    "aws:iam/role:Role": calls(
        "iam",
        create="CreateRole TagRole",
        read="GetRole ListRolePolicies ListAttachedRolePolicies ListRoleTags",
        update="UpdateRole UpdateRoleDescription UpdateAssumeRolePolicy PutRolePermissionsBoundary"
        " TagRole UntagRole",
        delete="ListInstanceProfilesForRole DeleteRole",
    ),
    "aws:iam/rolePolicy:RolePolicy": calls(
        "iam",
        create="PutRolePolicy",
        read="GetRolePolicy",
        update="PutRolePolicy",
        delete="DeleteRolePolicy",
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": calls(
        "iam",
        create="AttachRolePolicy",
        read="ListAttachedRolePolicies",
        delete="DetachRolePolicy",
    ),
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": calls(
        "iam",
        create="CreateServiceLinkedRole TagRole",
        read="GetRole ListRoleTags",
        update="UpdateRoleDescription TagRole UntagRole",
        delete="DeleteServiceLinkedRole GetServiceLinkedRoleDeletionStatus",
    ),
    "aws:kms/alias:Alias": calls(
        "kms", create="CreateAlias", read="ListAliases", update="UpdateAlias", delete="DeleteAlias"
    ),
    "aws:kms/key:Key": calls(
        "kms",
        create="CreateKey TagResource EnableKeyRotation PutKeyPolicy",
        read="DescribeKey GetKeyPolicy GetKeyRotationStatus ListResourceTags",
        update="PutKeyPolicy UpdateKeyDescription EnableKey DisableKey EnableKeyRotation"
        " DisableKeyRotation TagResource UntagResource",
        delete="ScheduleKeyDeletion",
    ),
    "aws:s3/bucket:Bucket": calls(
        "s3",
        create="CreateBucket PutBucketTagging TagResource",
        read=_BUCKET_READS,
        update="PutBucketTagging TagResource UntagResource",
        # A bucket of a disposable stack is emptied, every version of every object.
        delete="DeleteBucket ListBucketVersions DeleteObject DeleteObjectVersion",
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": calls(
        "s3",
        create="PutLifecycleConfiguration",
        read="GetLifecycleConfiguration",
        update="PutLifecycleConfiguration",
        delete="PutLifecycleConfiguration",
    ),
    "aws:s3/bucketLogging:BucketLogging": calls(
        "s3",
        create="PutBucketLogging",
        read="GetBucketLogging",
        update="PutBucketLogging",
        delete="PutBucketLogging",
    ),
    # Of a bucket with versions and a key of its own; deleting an object deletes every version.
    "aws:s3/bucketObjectv2:BucketObjectv2": calls(
        "s3",
        create="PutObject kms:GenerateDataKey kms:Decrypt",
        read="GetObject GetObjectTagging kms:Decrypt",
        update="PutObject kms:GenerateDataKey kms:Decrypt",
        delete="ListBucketVersions DeleteObject DeleteObjectVersion",
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": calls(
        "s3",
        create="PutBucketOwnershipControls",
        read="GetBucketOwnershipControls",
        update="PutBucketOwnershipControls",
        delete="PutBucketOwnershipControls",
    ),
    "aws:s3/bucketPolicy:BucketPolicy": calls(
        "s3",
        create="PutBucketPolicy",
        read="GetBucketPolicy",
        update="PutBucketPolicy",
        delete="DeleteBucketPolicy",
    ),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": calls(
        "s3",
        create="PutBucketPublicAccessBlock",
        read="GetBucketPublicAccessBlock",
        update="PutBucketPublicAccessBlock",
        delete="PutBucketPublicAccessBlock",
    ),
    (
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    ): calls(
        "s3",
        create="PutEncryptionConfiguration",
        read="GetEncryptionConfiguration",
        update="PutEncryptionConfiguration",
        delete="PutEncryptionConfiguration",
    ),
    "aws:s3/bucketVersioning:BucketVersioning": calls(
        "s3",
        create="PutBucketVersioning",
        read="GetBucketVersioning",
        update="PutBucketVersioning",
        delete="PutBucketVersioning",
    ),
    "aws:secretsmanager/secret:Secret": calls(
        "secretsmanager",
        create="CreateSecret TagResource",
        read="DescribeSecret GetResourcePolicy",
        update="UpdateSecret TagResource UntagResource",
        delete="DeleteSecret",
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": calls(
        "secretsmanager",
        create="PutSecretValue kms:GenerateDataKey kms:Decrypt",
        # The provider reads the value itself, so whoever refreshes a stack may read its secrets.
        read="GetSecretValue kms:Decrypt",
        update="PutSecretValue UpdateSecretVersionStage kms:GenerateDataKey",
        delete="UpdateSecretVersionStage",
    ),
    "aws:sns/topic:Topic": calls(
        "sns",
        create="CreateTopic TagResource SetTopicAttributes",
        read="GetTopicAttributes ListTagsForResource",
        update="SetTopicAttributes TagResource UntagResource",
        delete="DeleteTopic",
    ),
    "aws:sns/topicPolicy:TopicPolicy": calls(
        "sns",
        create="SetTopicAttributes",
        read="GetTopicAttributes",
        update="SetTopicAttributes",
        delete="SetTopicAttributes",
    ),
    "aws:sns/topicSubscription:TopicSubscription": calls(
        "sns",
        create="Subscribe",
        read="GetSubscriptionAttributes",
        update="SetSubscriptionAttributes",
        delete="Unsubscribe",
    ),
    "aws:ssm/parameter:Parameter": calls(
        "ssm",
        create="PutParameter AddTagsToResource",
        read="GetParameter DescribeParameters ListTagsForResource",
        update="PutParameter AddTagsToResource RemoveTagsFromResource",
        delete="DeleteParameter",
    ),
}
