//! The contract suites of the stores and of the payment provider. Each runs its cases over every implementation.

/// Declares one module per implementation, in which each case is a test. A case takes the fixture that `$make` creates.
macro_rules! contract {
    ($cases:tt over $($name:ident: $test:meta => $make:expr),* $(,)?) => {
        $(mod $name {
            cases!($test, $make, $cases);
        })*
    };
}

macro_rules! cases {
    ($test:meta, $make:expr, [$($case:ident),* $(,)?]) => {
        $(#[$test]
        async fn $case() {
            super::$case($make.await).await;
        })*
    };
}

mod provider;
mod store;
