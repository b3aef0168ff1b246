//! Use cases: who may see an order's timeline, its live steps, its receipt, and the couriers; long actions of
//! operators, and the lag.

mod couriers;
mod lag_history;
mod live;
mod long_actions;
mod orders;
mod receipts;
mod session_watch;
mod step_reader;
mod stream_slots;

pub use couriers::{CourierReader, Couriers, Visible};
pub use lag_history::{Lag, LagHistory, Lags, Point, RETENTION as LAG_RETENTION};
pub use live::Live;
pub use long_actions::{Ended, LongActions, Now, Running, Work};
pub use orders::{Timelines, is_cut};
pub use receipts::Receipts;
pub use session_watch::SessionWatch;
pub use step_reader::Reader;
