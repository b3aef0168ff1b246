//! Exhaustive checks of two protocols that are small enough: how an order is paid, and how events leave an outbox. Every state that
//! the real decision functions can lead to, with every delay, loss and crash, is visited once. `docs/model-checking.md` has the figures.

mod attempt;
mod goal;
mod relay;
