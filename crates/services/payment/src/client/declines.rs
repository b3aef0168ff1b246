//! Simulated declines of the built-in provider, configured for demonstrations and tests.

use contracts::money::Money;

use crate::model::{Decline, Intent, Method};

#[derive(Clone, Copy, Debug, Default)]
pub struct Declines {
    /// The share of payments to decline, 0 to 1.
    pub rate: f64,
    /// The provider declines amounts above this; `None` declines no amount.
    pub above: Option<Money>,
}

impl Declines {
    /// Returns the simulated decline of an intent, if any. The result is the same for each request with the same
    /// transaction. INVESTOR_MONEY is declined only by the balance, never here.
    pub fn of(&self, intent: &Intent) -> Option<Decline> {
        if intent.method == Method::InvestorMoney {
            return None;
        }
        // The last 32 bits of a random (v4) UUID are random.
        let [.., a, b, c, d] = *intent.transaction.uuid().as_bytes();
        let share = f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0);
        let above = self.above.is_some_and(|above| intent.amount > above);
        (above || share < self.rate).then_some(Decline::Declined)
    }
}

#[cfg(test)]
mod tests {
    use contracts::ids::{OrderId, TransactionId, UserId};
    use uuid::Uuid;

    use super::*;
    use crate::model::ProviderName;

    fn intent(transaction: u128, method: Method) -> Intent {
        Intent {
            transaction: TransactionId::new(Uuid::from_u128(transaction)),
            order: OrderId::new(Uuid::nil()),
            attempt: 1,
            user: UserId::new(Uuid::nil()),
            method,
            amount: Money::from_minor(100).unwrap(),
            provider: ProviderName::Ledger,
        }
    }

    #[test]
    fn a_rate_declines_its_share_of_the_transactions() {
        let quarter = Declines { rate: 0.25, above: None };

        let declined =
            (0..u128::from(u32::MAX)).step_by(1 << 22).filter(|id| quarter.of(&intent(*id, Method::Card)).is_some());

        assert_eq!(declined.count(), 256);
    }

    #[test]
    fn a_rate_of_one_declines_every_transaction() {
        let all = Declines { rate: 1.0, above: None };

        for id in [0, u32::MAX] {
            assert_eq!(all.of(&intent(id.into(), Method::Card)), Some(Decline::Declined), "{id}");
        }
    }

    #[test]
    fn amounts_above_the_limit_are_declined() {
        let of = |above, method| Declines { rate: 0.0, above: Money::from_minor(above).ok() }.of(&intent(0, method));

        assert_eq!(of(100, Method::Card), None);
        assert_eq!(of(99, Method::Card), Some(Decline::Declined));
        assert_eq!(of(99, Method::InvestorMoney), None);
    }
}
