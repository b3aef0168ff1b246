//! Consumed events, one per file.

mod basket_confirmed;
mod order_cancelled;
mod order_paid;
mod ship_assembled;

pub use basket_confirmed::basket_confirmed;
pub use order_cancelled::order_cancelled;
pub use order_paid::order_paid;
pub use ship_assembled::ship_assembled;
