//! [`Couriers`] in the tables `couriers` and `storage_places`.

use async_trait::async_trait;
use contracts::ids::{CourierId, OrderId, PlaceId, UserId};
use platform::postgres::{DatabaseError, consistent, retry_stale};
use serde_json::json;

use super::{PgRepository, row::CourierColumns};
use crate::{
    error::Error,
    model::{Location, Name, NewCourier, Volume},
    repository::{Couriers, ListedCourier, MAX_COURIERS, MAX_PLACES},
};

impl PgRepository {
    /// Adds the couriers that do not exist yet, with their places, up to `limit` couriers in all. Returns their number.
    async fn insert(&self, couriers: &[NewCourier], limit: i64) -> Result<usize, Error> {
        let rows: serde_json::Value = couriers.iter().map(columns).collect();
        let places: serde_json::Value = couriers.iter().flat_map(place_columns).collect();
        let added = sqlx::query_scalar!(
            r#"with added as (
                insert into couriers (uuid, name, speed, x, y)
                select uuid, name, speed, x, y
                from jsonb_populate_recordset(null::couriers, $1) with ordinality as courier
                where (select count(*) from couriers) < $3
                order by ordinality
                on conflict (uuid) do nothing
                returning uuid
            ), places as (
                insert into storage_places (uuid, courier_uuid, name, total_volume)
                select place.uuid, place.courier_uuid, place.name, place.total_volume
                from jsonb_populate_recordset(null::storage_places, $2) with ordinality as place
                    join added on added.uuid = place.courier_uuid
                order by place.ordinality
            )
            select uuid as "courier: CourierId" from added"#,
            rows,
            places,
            limit,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(added.len())
    }
}

/// A JSON object with the columns of a courier.
fn columns(courier: &NewCourier) -> serde_json::Value {
    json!({
        "uuid": courier.id,
        "name": courier.name.as_str(),
        "speed": courier.speed.get(),
        "x": courier.location.x(),
        "y": courier.location.y(),
    })
}

/// JSON objects with the columns of a courier's storage places.
fn place_columns(courier: &NewCourier) -> impl Iterator<Item = serde_json::Value> {
    courier.places.iter().map(|(id, name, volume)| {
        json!({
            "uuid": id,
            "courier_uuid": courier.id,
            "name": name.as_str(),
            "total_volume": volume.get(),
        })
    })
}

#[async_trait]
impl Couriers for PgRepository {
    async fn seed(&self, couriers: &[NewCourier]) -> Result<usize, Error> {
        self.insert(couriers, i64::MAX).await
    }

    async fn add(&self, courier: &NewCourier) -> Result<(), Error> {
        match self.insert(std::slice::from_ref(courier), MAX_COURIERS).await? {
            0 => Err(Error::TooMany("couriers")),
            _ => Ok(()),
        }
    }

    async fn add_place(&self, courier: CourierId, id: PlaceId, name: &Name, volume: Volume) -> Result<(), Error> {
        let row = sqlx::query!(
            r#"with added as (
                insert into storage_places (uuid, courier_uuid, name, total_volume)
                select $2, uuid, $3, $4 from couriers
                where uuid = $1 and (select count(*) from storage_places where courier_uuid = $1) < $5
                returning uuid
            )
            select exists (select from couriers where uuid = $1) as "known!", exists (select from added) as "added!""#,
            courier.uuid(),
            id.uuid(),
            name.as_str(),
            volume.get(),
            MAX_PLACES,
        )
        .fetch_one(&self.pool)
        .await?;
        match (row.known, row.added) {
            (_, true) => Ok(()),
            (true, false) => Err(Error::TooMany("places of this courier")),
            (false, false) => Err(Error::CourierNotFound),
        }
    }

    async fn list(&self) -> Result<Vec<ListedCourier>, Error> {
        let rows = retry_stale(|| {
            sqlx::query!(
                r#"select couriers.uuid as "courier: CourierId", name, speed, couriers.x, couriers.y,
                coalesce(orders.basket_uuid, orders.uuid) as "order?: OrderId", orders.user_uuid as "user?: UserId",
                orders.x as "to_x?", orders.y as "to_y?"
            from couriers left join orders on orders.uuid = couriers.order_uuid
            order by couriers.number limit $1"#,
                MAX_COURIERS,
            )
            .fetch_all(&self.pool)
        })
        .await?;
        let listed = rows.into_iter().map(|row| {
            let carries = match (row.order, row.to_x, row.to_y) {
                (Some(order), Some(x), Some(y)) => {
                    let target = Location::new(x.into(), y.into());
                    let target = target.map_err(|_| DatabaseError::inconsistent("orders", "x", order))?;
                    Some((order, row.user, target))
                }
                _ => None,
            };
            let columns = CourierColumns { courier: row.courier, name: row.name, speed: row.speed, x: row.x, y: row.y };
            let (id, name, speed, location) = columns.read()?;
            Ok(ListedCourier { id, name, speed, location, carries })
        });
        Ok(listed.filter_map(consistent::<_, DatabaseError>).collect())
    }
}
