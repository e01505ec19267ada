"""The law as dated data and pure functions: rates, default, interest, allocation, fees, terms; and calculators over them."""
