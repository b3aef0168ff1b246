//! The generated records: valid orders from [`intake::sample`], a share of which this module makes invalid.

use intake::{
    model::{Order, OrderUid},
    sample::{self, Dice},
};
use serde_json::{Value, json};

/// Seeds a separate generator that decides which orders are invalid, so that the orders of a seed stay the same.
const SALT: u64 = 0x0bad_0bad_0bad_0bad;
/// In how many ways an order can be invalid.
const INVALID_KINDS: u64 = 6;

/// The records of a seed.
#[derive(Clone, Copy, Debug)]
pub struct Records {
    pub seed: u64,
    /// The share of invalid orders, from 0 to 1.
    pub bad: f64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    pub key: Vec<u8>,
    pub payload: Vec<u8>,
    /// True if the order breaks a rule and becomes a dead letter.
    pub is_bad: bool,
}

impl Records {
    pub fn get(&self, number: u64) -> Made {
        let order = sample::order(self.seed, number);
        let is_bad = self.is_bad(number);
        let (uid, payload) = if is_bad { self.spoilt(number, order) } else { (order.order_uid.clone(), bytes(&order)) };
        Made { key: uid.as_str().as_bytes().to_vec(), payload, is_bad }
    }

    fn is_bad(&self, number: u64) -> bool {
        Dice::new(self.seed ^ SALT, number).is_within(self.bad)
    }

    fn spoilt(&self, number: u64, mut order: Order) -> (OrderUid, Vec<u8>) {
        let uid = order.order_uid.clone();
        let way = Dice::new(self.seed ^ !SALT, number).below(INVALID_KINDS);
        let payload = match way {
            0 => bytes(&order).split_last_chunk::<8>().map(|(begin, _)| begin.to_vec()).unwrap_or_default(),
            1 => {
                let mut value = serde_json::to_value(&order).unwrap_or_default();
                value["items"][0]["price"] = json!("many");
                bytes(&value)
            }
            2 => {
                order.items.clear();
                bytes(&order)
            }
            3 => {
                "nobody".clone_into(&mut order.delivery.email);
                bytes(&order)
            }
            // The key of the previous order, which is stored first: records with the same key keep their order.
            4 if number > 0 && !self.is_bad(number - 1) => {
                order.order_uid = sample::order(self.seed, number - 1).order_uid;
                return (order.order_uid.clone(), bytes(&order));
            }
            _ => {
                order.payment.amount = 0;
                bytes(&order)
            }
        };
        (uid, payload)
    }
}

/// Returns the records of a file: the whole file if it is one JSON value, otherwise its lines.
pub fn of_file(text: &str) -> Vec<Made> {
    let whole = serde_json::from_str::<Value>(text).is_ok();
    let texts: Vec<&str> =
        if whole { vec![text.trim()] } else { text.lines().filter(|line| !line.trim().is_empty()).collect() };
    let made = texts.into_iter().map(|text| {
        let value: Option<Value> = serde_json::from_str(text).ok();
        let key = value.as_ref().and_then(|value| value["order_uid"].as_str()).unwrap_or_default().as_bytes().to_vec();
        Made { key, payload: text.as_bytes().to_vec(), is_bad: false }
    });
    made.collect()
}

fn bytes(value: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use chrono::{TimeZone as _, Utc};
    use intake::service::read;

    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_records_and_another_seed_makes_others() {
        let all = |seed| (0..500).map(|number| Records { seed, bad: 0.1 }.get(number)).collect::<Vec<_>>();

        assert_eq!(all(7), all(7));
        assert!(all(7).iter().zip(all(8)).all(|(one, other)| *one != other));
        // The bytes must not change between versions, since other programs compare them.
        let first = Records { seed: 7, bad: 0.0 }.get(0);
        assert!(String::from_utf8(first.key).unwrap().ends_with('0'));
    }

    #[test]
    fn what_is_made_is_valid_on_any_day_and_no_two_have_the_same_key() {
        let records = Records { seed: 7, bad: 0.0 };
        let mut keys = HashSet::new();
        for number in 0..2_000 {
            let made = records.get(number);
            for year in [2026, 2030, 2035] {
                let now = Utc.with_ymd_and_hms(year, 12, 1, 0, 0, 0).unwrap();
                assert_eq!(read(&made.payload, now).map(|order| bytes(&order)), Ok(made.payload.clone()), "{number}");
            }
            assert!(keys.insert(made.key));
        }
    }

    #[test]
    fn bad_ones_are_the_wanted_share_and_each_breaks_a_rule_or_reuses_a_key() {
        let records = Records { seed: 7, bad: 0.1 };
        let now = Utc.with_ymd_and_hms(2026, 12, 1, 0, 0, 0).unwrap();
        let made: Vec<Made> = (0..5_000).map(|number| records.get(number)).collect();

        let bad: Vec<&Made> = made.iter().filter(|made| made.is_bad).collect();

        assert!((400..600).contains(&bad.len()), "{}", bad.len());
        let mut keys = HashSet::new();
        for made in &made {
            let is_new = keys.insert(&made.key);
            let is_valid = read(&made.payload, now).is_ok();
            assert_eq!(made.is_bad, !is_valid || !is_new);
        }
        assert!(bad.iter().any(|made| read(&made.payload, now).is_ok()), "some reuse a key");
    }

    #[test]
    fn a_file_is_one_order_or_one_per_line() {
        let one = of_file("{\n  \"order_uid\": \"a\"\n}\n");
        let two = of_file("{\"order_uid\": \"a\"}\n\nnonsense\n");

        assert_eq!(one.len(), 1);
        assert_eq!((one[0].key.as_slice(), two[0].key.as_slice()), (&b"a"[..], &b"a"[..]));
        assert_eq!((two.len(), two[1].payload.as_slice()), (2, &b"nonsense"[..]));
    }
}
