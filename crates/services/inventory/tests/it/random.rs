//! Property tests with random calls: stock always adds up, and the in-memory implementation behaves as PostgreSQL does.

use std::time::Duration;

use contracts::{
    events::Cause,
    ids::{EventId, OrderId, PartId},
};
use inventory::model::{Expiry, Lines};
use platform::ids;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use testkit::{new_cause, new_order, new_part};
use uuid::Uuid;

use crate::{
    by,
    fixture::{self, Fixture},
};

const PARTS: usize = 4;
const ORDERS: usize = 5;

/// A call of the warehouse. Numbers stand for orders, parts, restocks and events.
#[derive(Clone, Debug)]
enum Call {
    Reserve { order: usize, lines: Vec<(usize, i64)>, expiry: Expiry },
    Confirm { order: usize },
    Release { order: usize, event: Option<usize> },
    Commit { order: usize, event: Option<usize> },
    Expire,
    Restock { restock: usize, lines: Vec<(usize, i64)> },
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let expiries = prop_oneof![
        Just(Expiry::Never),
        Just(Expiry::After(Duration::ZERO)),
        Just(Expiry::After(Duration::from_hours(1)))
    ];
    // The number `PARTS` stands for an unknown part.
    let lines = || vec((prop_oneof![20 => 0..PARTS, 1 => Just(PARTS)], 1..4i64), 1..4);
    let event = || proptest::option::of(0..ORDERS);
    vec(
        prop_oneof![
            5 => (0..ORDERS, lines(), expiries)
                .prop_map(|(order, lines, expiry)| Call::Reserve { order, lines, expiry }),
            1 => (0..ORDERS).prop_map(|order| Call::Confirm { order }),
            2 => (0..ORDERS, event()).prop_map(|(order, event)| Call::Release { order, event }),
            2 => (0..ORDERS, event()).prop_map(|(order, event)| Call::Commit { order, event }),
            2 => Just(Call::Expire),
            1 => (0..3usize, lines()).prop_map(|(restock, lines)| Call::Restock { restock, lines }),
        ],
        1..30,
    )
}

/// The ids for which the numbers stand in one test case.
struct Names {
    parts: [PartId; PARTS + 1],
    orders: [OrderId; ORDERS],
    restocks: [Uuid; 3],
    events: [EventId; ORDERS],
}

impl Names {
    async fn on(fixtures: &[Fixture]) -> Self {
        let parts = [6, 4, 2, 0].map(fixture::part);
        for fixture in fixtures {
            fixture.catalogue.seed(&parts).await.unwrap();
        }
        let [a, b, c, d] = parts.map(|part| part.id);
        Self {
            parts: [a, b, c, d, new_part()],
            orders: [(); ORDERS].map(|()| new_order()),
            restocks: [(); 3].map(|()| ids::random()),
            events: [(); ORDERS].map(|()| new_cause().event),
        }
    }

    fn lines(&self, lines: &[(usize, i64)]) -> Lines {
        lines.iter().map(|(part, quantity)| (self.parts[*part], *quantity)).collect()
    }

    fn cause(&self, consumer: &'static str, event: Option<usize>) -> Option<Cause> {
        event.map(|event| Cause { consumer, event: self.events[event] })
    }

    /// Executes a call. Returns its result and the stock of each part afterwards.
    async fn make(&self, call: &Call, on: &Fixture) -> String {
        let warehouse = &on.warehouse;
        let outcome = match call {
            Call::Reserve { order, lines, expiry } => {
                let lines: Vec<_> = self.lines(lines).iter().collect();
                let outcome = on.reserve(self.orders[*order], &lines, *expiry).await;
                outcome.map(|reserved| format!("{reserved:?}"))
            }
            Call::Confirm { order } => {
                warehouse.keep(&[self.orders[*order]], Expiry::Never).await.map(|count| count.to_string())
            }
            Call::Release { order, event } => {
                warehouse.release(self.orders[*order], self.cause("cancelled", *event)).await.map(|()| String::new())
            }
            Call::Commit { order, event } => {
                warehouse.commit(self.orders[*order], self.cause("assembled", *event)).await.map(|()| String::new())
            }
            Call::Expire => on.expire(100).await.map(|count| count.to_string()),
            Call::Restock { restock, lines } => {
                warehouse.restock(self.restocks[*restock], &self.lines(lines), &by()).await.map(|()| String::new())
            }
        };
        let mut stocks = Vec::new();
        for part in &self.parts[..PARTS] {
            let stock = on.stock(*part).await;
            assert!(stock.adds_up(), "{stock:?}");
            stocks.push(stock);
        }
        format!("{:?} {stocks:?}", outcome.map_err(|error| error.to_string()))
    }
}

#[test]
fn the_twin_behaves_as_postgresql_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (postgres, _database) = runtime.block_on(fixture::postgres());
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(60) });

    let outcome = runner.run(&calls(), |calls| {
        let fixtures = [fixture::memory(), postgres.clone()];
        runtime.block_on(async {
            let names = Names::on(&fixtures).await;
            // Expires the reservations that earlier test cases left behind.
            while fixtures[1].expire(100).await.unwrap() > 0 {}
            for call in &calls {
                let in_memory = names.make(call, &fixtures[0]).await;
                let in_postgres = names.make(call, &fixtures[1]).await;
                prop_assert_eq!(in_memory, in_postgres, "{:?}", call);
            }
            Ok(())
        })
    });

    outcome.unwrap();
}
