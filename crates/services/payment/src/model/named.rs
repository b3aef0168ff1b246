//! Enums whose variants have a name in the database and in the API: payment methods, decline reasons and providers.

/// Declares an enum whose variants have the same name in the database and in the API.
macro_rules! named {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[$variant_doc])* $variant),*
        }

        impl $type {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),*
                }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

pub(super) use named;

named!(Method { Card = "CARD", Sbp = "SBP", CreditCard = "CREDIT_CARD", InvestorMoney = "INVESTOR_MONEY" });

named!(
    /// The reason for which a charge was declined. A decline is final: nothing was charged under this transaction.
    Decline { Declined = "PAYMENT_DECLINED", InsufficientFunds = "INSUFFICIENT_FUNDS" }
);

named!(
    /// The provider that moves the money.
    ProviderName {
        /// The built-in ledger.
        Ledger = "ledger",
        /// Stripe, or a server with its API.
        Stripe = "stripe",
    }
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parsed_as_they_are_written() {
        for method in Method::ALL {
            assert_eq!(Method::parse(method.as_str()), Some(*method));
        }
        assert_eq!(Decline::parse("NO_REASON"), None);
    }
}
