//! Random work: nothing is lost or made up, and memory does as PostgreSQL does.

use std::time::Duration;

use inventory::{
    model::Lines,
    repository::{Delivery, Hold},
};
use platform::ids;
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, TestRunner},
};
use uuid::Uuid;

use crate::shelf::{self, Shelf};

const PARTS: usize = 4;
const ORDERS: usize = 5;

/// A call, with orders, parts, restocks and events by number.
#[derive(Clone, Debug)]
enum Call {
    Reserve { order: usize, lines: Vec<(usize, i64)>, hold: Hold, event: Option<usize> },
    Release { order: usize, event: Option<usize> },
    Commit { order: usize, event: Option<usize> },
    Expire,
    Restock { restock: usize, lines: Vec<(usize, i64)> },
}

fn calls() -> impl Strategy<Value = Vec<Call>> {
    let holds =
        prop_oneof![Just(Hold::Confirmed), Just(Hold::For(Duration::ZERO)), Just(Hold::For(Duration::from_hours(1)))];
    // One more than there are: unknown.
    let lines = || vec((prop_oneof![20 => 0..PARTS, 1 => Just(PARTS)], 1..4i64), 1..4);
    let event = || proptest::option::of(0..ORDERS);
    vec(
        prop_oneof![
            5 => (0..ORDERS, lines(), holds, event())
                .prop_map(|(order, lines, hold, event)| Call::Reserve { order, lines, hold, event }),
            2 => (0..ORDERS, event()).prop_map(|(order, event)| Call::Release { order, event }),
            2 => (0..ORDERS, event()).prop_map(|(order, event)| Call::Commit { order, event }),
            2 => Just(Call::Expire),
            1 => (0..3usize, lines()).prop_map(|(restock, lines)| Call::Restock { restock, lines }),
        ],
        1..30,
    )
}

/// The uuids that the numbers of one run stand for.
struct Names {
    parts: [Uuid; PARTS + 1],
    orders: [Uuid; ORDERS],
    restocks: [Uuid; 3],
    events: [Uuid; ORDERS],
}

impl Names {
    async fn on(shelves: &[Shelf]) -> Self {
        let parts = [6, 4, 2, 0].map(shelf::part);
        for shelf in shelves {
            shelf.catalogue.seed(&parts).await.unwrap();
        }
        let [a, b, c, d] = parts.map(|part| part.uuid);
        Self {
            parts: [a, b, c, d, ids::random()],
            orders: [(); ORDERS].map(|()| ids::random()),
            restocks: [(); 3].map(|()| ids::random()),
            events: [(); ORDERS].map(|()| ids::random()),
        }
    }

    fn lines(&self, lines: &[(usize, i64)]) -> Lines {
        lines.iter().map(|(part, quantity)| (self.parts[*part], *quantity)).collect()
    }

    fn cause(&self, consumer: &'static str, event: Option<usize>) -> Option<Delivery> {
        event.map(|event| Delivery { consumer, event: self.events[event] })
    }

    /// What came of a call, and how much there is of each part then.
    async fn make(&self, call: &Call, on: &Shelf) -> String {
        let warehouse = &on.warehouse;
        let outcome = match call {
            Call::Reserve { order, lines, hold, event } => {
                let (order, cause) = (self.orders[*order], self.cause("created", *event));
                let outcome = warehouse.reserve(order, &self.lines(lines), *hold, cause).await;
                outcome.map(|reserved| format!("{reserved:?}"))
            }
            Call::Release { order, event } => {
                warehouse.release(self.orders[*order], self.cause("cancelled", *event)).await.map(|()| String::new())
            }
            Call::Commit { order, event } => {
                warehouse.commit(self.orders[*order], self.cause("assembled", *event)).await.map(|()| String::new())
            }
            Call::Expire => warehouse.expire(100).await.map(|count| count.to_string()),
            Call::Restock { restock, lines } => {
                warehouse.restock(self.restocks[*restock], &self.lines(lines)).await.map(|()| String::new())
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
fn nothing_is_lost_or_made_up_whatever_happens() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(500) });

    let outcome = runner.run(&calls(), |calls| {
        runtime.block_on(async {
            let shelf = shelf::memory();
            let names = Names::on(std::slice::from_ref(&shelf)).await;
            for call in &calls {
                names.make(call, &shelf).await;
            }
        });
        Ok(())
    });

    outcome.unwrap();
}

#[test]
fn memory_does_as_postgresql_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (postgres, _database) = runtime.block_on(shelf::postgres());
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::with_cases(60) });

    let outcome = runner.run(&calls(), |calls| {
        let shelves = [shelf::memory(), postgres.clone()];
        runtime.block_on(async {
            let names = Names::on(&shelves).await;
            // What an earlier run left behind has no part in this one.
            while shelves[1].warehouse.expire(100).await.unwrap() > 0 {}
            for call in &calls {
                let in_memory = names.make(call, &shelves[0]).await;
                let in_postgres = names.make(call, &shelves[1]).await;
                prop_assert_eq!(in_memory, in_postgres, "{:?}", call);
            }
            Ok(())
        })
    });

    outcome.unwrap();
}
