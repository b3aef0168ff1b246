//! The random choices of a customer, which are reproducible from a seed.

use std::time::Duration;

use rand::{RngExt as _, SeedableRng as _, rngs::SmallRng};
use uuid::Uuid;

pub struct Random {
    rng: SmallRng,
    keys: u64,
}

impl Random {
    pub fn new(rng: SmallRng) -> Self {
        Self { rng, keys: 0 }
    }

    /// Returns a number from 0 to 99.
    pub fn percent(&mut self) -> u32 {
        self.rng.random_range(0..100)
    }

    /// Returns one to three parts in any order. A repeated part is a quantity.
    pub fn some_of(&mut self, parts: &[Uuid]) -> Vec<Uuid> {
        let count = self.rng.random_range(1..=3);
        (0..count).map(|_| parts[self.rng.random_range(0..parts.len())]).collect()
    }

    pub fn method(&mut self) -> &'static str {
        match self.percent() {
            0..85 => "CARD",
            85..93 => "SBP",
            _ => "INVESTOR_MONEY",
        }
    }

    /// Returns an address for some of the orders, rarely the same twice.
    pub fn address(&mut self) -> Option<String> {
        (self.percent() < 40).then(|| format!("Street {}, house {}", self.rng.random_range(0..100_000), self.percent()))
    }

    /// Returns a new Idempotency-Key. Keys are scoped to the user.
    pub fn key(&mut self, kind: &str) -> String {
        self.keys += 1;
        format!("{kind}-{}", self.keys)
    }

    /// Returns a duration between half and one and a half times the mean.
    pub fn about(&mut self, mean: Duration) -> Duration {
        mean.mul_f64(self.rng.random_range(0.5..1.5))
    }

    /// Returns an independent generator, for a concurrent task.
    pub fn fork(&mut self) -> SmallRng {
        SmallRng::seed_from_u64(self.rng.random())
    }
}
