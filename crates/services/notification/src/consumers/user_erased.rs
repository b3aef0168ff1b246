//! `UserErased`: removes the chats of the user's notifications, and ends those that are queued.

use contracts::events::{Received, Subscription, UserErased, group};

use crate::service::NotificationService;

const GROUP: &str = group::<UserErased>("notification");

pub fn user_erased(service: NotificationService) -> Subscription {
    Subscription::new(GROUP, move |_, erased: Received<UserErased>| {
        let service = service.clone();
        async move { Ok(service.forget(erased.subject).await?) }
    })
}
