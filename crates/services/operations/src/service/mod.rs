//! Use cases: receipts, the lag and its history, dead letters, audits, and the log of operators' actions with its
//! checkpoints.

mod actions;
mod audits;
mod broker;
mod checkpoints;
mod dead_letters;
mod lag_history;
mod long_actions;
mod receipt_reader;
mod receipts;

pub use self::{
    actions::{Actions, LongAction},
    audits::Audits,
    checkpoints::Checkpoints,
    dead_letters::DeadLetters,
    lag_history::LagHistory,
    long_actions::{LongActions, OnProgress, recorded},
    receipt_reader::ReceiptReader,
    receipts::Receipts,
};
