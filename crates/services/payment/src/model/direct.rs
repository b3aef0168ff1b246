//! Direct payments: a user pays without the order service. Such a payment charges nothing and never settles a shop order.

use contracts::ids::{OrderId, TransactionId, UserId};
use uuid::{Builder, Uuid};

/// Returns the transaction of a user's direct payment of an order. It is derived from the two ids, so that a repeated
/// request gets the same transaction although nothing is stored. It has the form of a random (v4) UUID, as the contract
/// requires.
pub fn direct_payment(order: OrderId, user: UserId) -> TransactionId {
    let derived = Uuid::new_v5(&user.uuid(), order.uuid().as_bytes());
    TransactionId::new(Builder::from_random_bytes(*derived.as_bytes()).into_uuid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_order_and_user_have_a_transaction_of_their_own() {
        let id = Uuid::from_u128;
        let of = |order, user| direct_payment(OrderId::new(id(order)), UserId::new(id(user)));

        assert_eq!(of(1, 2), of(1, 2));
        assert_ne!(of(1, 2), of(1, 3));
        assert_ne!(of(1, 2), of(2, 2));
        assert_ne!(of(1, 2), of(2, 1));
        assert_eq!(of(1, 2).uuid().get_version_num(), 4);
    }
}
