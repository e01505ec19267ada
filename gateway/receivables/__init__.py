"""From an unpaid order to a settled claim: claims and their ledger, dunning, letters, plans and objections.

In each row the reading order is tables → pure rules → commands → edges. Whatever stands below the first row changes a
claim by its doors only (`claims`).

=============  ====================================================================================================
the claim      `models lifecycle changes refusals` · `booking case moves lawful` · `ledger cases claims` · `facts statement
               listing proof debtors telling events` · `schemas api`
from an order  `payment_terms following` · `shop_terms follow` · `terms_api`
money back     `standing` · `returned_models provider_money returned_told` · `follow_payments returned`
dunning        `dunning_policy dunning_schema dunning_lint dunning_defaults` · `next_step bundle sending forecast
               debtor_calendar surroundings` · `dunning_versions drafting nightly dunning calls preview` · `dunning_tasks
               dunning_schemas dunning_api`
letters        `letter_models letter_lifecycle` · `figures claim_figures letter_model letter_check` · `letter_words letter_figures
               letter_text letter_page letter_codes letter_pdf letter_mail` · `letters letter_facts letter_job letter_sending
               letter_preview print_batches letter_events letter_view` · `letters_api`
agreements     `agreement_models agreement_limits` · `instalments` · `agreements plans promises objections uploads
               debtor_letters` · `plan_revival plan_tasks objections_api`
the debtor     `pay_links debtor_links debtor_claims debtor_acts debtor_words pay_accounts contacts keys` · `claim_copies erasing`
of all         `days working_days`: which day it is, and which day something falls due, where the debtor lives
=============  ====================================================================================================

Two files of one name differ like this: `figures` is what a letter says as data, `claim_figures` takes it from the ledger,
`letter_figures` puts it into words; `letter_models` are tables, `letter_model` is a letter's content; `agreement_limits` and
`payment_terms` are documents, `agreements` and `shop_terms` tell which version is in force.
"""
