//! The contract of the repository, for PostgreSQL and the in-memory implementation.

mod couriers;
mod damaged_rows;
mod deliveries;
mod dispatch;
mod store;

use couriers::*;
use deliveries::*;
use dispatch::*;

macro_rules! contract {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::store::memory()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::store::postgres().await).await;
            })*
        }
    };
}

contract!(
    a_new_delivery_is_written_once_with_its_events,
    a_delivery_changes_only_from_the_state_that_was_read,
    an_early_event_is_kept_and_found_by_the_payment,
    early_events_of_many_orders_at_once_are_each_kept_alone,
    an_early_event_that_meets_the_payment_is_not_taken_for_one_without_a_delivery,
    a_delivery_is_shown_with_its_courier_while_it_is_carried,
    active_orders_are_those_that_wait_or_are_carried_in_their_order,
    couriers_are_seeded_once_and_listed_in_the_order_of_adding,
    a_place_is_added_to_a_courier_that_exists,
    a_courier_has_at_most_a_hundred_places,
    waiting_orders_are_read_by_age_and_never_those_that_are_too_large,
    an_order_and_its_courier_are_given_to_each_other_once,
    a_courier_that_has_moved_since_the_decision_gets_no_order,
    a_free_courier_carries_no_order,
    an_order_and_a_courier_that_are_moved_back_hold_up_no_others,
    a_step_moves_the_courier_and_completes_the_order_at_its_cell,
    a_basket_and_an_order_with_one_uuid_have_a_delivery_each,
    trips_are_read_page_by_page,
    a_replica_that_lost_the_lease_moves_nothing,
);
