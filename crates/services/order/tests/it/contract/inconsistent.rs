//! Tests that an inconsistent row of PostgreSQL delays no other row of its batch.

use super::*;

#[tokio::test]
async fn an_inconsistent_order_holds_up_no_other() {
    let database = testkit::database(&order::repository::MIGRATIONS).await;
    let orders = PgOrders::new(database.pool.clone());
    let late = async || write(&orders, &new_order(ids::user()), Money::ZERO, EXPIRED, None).await.unwrap();
    let (bad, overdue, worse, unsettled) = (late().await, late().await, create(&orders).await, create(&orders).await);
    let (without_part, without_time) = (create(&orders).await, create(&orders).await);
    for order in [&worse, &unsettled, &without_part, &without_time] {
        begun(&orders, order).await;
    }
    let execute = async |statement: &'static str, orders: &[&Order]| {
        let orders: Vec<_> = orders.iter().map(|order| order.uuid.uuid()).collect();
        sqlx::query(statement).bind(orders).execute(&database.pool).await.unwrap();
    };
    // The rows may be older than these constraints, so the test removes them.
    let drop = "alter table orders drop constraint orders_parts, drop constraint orders_finite";
    sqlx::query(drop).execute(&database.pool).await.unwrap();
    let part = "update orders set part_uuids = array_append(part_uuids, null) where uuid = any($1)";
    execute(part, &[&bad, &without_part]).await;
    execute("update orders set created_at = 'infinity' where uuid = any($1)", &[&without_time]).await;
    sqlx::query("update orders set total_price = $2 where uuid = any($1)")
        .bind(vec![bad.uuid.uuid(), worse.uuid.uuid()])
        .bind(contracts::money::MAX + 1)
        .execute(&database.pool)
        .await
        .unwrap();

    let to_cancel = orders.overdue(10).await.unwrap();
    let to_settle = orders.unsettled(10, LEASE_TTL).await.unwrap();

    assert!(to_cancel.contains(&(overdue.uuid, overdue.user)));
    assert_eq!(to_settle.iter().map(|(order, _)| order.uuid).collect::<Vec<_>>(), [unsettled.uuid]);
}
