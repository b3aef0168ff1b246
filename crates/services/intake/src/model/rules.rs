//! The rules of the published model.

use chrono::{DateTime, Months, TimeDelta, Utc};

use super::{Item, Order, OrderUid};

/// The maximum size of a message, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// The maximum length of a text, in characters.
const MAX_LENGTH: usize = 1_000;
const MAX_ITEMS: usize = 1_000;
/// The limits of `date_created` before and after the current time.
const MAX_AGE: Months = Months::new(10 * 12);
const MAX_CLOCK_DIFFERENCE: TimeDelta = TimeDelta::hours(1);

/// A rule that an order breaks. Never contains the value, which may be personal data.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{path}: {rule}")]
pub struct Broken {
    /// The member, such as `items[0].price`.
    pub path: String,
    pub rule: String,
}

impl Broken {
    pub fn new(path: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { path: path.into(), rule: rule.into() }
    }
}

const BLANK: &str = "must not be blank";
const NOT_POSITIVE: &str = "must be above 0";
const NEGATIVE: &str = "must be at least 0";

impl Order {
    /// Returns the first broken rule.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Broken> {
        let broken = |path: &str, rule: &str| Err(Broken::new(path, rule));
        texts("", self.texts())?;
        texts("delivery.", self.delivery.texts())?;
        texts("payment.", self.payment.texts())?;
        let Self { delivery, payment, .. } = self;
        for (path, text) in [
            ("order_uid", self.order_uid.as_str()),
            ("track_number", &self.track_number),
            ("customer_id", &self.customer_id),
            ("delivery.name", &delivery.name),
            ("delivery.phone", &delivery.phone),
            ("delivery.city", &delivery.city),
            ("delivery.address", &delivery.address),
            ("payment.currency", &payment.currency),
            ("payment.provider", &payment.provider),
            ("payment.transaction", &payment.transaction),
        ] {
            if text.trim().is_empty() {
                return broken(path, BLANK);
            }
        }
        if !self.order_uid.is_valid() {
            return Err(Broken::new("order_uid", format!("must have at most {} characters", OrderUid::MAX_LENGTH)));
        }
        if !delivery.email.contains('@') {
            return broken("delivery.email", "must have an @");
        }
        if payment.amount <= 0 {
            return broken("payment.amount", NOT_POSITIVE);
        }
        if !self.date_created.is_some_and(|at| {
            now.checked_sub_months(MAX_AGE).is_some_and(|oldest| at >= oldest) && at <= now + MAX_CLOCK_DIFFERENCE
        }) {
            return broken("date_created", "must be from 10 years ago to an hour ahead");
        }
        if !(1..=MAX_ITEMS).contains(&self.items.len()) {
            return Err(Broken::new("items", format!("must have 1 to {MAX_ITEMS} entries")));
        }
        let checked = |(place, item): (usize, &Item)| {
            item.check().map_err(|broken| Broken { path: format!("items[{place}].{}", broken.path), ..broken })
        };
        self.items.iter().enumerate().try_for_each(checked)
    }
}

impl Item {
    fn check(&self) -> Result<(), Broken> {
        texts("", self.texts())?;
        let rules = [
            (!self.name.trim().is_empty(), "name", BLANK),
            (!self.brand.trim().is_empty(), "brand", BLANK),
            (self.price > 0, "price", NOT_POSITIVE),
            (self.sale >= 0, "sale", NEGATIVE),
            (self.total_price >= 0, "total_price", NEGATIVE),
            (self.total_fits(), "total_price", "must be at least price minus sale, or price reduced by sale per cent"),
        ];
        let broken = rules.into_iter().find(|(holds, ..)| !holds);
        broken.map_or(Ok(()), |(_, path, rule)| Err(Broken::new(path, rule)))
    }

    /// Checks `total_price`. In some programs `sale` is an amount, in others a percentage, whose result they round down
    /// or up.
    fn total_fits(&self) -> bool {
        let [price, sale, total] = [self.price, self.sale, self.total_price].map(i128::from);
        let hundredfold = price * (100 - sale);
        let down = hundredfold.div_euclid(100);
        let up = down + i128::from(hundredfold.rem_euclid(100) != 0);
        total >= price - sale || total == down || total == up
    }
}

/// Checks the length of texts and that they have no NUL, which PostgreSQL cannot store.
fn texts<'a>(prefix: &str, texts: impl Iterator<Item = (&'static str, &'a str)>) -> Result<(), Broken> {
    for (name, text) in texts {
        // Counts characters only if the bytes exceed the limit, which is rare.
        if text.len() > MAX_LENGTH && text.chars().count() > MAX_LENGTH {
            return Err(Broken::new(format!("{prefix}{name}"), format!("must have at most {MAX_LENGTH} characters")));
        }
        if text.contains('\0') {
            return Err(Broken::new(format!("{prefix}{name}"), "must have no NUL"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(price: i64, sale: i64, total_price: i64) -> Item {
        Item { name: "n".to_owned(), brand: "b".to_owned(), price, sale, total_price, ..Item::default() }
    }

    #[test]
    fn a_sale_is_an_amount_or_per_cent_rounded_either_way() {
        for total in [317, 318, 423, 1_000] {
            assert_eq!(item(453, 30, total).check(), Ok(()), "{total}");
        }
        for total in [0, 316, 319, 422] {
            assert_eq!(item(453, 30, total).check().unwrap_err().path, "total_price", "{total}");
        }
        assert_eq!(item(100, 30, 70).check(), Ok(()));
        assert_eq!(item(100, 150, 0).check(), Ok(()));
        assert_eq!(item(i64::MAX, i64::MAX, 0).check(), Ok(()));
    }
}
