"""The GPU machines of a colour: auto scaling group, role, user data, scaling, and their switch."""
