//! The kinds of notifications. Each is declared once: its name in the database, the API and the template's file, and an
//! example of the facts that its consumer passes to the template.

use serde_json::{Value, json};
use uuid::Uuid;

macro_rules! kinds {
    ($($kind:ident = $name:literal, with $facts:tt;)+) => {
        /// The event that a notification is about.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($kind),+
        }

        impl Kind {
            pub const ALL: [Self; [$(stringify!($kind)),+].len()] = [$(Self::$kind),+];

            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name),+
                }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text {
                    $($name => Some(Self::$kind),)+
                    _ => None,
                }
            }

            pub const fn template(self) -> &'static str {
                match self {
                    $(Self::$kind => include_str!(concat!("../../templates/", $name, ".txt"))),+
                }
            }

            /// Returns example facts, with which templates are checked.
            pub fn example(self) -> Value {
                match self {
                    $(Self::$kind => json!($facts)),+
                }
            }
        }
    };
}

kinds! {
    OrderPaid = "order_paid", with { "payment_method": "CARD", "transaction_uuid": Uuid::nil() };
    ShipAssembled = "ship_assembled", with { "build_time_sec": 5 };
    OrderCancelled = "order_cancelled", with { "reason": "BY_USER", "paid": true };
    ShipDelivered = "ship_delivered", with { "tracking_number": "A1B2C3D4E5F6" };
}
