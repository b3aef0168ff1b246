//! `OrderPaid`: starts the build of the order.

use contracts::events::{OrderOf, OrderPaid, Received, Subscription, group};
use platform::random::Random;

use crate::{model::BuildTimes, service::AssemblyService};

const GROUP: &str = group::<OrderPaid>("assembly");

pub fn order_paid(service: AssemblyService, times: BuildTimes, random: Random) -> Subscription {
    Subscription::new(GROUP, move |cause, paid: Received<OrderPaid>| {
        let service = service.clone();
        let OrderOf { order, user } = paid.subject;
        let build = times.draw(&random, order, user);
        async move { Ok(service.start(cause, &build).await?) }
    })
}
