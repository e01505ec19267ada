"""Which kind of payment method a WooCommerce gateway id most likely is: a proposal that the merchant may overrule.

Ids are those of the published plugins, as found in their sources. Where an id holds several methods (Optimized
Checkout, PayPal) the kind is that of its main method. Where a plugin leaves the risk with the merchant or takes it,
depending on the contract, the riskier kind is proposed.
"""

from types import MappingProxyType

_GROUPS = {
    "prepayment": """
        bacs direct-bank-transfer stripe_oxxo stripe_boleto stripe_multibanco ppcp-oxxo-gateway ppcp-multibanco
        mollie_wc_gateway_banktransfer mollie_wc_gateway_multibanco mollie_wc_gateway_paysafecard
        payone_prepayment unzer_prepayment novalnet_prepayment
    """,
    "invoice": """
        cheque invoice german_market_purchase_on_account payone_invoice unzer_invoice novalnet_invoice
        woocommerce_invoice_gateway igfw_invoice_gateway
    """,
    "cash_on_delivery": "cod cash_on_delivery",
    "sepa_debit": """
        direct-debit german_market_sepa_direct_debit stripe_sepa stripe_sepa_debit stripe_bacs_debit
        stripe_au_becs_debit stripe_becs_debit stripe_acss_debit stripe_us_bank_account
        woocommerce_payments_sepa_debit woocommerce_payments_au_becs_debit mollie_wc_gateway_directdebit
        gocardless payone_direct_debit unzer_direct_debit novalnet_sepa
    """,
    "card_3ds": """
        stripe stripe_cc stripe_upe woocommerce_payments ppcp-credit-card-gateway ppcp-card-button-gateway
        ppcp-axo-gateway mollie_wc_gateway_creditcard payone_creditcard unzer_card novalnet_cc square_credit_card
        braintree_credit_card worldpay adyen_credit_card
    """,
    "paypal": """
        paypal ppcp-gateway ppec_paypal paypal_express braintree_paypal mollie_wc_gateway_paypal payone_paypal
        unzer_paypal novalnet_paypal
    """,
    "instant_transfer": """
        stripe_sofort stripe_giropay stripe_eps stripe_ideal stripe_bancontact stripe_p24 stripe_blik stripe_twint
        woocommerce_payments_sofort woocommerce_payments_giropay woocommerce_payments_eps woocommerce_payments_ideal
        woocommerce_payments_bancontact woocommerce_payments_p24 ppcp-bancontact ppcp-blik ppcp-eps ppcp-ideal
        ppcp-mybank ppcp-p24 ppcp-trustly mollie_wc_gateway_sofort mollie_wc_gateway_giropay mollie_wc_gateway_eps
        mollie_wc_gateway_ideal mollie_wc_gateway_bancontact mollie_wc_gateway_mistercash mollie_wc_gateway_kbc
        mollie_wc_gateway_belfius mollie_wc_gateway_przelewy24 mollie_wc_gateway_mybank mollie_wc_gateway_trustly
        mollie_wc_gateway_blik mollie_wc_gateway_twint mollie_wc_gateway_klarnapaynow mollie_wc_gateway_paybybank
        payone_sofort payone_giropay payone_eps payone_wero unzer_ideal unzer_eps unzer_bancontact
    """,
    "bnpl_guaranteed": """
        klarna_payments kco stripe_klarna stripe_affirm stripe_afterpay_clearpay woocommerce_payments_klarna
        woocommerce_payments_affirm woocommerce_payments_afterpay_clearpay ppcp-pay-upon-invoice-gateway
        mollie_wc_gateway_klarna mollie_wc_gateway_klarnapaylater mollie_wc_gateway_klarnasliceit
        mollie_wc_gateway_in3 mollie_wc_gateway_riverty mollie_wc_gateway_billie mollie_wc_gateway_alma
        mondu_invoice mondu_direct_debit mondu_installment payone_secured_invoice payone_secured_installment
        payone_secured_direct_debit payone_klarna_invoice payone_safe_invoice unzer_paylater_invoice
        unzer_invoice_secured unzer_installment novalnet_guaranteed_invoice novalnet_guaranteed_sepa
        afterpay_invoice billie
    """,
    "wallet": """
        stripe_applepay stripe_googlepay stripe_alipay stripe_wechat_pay stripe_cashapp stripe_amazon_pay stripe_link
        woocommerce_payments_apple_pay woocommerce_payments_google_pay woocommerce_payments_link ppcp-applepay
        ppcp-googlepay ppcp-venmo mollie_wc_gateway_applepay mollie_wc_gateway_googlepay mollie_wc_gateway_satispay
        mollie_wc_gateway_vipps mollie_wc_gateway_mobilepay amazon_payments_advanced unzer_apple_pay
        unzer_google_pay unzer_alipay unzer_wechatpay payone_apple_pay payone_google_pay
    """,
    "gift_card": "gift_cards pw_gift_card mollie_wc_gateway_giftcard mollie_wc_gateway_voucher",
}
KINDS = MappingProxyType({gateway: kind for kind, ids in _GROUPS.items() for gateway in ids.split()})
"""Gateway id → our kind."""
_FAMILIES = (
    ("klarna_payments_", "bnpl_guaranteed"),
    ("mondu_", "bnpl_guaranteed"),
    ("stripe_klarna_", "bnpl_guaranteed"),
)
"""Beginnings of ids that plugins make while running."""
PAID_BY_STATUS = frozenset({"invoice", "german_market_purchase_on_account"})
"""Gateways for which goods go out before the money, by a status that the shop chose. WooCommerce writes a date of
payment with that status by itself (`WC_Order::maybe_set_date_paid`), so for these it proves nothing."""


def kind_of(gateway: str) -> str:
    """Our kind of a gateway id; `other` for one that nobody has described."""
    known = KINDS.get(gateway)
    return known or next((kind for start, kind in _FAMILIES if gateway.startswith(start)), "other")
