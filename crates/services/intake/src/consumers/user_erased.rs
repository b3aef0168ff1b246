//! `UserErased`: erases the orders of a user whose account has ended, which have the user's uuid as `customer_id`.

use contracts::events::{Received, Subscription, UserErased, group};

use crate::service::IntakeService;

const GROUP: &str = group::<UserErased>("intake");

pub fn user_erased(service: IntakeService) -> Subscription {
    Subscription::new(GROUP, move |_, erased: Received<UserErased>| {
        let service = service.clone();
        async move {
            service.erase(&erased.subject.to_string()).await?;
            Ok(())
        }
    })
}
