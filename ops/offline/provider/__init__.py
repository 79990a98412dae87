"""The resource provider that creates: each registration becomes calls of boto3 to moto.

`provider.AwsProvider` is what the engine asks. A registration becomes a `CreateRequest` for the
handler of its type, `mapper` places its inputs into a call by botocore's models, `limits` refuses
what AWS would refuse, `functions` answers look-ups, and `api.AwsApi` makes the calls.
"""
