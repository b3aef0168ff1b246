//! The PostgreSQL implementation of [`Catalogue`].

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use contracts::{ids::PartId, money::Money};
use platform::postgres::{Database, DatabaseError, consistent, retry_stale};
use serde_json::json;

use crate::{
    error::Error,
    model::{Category, Dimensions, Filter, Manufacturer, NewPart, Page, Part, Stock},
    repository::Catalogue,
};

#[derive(Clone)]
pub struct PgCatalogue {
    pool: Database,
}

impl PgCatalogue {
    pub fn new(pool: Database) -> Self {
        Self { pool }
    }
}

struct Row {
    part_uuid: PartId,
    position: i64,
    name: String,
    description: String,
    price: Money,
    category: String,
    length: f64,
    width: f64,
    height: f64,
    weight: f64,
    manufacturer_name: String,
    manufacturer_country: String,
    manufacturer_website: String,
    tags: Vec<String>,
    /// A JSON object.
    metadata: String,
    initial: i64,
    restocked: i64,
    available: i64,
    reserved: i64,
    consumed: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// Selects [`Row`]s: `$from` is the statement from its `from` clause on.
macro_rules! select_parts {
    ($from:literal, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            Row,
            r#"select part_uuid as "part_uuid!: PartId", position as "position!", name as "name!",
                description as "description!", price as "price!: Money", category as "category!",
                length as "length!", width as "width!", height as "height!", weight as "weight!",
                manufacturer_name as "manufacturer_name!", manufacturer_country as "manufacturer_country!",
                manufacturer_website as "manufacturer_website!", tags as "tags!", metadata::text as "metadata!",
                initial as "initial!", restocked as "restocked!", available as "available!",
                reserved as "reserved!", consumed as "consumed!",
                created_at as "created_at!", updated_at as "updated_at!"
            "# + $from,
            $($argument),+
        )
    };
}

impl TryFrom<Row> for Part {
    type Error = DatabaseError;

    fn try_from(row: Row) -> Result<Self, DatabaseError> {
        let inconsistent = |column| DatabaseError::inconsistent("parts", column, row.part_uuid);
        Ok(Self {
            id: row.part_uuid,
            position: row.position,
            name: row.name,
            description: row.description,
            price: row.price,
            stock: Stock {
                initial: row.initial,
                restocked: row.restocked,
                available: row.available,
                reserved: row.reserved,
                consumed: row.consumed,
            },
            category: Category::parse(&row.category).ok_or_else(|| inconsistent("category"))?,
            dimensions: Dimensions { length: row.length, width: row.width, height: row.height, weight: row.weight },
            manufacturer: Manufacturer {
                name: row.manufacturer_name,
                country: row.manufacturer_country,
                website: row.manufacturer_website,
            },
            tags: row.tags,
            metadata: serde_json::from_str(&row.metadata).map_err(|_| inconsistent("metadata"))?,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}

/// A JSON object with the columns of `parts`.
fn columns(part: &NewPart) -> serde_json::Value {
    json!({
        "part_uuid": part.id,
        "name": part.name,
        "description": part.description,
        "price": part.price,
        "category": part.category,
        "length": part.dimensions.length,
        "width": part.dimensions.width,
        "height": part.dimensions.height,
        "weight": part.dimensions.weight,
        "manufacturer_name": part.manufacturer.name,
        "manufacturer_country": part.manufacturer.country,
        "manufacturer_website": part.manufacturer.website,
        "tags": part.tags,
        "metadata": part.metadata,
        "initial": part.stock,
        "available": part.stock,
    })
}

/// Returns `None`, which matches all parts, for an empty field of a filter.
fn non_empty<T>(values: Vec<T>) -> Option<Vec<T>> {
    Some(values).filter(|values| !values.is_empty())
}

#[async_trait]
impl Catalogue for PgCatalogue {
    async fn seed(&self, parts: &[NewPart]) -> Result<u64, Error> {
        let rows: serde_json::Value = parts.iter().map(columns).collect();
        let added = sqlx::query!(
            "insert into parts (part_uuid, name, description, price, category, length, width, height, weight,
                manufacturer_name, manufacturer_country, manufacturer_website, tags, metadata, initial, available)
            select part_uuid, name, description, price, category, length, width, height, weight,
                manufacturer_name, manufacturer_country, manufacturer_website, tags, metadata, initial, available
            from jsonb_populate_recordset(null::parts, $1) with ordinality as part
            where not exists (select from parts where parts.part_uuid = part.part_uuid)
            order by ordinality
            on conflict (part_uuid) do nothing",
            rows,
        )
        .execute(&self.pool)
        .await?;
        Ok(added.rows_affected())
    }

    async fn find(&self, part: PartId) -> Result<Option<Part>, Error> {
        let find = || select_parts!("from parts where part_uuid = $1", part.uuid()).fetch_optional(&self.pool);
        Ok(retry_stale(find).await?.map(Part::try_from).transpose()?)
    }

    /// Each branch of the union handles the filters whose first non-empty field is the branch's field, by that field's
    /// index. For a condition `$1 is null or …` per field, PostgreSQL's generic plan would use no index. It is one
    /// statement because one per filter would repeat the columns and the page.
    async fn list(&self, filter: &Filter, page: Page) -> Result<(Vec<Part>, Option<i64>), Error> {
        let parts = non_empty(filter.parts.iter().map(|part| part.uuid()).collect());
        let names = non_empty(filter.names.clone());
        let tags = non_empty(filter.tags.clone());
        let countries = non_empty(filter.countries.clone());
        let categories = non_empty(filter.categories.iter().map(|category| category.as_str().to_owned()).collect());
        let list = || {
            select_parts!(
                "from (
                    select *
                    from parts
                    where part_uuid = any($1::uuid[])
                    union all
                    select *
                    from parts
                    where $1 is null and name = any($2::text[])
                    union all
                    select *
                    from parts
                    where $1 is null and $2 is null and tags && $3::text[]
                    union all
                    select *
                    from parts
                    where $1 is null and $2 is null and $3 is null and manufacturer_country = any($4::text[])
                    union all
                    select *
                    from parts
                    where $1 is null and $2 is null and $3 is null and $4 is null and category = any($5::text[])
                    union all
                    select *
                    from parts
                    where $1 is null and $2 is null and $3 is null and $4 is null and $5 is null
                ) as part
                where ($2 is null or name = any($2))
                    and ($3 is null or tags && $3)
                    and ($4 is null or manufacturer_country = any($4))
                    and ($5 is null or category = any($5))
                    and position > $6
                order by position
                limit $7",
                parts.as_deref(),
                names.as_deref(),
                tags.as_deref(),
                countries.as_deref(),
                categories.as_deref(),
                page.after,
                page.size.map(|size| i64::from(size.get()) + 1),
            )
            .fetch_all(&self.pool)
        };
        let mut rows = retry_stale(list).await?;
        let next = page.cut(&mut rows, |last| last.position);
        Ok((rows.into_iter().filter_map(|row| consistent(Part::try_from(row))).collect(), next))
    }
}
