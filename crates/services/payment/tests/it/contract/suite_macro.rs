//! The macro that runs one suite of test cases over several implementations.

/// Declares one module per implementation, in which each case is a test. A case takes the fixture that `$make` creates.
macro_rules! contract {
    ($cases:tt over $($name:ident: $test:meta => $make:expr),* $(,)?) => {
        $(mod $name {
            $crate::contract::suite_macro::cases!($test, $make, $cases);
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

pub(crate) use {cases, contract};
