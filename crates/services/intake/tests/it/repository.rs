//! The repository.

use std::{sync::Arc, time::Duration};

use intake::{
    model::{Item, Order, OrderUid},
    repository::{MIGRATIONS, Orders, PgOrders, StoredOrder, Written, store},
    sample::{self, Dice},
    service::read,
};
use serde_json::Value;

async fn repository() -> PgOrders {
    PgOrders::new(testkit::database(&MIGRATIONS).await.pool)
}

fn orders(count: u64) -> Vec<Arc<Order>> {
    (0..count).map(|number| Arc::new(sample::order(7, number))).collect()
}

fn other(order: &Order) -> Arc<Order> {
    Arc::new(Order { entry: "OTHER".to_owned(), ..order.clone() })
}

#[tokio::test]
async fn an_order_is_read_as_it_was_stored() {
    let repository = &repository().await;
    let mut all = orders(20);
    let mut odd = sample::order(7, 99);
    let nanos = Duration::from_nanos(123_456_789);
    odd.date_created = odd.date_created.map(|at| at + nanos);
    odd.items.reverse();
    "\"quoted\\ \u{1F680} 'text'\n{},".clone_into(&mut odd.delivery.address);
    odd.payment.payment_dt = i64::MIN;
    all.push(Arc::new(odd.as_stored()));

    let written = store(repository, &all).await.unwrap();

    assert_eq!(written, vec![Written::New; 21]);
    for order in &all {
        assert_eq!(repository.find(&order.order_uid).await.unwrap().as_ref(), Some(&**order));
    }
    assert_eq!(repository.find(&OrderUid::stored("unknown")).await.unwrap(), None);
    assert_eq!(store(repository, &[]).await.unwrap(), []);
}

/// Replaces the texts of an order with random ones of the maximum length, with four bytes per character.
fn lengthen(member: &str, value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Object(members) => {
            for (member, value) in members {
                lengthen(member, value, dice);
            }
        }
        Value::Array(list) => {
            for value in list {
                lengthen(member, value, dice);
            }
        }
        Value::String(text) if member != "date_created" => {
            let length = if member == "order_uid" { OrderUid::MAX_LENGTH } else { 1_000 };
            let random = |_| char::from_u32(0x1_0000 + u32::try_from(dice.below(0x1_0000)).unwrap()).unwrap();
            // The @ makes an e-mail address valid.
            *text = (1..length).map(random).chain(['@']).collect();
        }
        _ => {}
    }
}

#[tokio::test]
async fn the_longest_texts_are_stored_and_their_customer_is_erased() {
    let repository = &repository().await;
    let mut longest = serde_json::to_value(sample::order(7, 1)).unwrap();
    lengthen("", &mut longest, &mut Dice::new(7, 1));
    let order = read(longest.to_string().as_bytes(), "2026-12-01T00:00:00Z".parse().unwrap()).unwrap();
    let order = Arc::new(order);

    let written = store(repository, std::slice::from_ref(&order)).await.unwrap();

    assert_eq!(written, [Written::New]);
    assert_eq!(repository.find(&order.order_uid).await.unwrap().as_ref(), Some(&*order));
    assert!(repository.erase("another", 10).await.unwrap().is_empty());
    assert_eq!(repository.erase(&order.customer_id, 10).await.unwrap(), std::slice::from_ref(&order.order_uid));
}

/// PostgreSQL has no leap seconds: it stores the beginning of the next minute.
#[tokio::test]
async fn a_leap_second_is_one_value_everywhere() {
    let repository = &repository().await;
    let published = |date: &str| {
        let mut order = serde_json::to_value(sample::order(7, 1)).unwrap();
        order["date_created"] = date.into();
        Arc::new(read(order.to_string().as_bytes(), "2020-01-01T00:00:00Z".parse().unwrap()).unwrap())
    };
    let order = published("2016-12-31T23:59:60.123456789Z");
    assert_eq!(store(repository, std::slice::from_ref(&order)).await.unwrap(), [Written::New]);

    let shown = repository.find(&order.order_uid).await.unwrap().unwrap();

    assert_eq!(shown, *order);
    assert_eq!(shown.date_created, Some("2017-01-01T00:00:00.123456Z".parse().unwrap()));
    assert_eq!(store(repository, &[order]).await.unwrap(), [Written::Repeated]);
}

#[tokio::test]
async fn within_a_batch_the_first_stands() {
    let repository = &repository().await;
    let all = orders(2);
    store(repository, &all[..1]).await.unwrap();

    let batch = [other(&all[0]), all[0].clone(), all[1].clone(), other(&all[1]), all[1].clone()];
    let written = store(repository, &batch).await.unwrap();

    let expected = [Written::Reused, Written::Repeated, Written::New, Written::Reused, Written::Repeated];
    assert_eq!(written, expected);
    assert_eq!(repository.find(&all[1].order_uid).await.unwrap().as_ref(), Some(&*all[1]));
}

#[tokio::test]
async fn a_read_of_large_orders_ends_at_a_size() {
    let repository = &repository().await;
    let large = |number| {
        let mut order = sample::order(7, number);
        let item = Item { name: "x".repeat(1_000), ..order.items[0].clone() };
        order.items = vec![item; 900];
        Arc::new(order)
    };
    let all: Vec<_> = (0..8).map(large).collect();
    store(repository, &all).await.unwrap();

    let uids: Vec<_> = all.iter().map(|order| &order.order_uid).collect();
    let stored = repository.stored(&uids).await.unwrap();
    let (mut pages, mut before) = (Vec::new(), None);
    loop {
        let page = repository.latest(before, 100).await.unwrap();
        let Some((number, _)) = page.last() else { break };
        before = Some(*number);
        pages.push(page.len());
    }

    assert!((1..8).contains(&stored.len()), "{}", stored.len());
    assert!(pages.iter().all(|page| (1..8).contains(page)) && pages.iter().sum::<usize>() == 8, "{pages:?}");
    assert_eq!(store(repository, &all).await.unwrap(), [Written::Repeated; 8]);
    let others: Vec<_> = all.iter().map(|order| other(order)).collect();
    assert_eq!(store(repository, &others).await.unwrap(), [Written::Reused; 8]);
}

#[tokio::test]
async fn an_erased_customer_leaves_keys_alone() {
    let repository = &repository().await;
    let all: Vec<_> = orders(4)
        .iter()
        .enumerate()
        .map(|(place, order)| {
            let customer_id = if place == 0 { "other" } else { "own" }.to_owned();
            Arc::new(Order { customer_id, ..(**order).clone() })
        })
        .collect();
    store(repository, &all).await.unwrap();

    let erased = [repository.erase("own", 2).await.unwrap().len(), repository.erase("own", 2).await.unwrap().len()];

    assert_eq!(erased, [2, 1]);
    assert!(repository.erase("own", 2).await.unwrap().is_empty());
    assert_eq!(repository.find(&all[1].order_uid).await.unwrap(), None);
    assert_eq!(repository.stored(&[&all[1].order_uid]).await.unwrap()[&all[1].order_uid], StoredOrder::Erased);
    assert!(repository.find(&all[0].order_uid).await.unwrap().is_some());
    assert_eq!(repository.erased_within(Duration::from_mins(1), 10).await.unwrap().len(), 3);
    assert_eq!(repository.latest(None, 10).await.unwrap().len(), 1);
    let again = store(repository, &[all[1].clone(), other(&all[2])]).await.unwrap();
    assert_eq!(again, [Written::Repeated; 2], "a redelivered record restores nothing");
}
