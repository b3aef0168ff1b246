//! The traffic of one measurement and its prerequisites: orders to pay, users who may order, parts in stock.

use std::time::Duration;

use anyhow::ensure;

use crate::load::{
    crowd::MAX_UNPAID,
    mix::{Kind, Mix},
};

/// The fewest unpaid orders in reserve for payments and cancellations, and how long the reserve must last if no order
/// is created.
const MIN_RESERVE: usize = 20;
const RESERVE_TIME: Duration = Duration::from_secs(3);
/// The time limit of a whole order, from when it is due.
const WHOLE_TIMEOUT: Duration = Duration::from_mins(1);

#[derive(Clone, Debug)]
pub struct Plan {
    /// Operations per second.
    pub rate: u32,
    pub mix: Mix,
    /// The duration of the traffic before the measurement, which is not counted.
    pub warm_up: Duration,
    pub length: Duration,
    /// The time limit of a single request, from when it is due.
    pub timeout: Duration,
    /// The number of different parts in an order.
    pub parts_per_order: usize,
    /// The same seed yields the same operations, by the same users, for the same parts.
    pub seed: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            rate: 100,
            mix: Mix::default(),
            warm_up: Duration::from_secs(5),
            length: Duration::from_secs(30),
            timeout: Duration::from_secs(10),
            parts_per_order: 2,
            seed: 0,
        }
    }
}

impl Plan {
    /// Returns the same plan at another rate.
    #[must_use]
    pub fn at(&self, rate: u32) -> Self {
        Self { rate, ..self.clone() }
    }

    pub fn total(&self) -> Duration {
        self.warm_up + self.length
    }

    pub fn timeout(&self, kind: Kind) -> Duration {
        if kind.is_single() { self.timeout } else { WHOLE_TIMEOUT }
    }

    /// Fails, naming the field, if a value is invalid, or if the mix leaves more unpaid orders than the users may have.
    pub fn check(&self, users: usize, kinds_of_parts: usize) -> anyhow::Result<()> {
        ensure!(self.rate > 0, "rate: must be above 0");
        ensure!(
            (1..=kinds_of_parts).contains(&self.parts_per_order),
            "parts of an order: {} are not between 1 and the shop's {kinds_of_parts}",
            self.parts_per_order
        );
        let requests = f64::from(self.rate) * self.length.as_secs_f64();
        ensure!(requests >= 1.0, "duration: {:?} at {}/s is an empty run", self.length, self.rate);
        let left = self.reserve() + self.surplus();
        let needed = left.div_ceil(MAX_UNPAID);
        ensure!(
            needed <= users,
            "users: {left} orders would be unpaid at once, and a user may have {MAX_UNPAID}; \
             use {needed} users at least, or change the mix or the duration"
        );
        Ok(())
    }

    /// Returns how many unpaid orders are needed before the measurement, to pay or cancel.
    pub fn reserve(&self) -> usize {
        let ending = self.per_second(Kind::Pay) + self.per_second(Kind::Cancel);
        if ending == 0.0 {
            return 0;
        }
        let missing = (ending - self.per_second(Kind::Create)).max(0.0) * self.total().as_secs_f64();
        // Kinds are random: a longer run deviates further from their weights.
        let stray = 3.0 * (ending * self.total().as_secs_f64()).sqrt();
        MIN_RESERVE + whole(missing + stray + ending * RESERVE_TIME.as_secs_f64())
    }

    /// Returns how many created orders the plan neither pays nor cancels.
    fn surplus(&self) -> usize {
        let ending = self.per_second(Kind::Pay) + self.per_second(Kind::Cancel);
        whole((self.per_second(Kind::Create) - ending).max(0.0) * self.total().as_secs_f64())
    }

    /// Returns how much stock of each part the plan takes at most: the share of created orders plus a fifth, that of
    /// prepared orders, and 20 more.
    pub fn stock(&self, users: usize, kinds_of_parts: usize) -> u64 {
        if Kind::ALL.into_iter().all(|kind| !kind.needs_orders() || !self.mix.has(kind)) {
            return 0;
        }
        let created = (self.per_second(Kind::Create) + self.per_second(Kind::Whole)) * self.total().as_secs_f64();
        let (created, prepared) = (whole(created * 1.2), self.reserve().max(users));
        let pieces = created * self.parts_per_order + prepared;
        u64::try_from(pieces.div_ceil(kinds_of_parts.max(1))).unwrap_or(u64::MAX) + 20
    }

    fn per_second(&self, kind: Kind) -> f64 {
        f64::from(self.rate) * self.mix.share(kind)
    }
}

fn whole(count: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates")]
    let whole = count.ceil() as usize;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(mix: &str, rate: u32) -> Plan {
        let (warm_up, length) = (Duration::from_secs(5), Duration::from_secs(15));
        Plan { rate, mix: mix.parse().unwrap(), warm_up, length, ..Plan::default() }
    }

    fn complaint(plan: &Plan) -> String {
        plan.check(10, 12).unwrap_err().to_string()
    }

    #[test]
    fn what_cannot_be_measured_is_refused_with_the_field() {
        let good = plan("get=1", 10);
        assert!(good.check(10, 12).is_ok());

        assert_eq!(complaint(&good.at(0)), "rate: must be above 0");
        assert_eq!(
            complaint(&Plan { length: Duration::from_millis(99), ..good.clone() }),
            "duration: 99ms at 10/s is an empty run"
        );
        for parts_per_order in [0, 13] {
            assert!(complaint(&Plan { parts_per_order, ..good.clone() }).starts_with("parts of an order:"));
        }
    }

    #[test]
    fn orders_that_stay_unpaid_need_users() {
        // In 20 s, 450 orders per second are 9 000, which is 900 for each of ten users.
        assert!(plan("create=1", 450).check(10, 12).is_ok());
        let complaint = complaint(&plan("create=1", 451));

        assert!(complaint.starts_with("users: 9020 orders would be unpaid at once"), "{complaint}");
        assert!(complaint.contains("use 11 users at least"), "{complaint}");
    }
}
