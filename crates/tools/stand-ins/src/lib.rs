//! Stand-ins for outside systems, which inject faults on request: a network proxy, a payment provider, Telegram, geo
//! and an identity check.

mod endless;
mod geo;
mod kyc;
mod provider;
mod proxy;
mod server;
mod telegram;

pub use endless::Endless;
pub use geo::{Geo, GeoMode};
pub use kyc::{Kyc, KycMode};
pub use provider::{Entry, EntryKind, Mode, Provider, ProviderFault};
pub use proxy::Proxy;
pub use telegram::{Sent, Telegram, TelegramMode};
