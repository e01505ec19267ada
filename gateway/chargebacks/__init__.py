"""Payments that are taken back by a card scheme, a wallet or a bank: deadlines, evidence, answers and what a loss leads to.

`lifecycle` is the one table over all providers; `heed` keeps what payments tell, `commands` what people do, `pack` gathers what
proves the merchant's case, `worth` says whether answering pays, `aftermath` decides whether a loss becomes a claim.
"""
