"""Rights of buyers: what they ask for, who answers until when, reviews by a person, copies, corrections, erasure."""
