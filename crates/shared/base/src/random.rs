//! Randomness. Secrets come from the process's cryptographic generator, all other random values from a [`Random`],
//! which a simulation seeds.

use std::{
    ops::RangeInclusive,
    sync::{Arc, Mutex, PoisonError},
};

use rand::{
    Rng, RngExt as _, SeedableRng as _,
    distr::{Distribution, StandardUniform, uniform::SampleUniform},
    rngs::StdRng,
};
use uuid::Uuid;

use crate::ids;

/// Draws a secret, such as a session's id, a code or a salt, from the process's cryptographic generator.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn secret<T>() -> T
where
    StandardUniform: Distribution<T>,
{
    rand::random()
}

/// A source of random values and ids: by default the process's generator, or one with a seed. Clones continue the same
/// sequence.
#[derive(Clone, Default)]
pub struct Random(Option<Arc<Mutex<StdRng>>>);

impl Random {
    /// Returns a source that repeats its values for the same seed. Not for secrets.
    pub fn seeded(seed: u64) -> Self {
        Self(Some(Arc::new(Mutex::new(StdRng::seed_from_u64(seed)))))
    }

    pub fn between<T: SampleUniform + PartialOrd>(&self, range: RangeInclusive<T>) -> T {
        self.draw(|source| source.random_range(range))
    }

    /// Returns true with this probability, from 0 to 1.
    pub fn chance(&self, rate: f64) -> bool {
        self.draw(|source| source.random_bool(rate))
    }

    pub fn bits(&self) -> u128 {
        self.draw(|source| source.random())
    }

    /// Returns a [time-ordered](ids::ordered) id, or with a seed one independent of the time.
    pub fn id(&self) -> Uuid {
        match self.0 {
            Some(_) => uuid::Builder::from_u128(self.bits()).with_version(uuid::Version::Random).into_uuid(),
            None => ids::ordered(),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "this is the edge")]
    fn draw<T>(&self, draw: impl FnOnce(&mut dyn Rng) -> T) -> T {
        match &self.0 {
            Some(source) => draw(&mut *source.lock().unwrap_or_else(PoisonError::into_inner)),
            None => draw(&mut rand::rng()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_determines_all_values_and_clones_continue_them() {
        let drawn = |random: &Random| (random.between(1..=1_000_000), random.chance(0.5), random.bits(), random.id());
        let (one, same, other) = (Random::seeded(1), Random::seeded(1), Random::seeded(2));

        let first = drawn(&one);
        let second = drawn(&one.clone());

        assert_ne!(first, second);
        assert_eq!([first, second], [drawn(&same), drawn(&same)]);
        assert_ne!(first, drawn(&other));
    }
}
