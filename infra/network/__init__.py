"""Where the environment lives: VPC, subnets, endpoints of AWS, security groups and flow log."""
