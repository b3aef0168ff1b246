//! `UserErased`: removes the customer's personal data, as `EraseCustomer` does.

use contracts::events::{Received, Subscription, UserErased, group};

use crate::{error::Error, service::CustomerService};

const GROUP: &str = group::<UserErased>("customers");

pub fn user_erased(service: CustomerService) -> Subscription {
    Subscription::new(GROUP, move |_, erased: Received<UserErased>| {
        let service = service.clone();
        async move {
            match service.erase(erased.subject).await {
                // Most users are no customers.
                Ok(_) | Err(Error::NotFound) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }
    })
}
