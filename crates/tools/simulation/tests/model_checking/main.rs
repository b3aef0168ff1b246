//! Exhaustive checks of two small protocols: how an order is paid, and how events leave an outbox. The search visits
//! once every state that the real decision functions can reach, with every delay, loss and crash.
//! `docs/proven.md` has the figures.

mod attempt;
mod goal;
mod relay;
mod responses;
