"""How clients get in: the certificate, the load balancer before both colours, and its web ACL."""
