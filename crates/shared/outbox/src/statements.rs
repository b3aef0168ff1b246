//! The SQL of all statements, with the names of the tables.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

use crate::pool::Query;

/// The names of the tables. Several outboxes in one database need different names of `outbox`, which is also the name
/// of the relay's lease and its notification channel.
///
/// The names become a part of the SQL as they are: they may have a schema (`shop.outbox`), are quoted by the caller if
/// they need it, and must not come from input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tables {
    pub outbox: String,
    pub leases: String,
    pub inbox: String,
}

impl Default for Tables {
    /// The names in the files of `migrations`: `outbox`, `leases` and `inbox`.
    fn default() -> Self {
        Self { outbox: "outbox".to_owned(), leases: "leases".to_owned(), inbox: "inbox".to_owned() }
    }
}

/// Returns the SQL of every statement that this crate executes on these tables, to check their plans or to grant the
/// rights that they need.
pub fn statements(tables: &Tables) -> Vec<String> {
    let Tables { outbox, leases, inbox } = tables;
    let relay = RelaySql::new(tables);
    let lease = LeaseSql::new(leases);
    let check = CheckSql::new(tables);
    let constructed = [
        relay.unpublished,
        relay.mark,
        relay.set_aside,
        relay.look,
        relay.take_back,
        relay.backlog,
        relay.notify,
        lease.acquire,
        lease.release,
        check.horizon,
        check.origins,
        check.page,
    ];
    let others = [release_all(leases), insert(outbox), sweep_outbox(outbox), apply(inbox), sweep_inbox(inbox)];
    constructed.into_iter().chain(others).map(|statement| statement.0.as_str().to_owned()).collect()
}

/// A statement whose text is shared by its executions.
pub struct Statement(SqlStr);

impl Statement {
    fn new(text: String) -> Self {
        Self(AssertSqlSafe(Arc::<str>::from(text)).into_sql_str())
    }

    pub fn query(&self) -> Query {
        sqlx::query(self.0.clone())
    }
}

/// The statements of the relay. Those that change rows have the ids, the lease's name and the epoch as parameters.
pub struct RelaySql {
    pub unpublished: Statement,
    pub mark: Statement,
    pub set_aside: Statement,
    pub look: Statement,
    pub take_back: Statement,
    pub backlog: Statement,
    pub notify: Statement,
}

impl RelaySql {
    pub fn new(Tables { outbox, leases, .. }: &Tables) -> Self {
        let held = format!("exists (select from {leases} where name = $2 and epoch = $3)");
        let unpublished = format!(
            // `not in` makes PostgreSQL hash the ids, while `<> all` compares each row with each id. The statement
            // looks for earlier rows that are set aside only if there may be any ($3), since a plan made for an empty
            // table may read all unpublished rows for each row.
            "select id, event_uuid, event_type, key, payload, created_at, trace,
                $3 and exists (
                    select from {outbox} as earlier
                    where earlier.set_aside_at is not null and earlier.published_at is null
                      and earlier.key = waiting.key and earlier.id < waiting.id) as is_behind
            from {outbox} as waiting
            where published_at is null and set_aside_at is null and id not in (select unnest($2::bigint[]))
            order by id limit $1"
        );
        let look = format!(
            "select id, key, event_type = any($1) and not exists (
                    select from {outbox} as earlier
                    where earlier.set_aside_at is not null and earlier.published_at is null
                      and earlier.key = aside.key and earlier.id < aside.id and earlier.event_type <> all($1)) as can
            from {outbox} as aside
            where set_aside_at is not null and published_at is null and (key, id) > ($2, $3)
            order by key, id limit $4"
        );
        let backlog = format!(
            "select
                (select count(*) from (select from {outbox} where published_at is null limit $1) as waiting) as waiting,
                (select count(*) from (
                    select from {outbox} where set_aside_at is not null and published_at is null limit $1
                ) as aside) as set_aside,
                (select extract(epoch from now() - created_at)::float8
                from {outbox} where published_at is null order by id limit 1) as oldest"
        );
        Self {
            unpublished: Statement::new(unpublished),
            mark: Statement::new(format!(
                "update {outbox} set published_at = now() where id = any($1) and published_at is null and {held}"
            )),
            set_aside: Statement::new(format!(
                "update {outbox} set set_aside_at = now() where id = any($1) and published_at is null and {held}"
            )),
            look: Statement::new(look),
            take_back: Statement::new(format!("update {outbox} set set_aside_at = null where id = any($1) and {held}")),
            backlog: Statement::new(backlog),
            notify: Statement::new("select pg_notify($1, '')".to_owned()),
        }
    }
}

pub struct LeaseSql {
    pub acquire: Statement,
    pub release: Statement,
}

impl LeaseSql {
    pub fn new(leases: &str) -> Self {
        Self {
            acquire: Statement::new(format!(
                "insert into {leases} as held (name, holder, epoch, expires_at)
                values ($1, $2, 1, now() + make_interval(secs => $3))
                on conflict (name) do update set
                  epoch = held.epoch + case when held.holder = excluded.holder then 0 else 1 end,
                  holder = excluded.holder,
                  expires_at = excluded.expires_at
                where held.holder = excluded.holder or held.expires_at < now()
                returning epoch"
            )),
            release: Statement::new(format!(
                "update {leases} set expires_at = now() where name = $1 and holder = $2 and epoch = $3"
            )),
        }
    }
}

/// The statements of a check.
pub struct CheckSql {
    pub horizon: Statement,
    pub origins: Statement,
    pub page: Statement,
}

impl CheckSql {
    pub fn new(Tables { outbox, .. }: &Tables) -> Self {
        Self {
            horizon: Statement::new(format!("select now(), (select min(published_at) from {outbox})")),
            origins: Statement::new(format!("select event_uuid, id, key from {outbox} where event_uuid = any($1)")),
            page: Statement::new(format!(
                "select id, event_uuid, event_type, key, created_at, published_at
                from {outbox} where id > $1 order by id limit $2"
            )),
        }
    }
}

pub fn release_all(leases: &str) -> Statement {
    Statement::new(format!("update {leases} set expires_at = now() where starts_with(holder, $1)"))
}

pub fn insert(outbox: &str) -> Statement {
    Statement::new(format!(
        "insert into {outbox} (event_uuid, event_type, key, payload, trace)
        select event_uuid, event_type, key, payload, $5::jsonb
        from unnest($1::uuid[], $2::text[], $3::uuid[], $4::bytea[])
          with ordinality as event (event_uuid, event_type, key, payload, place)
        order by place"
    ))
}

pub fn sweep_outbox(outbox: &str) -> Statement {
    Statement::new(format!(
        "delete from {outbox} where id = any(array(
            select id from {outbox} where published_at < now() - make_interval(secs => $1) order by published_at limit $2))"
    ))
}

pub fn apply(inbox: &str) -> Statement {
    Statement::new(format!("insert into {inbox} (consumer, event_uuid) values ($1, $2) on conflict do nothing"))
}

pub fn sweep_inbox(inbox: &str) -> Statement {
    Statement::new(format!(
        "delete from {inbox} where ctid = any(array(
            select ctid from {inbox} where received_at < now() - make_interval(secs => $1) order by received_at limit $2))"
    ))
}
