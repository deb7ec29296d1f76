"""The usage of budgets: what is used of each limit, day by day and in earlier periods."""
