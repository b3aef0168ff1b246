//! [`Couriers`] in the tables `couriers` and `storage_places`.

use async_trait::async_trait;
use contracts::ids::{CourierId, OrderId, PlaceId, UserId};
use platform::postgres::{DatabaseError, consistent, retry_stale};

use super::{PgRepository, row::CourierColumns};
use crate::{
    error::Error,
    model::{Location, Name, NewCourier, Volume},
    repository::{
        Couriers, ListedCourier,
        couriers::{MAX_COURIERS, MAX_PLACES},
    },
};

impl PgRepository {
    /// Adds the couriers that do not exist yet, with their places, up to `most` couriers in all. Returns their number.
    async fn insert(&self, couriers: &[NewCourier], most: i64) -> Result<usize, Error> {
        let uuids: Vec<_> = couriers.iter().map(|courier| courier.id.uuid()).collect();
        let names: Vec<_> = couriers.iter().map(|courier| courier.name.as_str().to_owned()).collect();
        let speeds: Vec<_> = couriers.iter().map(|courier| courier.speed.get().cast_signed()).collect();
        let xs: Vec<_> = couriers.iter().map(|courier| i16::from(courier.location.x())).collect();
        let ys: Vec<_> = couriers.iter().map(|courier| i16::from(courier.location.y())).collect();
        let places = || couriers.iter().flat_map(|courier| courier.places.iter().map(move |place| (courier.id, place)));
        let place_uuids: Vec<_> = places().map(|(_, (id, _, _))| id.uuid()).collect();
        let place_couriers: Vec<_> = places().map(|(courier, _)| courier.uuid()).collect();
        let place_names: Vec<_> = places().map(|(_, (_, name, _))| name.as_str().to_owned()).collect();
        let place_volumes: Vec<_> = places().map(|(_, (_, _, volume))| volume.get()).collect();
        let added = sqlx::query_scalar!(
            r#"with added as (
                insert into couriers (uuid, name, speed, x, y)
                select uuid, name, speed, x, y
                from unnest($1::uuid[], $2::text[], $3::int[], $4::smallint[], $5::smallint[]) with ordinality
                    as courier (uuid, name, speed, x, y, number)
                where (select count(*) from couriers) < $10
                order by number
                on conflict (uuid) do nothing
                returning uuid
            ), places as (
                insert into storage_places (uuid, courier_uuid, name, total_volume)
                select place.uuid, added.uuid, place.name, place.total_volume
                from unnest($6::uuid[], $7::uuid[], $8::text[], $9::int[]) with ordinality
                    as place (uuid, courier_uuid, name, total_volume, number)
                    join added on added.uuid = place.courier_uuid
                order by place.number
            )
            select uuid as "courier: CourierId" from added"#,
            &uuids,
            &names,
            &speeds,
            &xs,
            &ys,
            &place_uuids,
            &place_couriers,
            &place_names,
            &place_volumes,
            most,
        )
        .fetch_all(&self.pool)
        .await?;
        Ok(added.len())
    }
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
