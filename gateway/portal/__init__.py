"""Pages for people without an account: a buyer opens them by a signed link and one fact that only he should know."""
