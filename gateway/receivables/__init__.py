"""Claims and how they are told, paid, split, disputed and closed."""
