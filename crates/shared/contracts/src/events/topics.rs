//! The topics' names.

use serde::Deserialize;

use super::Event;

/// The topics of the system; every name can be configured.
#[derive(Clone, Debug, Deserialize)]
pub struct Topics {
    #[serde(default = "order_created")]
    pub order_created_topic_name: String,
    #[serde(default = "order_paid")]
    pub order_paid_topic_name: String,
    #[serde(default = "order_cancelled")]
    pub order_cancelled_topic_name: String,
    #[serde(default = "order_assembled")]
    pub order_assembled_topic_name: String,
    #[serde(default = "assembly_failed")]
    pub assembly_failed_topic_name: String,
}

fn order_created() -> String {
    "order.created".to_owned()
}

fn order_paid() -> String {
    "order.paid".to_owned()
}

fn order_cancelled() -> String {
    "order.cancelled".to_owned()
}

fn order_assembled() -> String {
    "order.assembled".to_owned()
}

fn assembly_failed() -> String {
    "assembly.failed".to_owned()
}

impl Topics {
    /// The topic of events of the type `E`.
    pub fn of<E: Event>(&self) -> &str {
        E::topic(self)
    }

    /// Every topic, in the order in which an order meets them.
    pub fn all(&self) -> [&str; 5] {
        [
            &self.order_created_topic_name,
            &self.order_paid_topic_name,
            &self.order_assembled_topic_name,
            &self.assembly_failed_topic_name,
            &self.order_cancelled_topic_name,
        ]
    }
}

impl Default for Topics {
    fn default() -> Self {
        Self {
            order_created_topic_name: order_created(),
            order_paid_topic_name: order_paid(),
            order_cancelled_topic_name: order_cancelled(),
            order_assembled_topic_name: order_assembled(),
            assembly_failed_topic_name: assembly_failed(),
        }
    }
}
