//! The operator's views.

pub mod actions;
pub mod audit;
pub mod couriers;
pub mod dead_letters;
pub mod lag;
pub mod outbox;
pub mod services;

#[derive(Clone, Debug)]
pub struct Outcome {
    /// The title, such as `12 messages replayed, 12 dead letters resolved`.
    pub title: String,
    /// A line each.
    pub lines: Vec<String>,
    pub is_trouble: bool,
}
