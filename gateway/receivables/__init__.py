"""From an unpaid order to a settled claim: claims and their ledger, dunning, letters, plans and objections."""
