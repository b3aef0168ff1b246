//! The catalogue declares each event once. Traits, topic, variable, route, consumer groups, rights and decoding are
//! derived from the entry.
//!
//! | entry | meaning |
//! |---|---|
//! | `topic` | the default name. `order.paid` gives the variable `ORDER_PAID_TOPIC_NAME` |
//! | `about` | the subject, whose uuid is the partition key |
//! | `from`, `to` | the producer, and the services that consume it, each in the group `<service>-group-<topic with dashes>` |
//! | `part` | the field that distinguishes events of one type and key; without it, a key has one event. With `above n`,
//! ids up to the value n have no part |
//! | `closed` | fields with a closed set of values. An event with another value is poison |
//!
//! Outside programs define the messages without an envelope. They have no id, so no service consumes them.

use super::{
    CancelReason, Consumer, InboundTopic, Topic,
    closed::{ClosedSet as _, Numbers},
    rights::{BANK, OUTSIDE},
};

events! {
    // First an order's events, in their usual order. Lists of events and topics have the order of this file.
    in events::v1 {
        OrderCreated { topic: "order.created", about: Order, from: order, to: [] }
        PaymentCompleted {
            topic: "payment.completed", about: Order, from: payment, to: [order],
            part: attempt, closed: [status in PAYMENT_OUTCOMES]
        }
        OrderPaid {
            topic: "order.paid", about: Order, from: order, to: [assembly, notification, delivery],
            closed: [payment_method in PAYMENT_METHODS]
        }
        ShipAssembled {
            topic: "order.assembled", about: Order, from: assembly, to: [order, inventory, notification, delivery]
        }
        AssemblyFailed { topic: "assembly.failed", about: Order, from: assembly, to: [order] }
        OrderCancelled {
            topic: "order.cancelled", about: Order, from: order, to: [inventory, payment, notification, delivery],
            closed: [reason in CANCEL_REASONS]
        }
        DeliveryStatusUpdated {
            topic: "delivery.status.updated", about: Order, from: delivery, to: [order, notification],
            part: status, closed: [status in DELIVERY_STATUSES]
        }

        // A customer is created at version 1, and again at a later version after each erasure. These events carry no
        // personal data: consumers request it from the customers service.
        CustomerCreated {
            topic: "customer.created", about: Customer, from: customers, to: [],
            part: version above 1, closed: [kyc_status in KYC_STATUSES, reason in CUSTOMER_REASONS]
        }
        CustomerUpdated {
            topic: "customer.updated", about: Customer, from: customers, to: [],
            part: version, closed: [kyc_status in KYC_STATUSES, reason in CUSTOMER_REASONS]
        }

        // The end of an account. Its consumers remove personal data, which they may do any number of times, so they
        // need no inbox. Delivery has only the cell of a street, one of a hundred; inventory, payment, assembly and the
        // console have uuids and amounts alone.
        UserErased { topic: "user.erased", about: User, from: iam, to: [order, notification, customers, intake] }
    }
    without envelope in order::events {
        OrderCreatedIntegrationEvent { topic: "order.status.changed", about: Order, from: delivery }
        OrderCompletedIntegrationEvent { topic: "order.status.changed", about: Order, from: delivery }
    }
}

/// Every topic that outside programs write.
pub const INBOUND: [InboundTopic; 3] = [BASKET_CONFIRMED, LOAN_APPROVED, ORDERS];

/// The [part](super::Published::part) of a basket's events, since another system may give a basket an order's uuid.
pub const BASKET_PART: &str = "basket";

/// Confirmed baskets of another system. The delivery service delivers them as orders.
pub const BASKET_CONFIRMED: InboundTopic = InboundTopic {
    topic: topic!("basket.confirmed"),
    outside: OUTSIDE,
    producer: None,
    consumer: Consumer { service: "delivery", group: "delivery-service-group" },
};

/// Loans that a bank has approved. The customers service credits them to customers.
pub const LOAN_APPROVED: InboundTopic = InboundTopic {
    topic: topic!("loan.approved"),
    outside: BANK,
    producer: None,
    consumer: Consumer { service: "customers", group: "customer-service-group" },
};

/// Orders from other shops, as JSON.
pub const ORDERS: InboundTopic = InboundTopic {
    topic: Topic { name: "orders", variable: "INTAKE_TOPIC_NAME" },
    outside: OUTSIDE,
    producer: Some("intake"),
    consumer: Consumer { service: "intake", group: "order-service" },
};

/// The group of the console's timeline, which reads the topics of orders. It has no inbox: topic, partition and offset
/// identify a record.
pub const TIMELINE: Consumer = Consumer { service: "console", group: "console-group-timeline" };

/// The payment methods in events. Older producers left the field empty.
const PAYMENT_METHODS: [&str; 5] = ["", "CARD", "SBP", "CREDIT_CARD", "INVESTOR_MONEY"];

/// The outcomes of a payment attempt in [`PaymentCompleted`](super::PaymentCompleted).
pub const PAYMENT_OUTCOMES: [&str; 3] = ["SUCCESS", "INSUFFICIENT_FUNDS", "FAILED"];

const CANCEL_REASONS: Numbers = Numbers(CancelReason::is_valid);

/// The statuses of a delivery in [`DeliveryStatusUpdated`](super::DeliveryStatusUpdated).
pub const DELIVERY_STATUSES: [&str; 5] = ["PENDING", "IN_TRANSIT", "OUT_FOR_DELIVERY", "DELIVERED", "FAILED"];

pub const KYC_STATUSES: [&str; 4] = ["KYC_PENDING", "VERIFIED", "REJECTED", "ERASED"];

pub const CUSTOMER_REASONS: [&str; 4] = ["", "KYC_REFUSED", "KYC_ROLLED_BACK", "KYC_REVOKED"];
