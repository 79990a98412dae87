"""What watches an environment: alarms, and who may write where they and the logs go."""
