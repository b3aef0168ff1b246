//! The names of the topics. `routes.rs` lists the producer and the consumers of each topic.

use serde::Deserialize;

use super::Published;

/// The names of all topics. Each name can be configured.
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
    #[serde(default = "payment_completed")]
    pub payment_completed_topic_name: String,
    #[serde(default = "delivery_status_updated")]
    pub delivery_status_updated_topic_name: String,
    #[serde(default = "order_status_changed")]
    pub order_status_changed_topic_name: String,
    #[serde(default = "customer_created")]
    pub customer_created_topic_name: String,
    #[serde(default = "customer_updated")]
    pub customer_updated_topic_name: String,
    #[serde(default = "basket_confirmed")]
    pub basket_confirmed_topic_name: String,
    #[serde(default = "loan_approved")]
    pub loan_approved_topic_name: String,
    #[serde(default = "orders")]
    pub intake_topic_name: String,
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

fn payment_completed() -> String {
    "payment.completed".to_owned()
}

fn delivery_status_updated() -> String {
    "delivery.status.updated".to_owned()
}

fn order_status_changed() -> String {
    "order.status.changed".to_owned()
}

fn customer_created() -> String {
    "customer.created".to_owned()
}

fn customer_updated() -> String {
    "customer.updated".to_owned()
}

fn basket_confirmed() -> String {
    "basket.confirmed".to_owned()
}

fn loan_approved() -> String {
    "loan.approved".to_owned()
}

fn orders() -> String {
    "orders".to_owned()
}

impl Topics {
    /// Returns the topic of events of the type `E`.
    pub fn of<E: Published>(&self) -> &str {
        E::topic(self)
    }

    /// Returns every topic: first those of an order in the sequence of its life, then those of customers. Outside programs publish to the
    /// last three.
    pub fn all(&self) -> [&str; 13] {
        self.variables().map(|(_, topic)| topic)
    }

    /// Returns every topic with the name of the environment variable that configures it.
    pub fn variables(&self) -> [(&'static str, &str); 13] {
        [
            ("ORDER_CREATED_TOPIC_NAME", &self.order_created_topic_name),
            ("PAYMENT_COMPLETED_TOPIC_NAME", &self.payment_completed_topic_name),
            ("ORDER_PAID_TOPIC_NAME", &self.order_paid_topic_name),
            ("ORDER_ASSEMBLED_TOPIC_NAME", &self.order_assembled_topic_name),
            ("ASSEMBLY_FAILED_TOPIC_NAME", &self.assembly_failed_topic_name),
            ("ORDER_CANCELLED_TOPIC_NAME", &self.order_cancelled_topic_name),
            ("DELIVERY_STATUS_UPDATED_TOPIC_NAME", &self.delivery_status_updated_topic_name),
            ("ORDER_STATUS_CHANGED_TOPIC_NAME", &self.order_status_changed_topic_name),
            ("CUSTOMER_CREATED_TOPIC_NAME", &self.customer_created_topic_name),
            ("CUSTOMER_UPDATED_TOPIC_NAME", &self.customer_updated_topic_name),
            ("BASKET_CONFIRMED_TOPIC_NAME", &self.basket_confirmed_topic_name),
            ("LOAN_APPROVED_TOPIC_NAME", &self.loan_approved_topic_name),
            ("INTAKE_TOPIC_NAME", &self.intake_topic_name),
        ]
    }

    /// Returns these topics with every name replaced by `name(old name)`.
    #[must_use]
    pub fn renamed(self, name: impl Fn(String) -> String) -> Self {
        Self {
            order_created_topic_name: name(self.order_created_topic_name),
            payment_completed_topic_name: name(self.payment_completed_topic_name),
            order_paid_topic_name: name(self.order_paid_topic_name),
            order_assembled_topic_name: name(self.order_assembled_topic_name),
            assembly_failed_topic_name: name(self.assembly_failed_topic_name),
            order_cancelled_topic_name: name(self.order_cancelled_topic_name),
            delivery_status_updated_topic_name: name(self.delivery_status_updated_topic_name),
            order_status_changed_topic_name: name(self.order_status_changed_topic_name),
            customer_created_topic_name: name(self.customer_created_topic_name),
            customer_updated_topic_name: name(self.customer_updated_topic_name),
            basket_confirmed_topic_name: name(self.basket_confirmed_topic_name),
            loan_approved_topic_name: name(self.loan_approved_topic_name),
            intake_topic_name: name(self.intake_topic_name),
        }
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
            payment_completed_topic_name: payment_completed(),
            delivery_status_updated_topic_name: delivery_status_updated(),
            order_status_changed_topic_name: order_status_changed(),
            customer_created_topic_name: customer_created(),
            customer_updated_topic_name: customer_updated(),
            basket_confirmed_topic_name: basket_confirmed(),
            loan_approved_topic_name: loan_approved(),
            intake_topic_name: orders(),
        }
    }
}
