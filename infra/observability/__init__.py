"""Log groups, alarms and whom they tell, the dashboard, and the budget."""
