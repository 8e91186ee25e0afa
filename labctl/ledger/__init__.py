"""The account book in SQL: jobs and their leases, runs and their results, and bits that are spent once."""
