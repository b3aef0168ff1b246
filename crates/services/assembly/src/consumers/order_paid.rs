//! `OrderPaid`: starts the build of the order.

use contracts::events::{OrderOf, OrderPaid, Received, Subscription};
use platform::random::Random;

use crate::{
    model::BuildTimes,
    service::{AssemblyService, GROUP_PAID},
};

pub fn order_paid(service: AssemblyService, times: BuildTimes, random: Random) -> Subscription {
    Subscription::new(GROUP_PAID, move |paid: Received<OrderPaid>| {
        let service = service.clone();
        let OrderOf { order, user } = paid.subject;
        let build = times.draw(&random, order, user);
        async move { Ok(service.start(paid.id, &build).await?) }
    })
}
