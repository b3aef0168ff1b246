//! Which payments the built-in provider declines: a switch to see what a decline does.

use contracts::money::Money;

use crate::model::{Decline, Intent, Method};

#[derive(Clone, Copy, Debug, Default)]
pub struct Declines {
    /// The share that is declined, 0 to 1.
    pub rate: f64,
    /// What costs more is declined.
    pub above: Option<Money>,
}

impl Declines {
    /// Whether this one is declined: always the same for the same transaction. INVESTOR_MONEY depends on the balance alone.
    pub fn of(&self, intent: &Intent) -> Option<Decline> {
        if intent.method == Method::InvestorMoney {
            return None;
        }
        // The last 32 bits of a random uuid are random.
        let [.., a, b, c, d] = *intent.transaction.as_bytes();
        let share = f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0);
        let dear = self.above.is_some_and(|above| intent.amount > above);
        (dear || share < self.rate).then_some(Decline::Declined)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::model::ProviderName;

    fn intent(transaction: u128, method: Method) -> Intent {
        Intent {
            transaction: Uuid::from_u128(transaction),
            order: Uuid::nil(),
            attempt: 1,
            user: Uuid::nil(),
            method,
            amount: Money::from_minor(100).unwrap(),
            provider: ProviderName::Ledger,
        }
    }

    #[test]
    fn a_rate_declines_the_same_share_of_the_same_transactions() {
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
    fn a_limit_declines_what_is_above_it() {
        let of = |above, method| Declines { rate: 0.0, above: Money::from_minor(above).ok() }.of(&intent(0, method));

        assert_eq!(of(100, Method::Card), None);
        assert_eq!(of(99, Method::Card), Some(Decline::Declined));
        assert_eq!(of(99, Method::InvestorMoney), None);
    }
}
