//! What goes wrong on purpose: a network, a payment provider and a Telegram that misbehave as they are told.

mod provider;
mod proxy;
mod server;
mod telegram;

pub use provider::{Entry, EntryKind, Mode, Provider, ProviderFault};
pub use proxy::Proxy;
pub use telegram::{Sent, Telegram, TelegramMode};
