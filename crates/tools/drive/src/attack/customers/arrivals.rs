//! The customers' requests. They arrive at a constant rate, whether or not earlier ones were answered.

use std::time::Duration;

use super::{
    Customers,
    request::{Kind, REQUEST_TIMEOUT},
};
use crate::{
    account::Failure,
    arrivals::{Schedule, open_loop},
    attack::measurement::Sample,
    timer::Timer,
};

/// How many requests may be in flight beyond those that arrive within one time limit.
const SPARE_REQUESTS: usize = 64;
const TOO_MANY: Failure = Failure::Borrowed("too many requests wait");

impl Customers {
    /// Sends `rate` requests per second for `length`. Returns when the last one is answered or has timed out.
    pub async fn arrivals(&self, length: Duration, rate: u32) -> Vec<Sample> {
        let most = u64::from(rate) * (REQUEST_TIMEOUT.as_secs() + 1);
        let most = usize::try_from(most).unwrap_or(0) + SPARE_REQUESTS;
        let request = |number, _| {
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            let kind = Kind::from_number(number, rate);
            let customer = self.all[number / Kind::ROUND_LENGTH % self.all.len()].clone();
            (kind.name(), kind.send(self, customer))
        };
        let mut samples = Vec::new();
        open_loop(Schedule { rate, length }, most, Timer::Thread, request, |arrival| {
            samples.push(Sample {
                kind: arrival.kind,
                due: arrival.due,
                sent_late: arrival.sent_late,
                latency: arrival.latency,
                failure: arrival.outcome.unwrap_or(Err(TOO_MANY)).err().map(Failure::into_owned),
            });
        })
        .await;
        samples
    }
}
