//! Checks whether the configured costs of password hashes are too low.

use crate::config::Hashing;

impl Hashing {
    /// The minimum pairs of memory in KiB and passes that OWASP's Password Storage Cheat Sheet recommends for argon2id with one lane.
    const MIN_COSTS: [(u32, u32); 5] = [(47_104, 1), (19_456, 2), (12_288, 3), (9_216, 4), (7_168, 5)];

    pub fn is_weak(&self) -> bool {
        !Self::MIN_COSTS
            .iter()
            .any(|(memory, passes)| self.iam_argon2_memory_kib >= *memory && self.iam_argon2_iterations >= *passes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_below_the_minimum_of_owasp_are_weak() {
        let is_weak = |memory, iterations| {
            Hashing {
                iam_argon2_memory_kib: memory,
                iam_argon2_iterations: iterations,
                iam_hashing_threads: 1,
                iam_hashing_queue: 1,
                iam_registration_queue: 1,
            }
            .is_weak()
        };

        for (memory, iterations) in [(19_456, 2), (47_104, 1), (7_168, 5), (65_536, 3)] {
            assert!(!is_weak(memory, iterations), "{memory} KiB, {iterations}");
        }
        for (memory, iterations) in [(19_455, 2), (19_456, 1), (7_167, 9), (64, 1)] {
            assert!(is_weak(memory, iterations), "{memory} KiB, {iterations}");
        }
    }
}
