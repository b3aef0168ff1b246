//! Reads customers, their versions and their loans.

use audit::Facts;
use sqlx::PgConnection;

use super::Reader;

pub const READER: Reader = Reader {
    service: &customers::SERVICE,
    facts: |database| Box::pin(read(database)),
    of_order: None,
    pending: &[
        ("checks of customers", "select count(*) from kyc_checks where outcome is null"),
        // A loan of a user who is not a customer may be held for a day, so it does not count.
        (
            "loans to be credited",
            "select count(*) from loans join customers on customers.uuid = loans.customer_uuid
            where loans.status = 'crediting' or loans.status = 'held' and customers.kyc_status <> 'KYC_PENDING'",
        ),
    ],
    fingerprint: "select concat_ws(' ', count(*), max(updated_at), sum(version), (select max(id) from outbox),
            (select count(*) from loans), (select count(decided_at) from loans), (select count(credited_at) from loans))
        from customers",
};

async fn read(database: &mut PgConnection) -> anyhow::Result<Facts> {
    let customers = sqlx::query_as(
        "select uuid, kyc_status as status, version,
            coalesce(profile, kept) is not null or words is not null and kyc_status = 'ERASED' as has_profile
        from customers join profiles on profiles.customer_uuid = customers.uuid",
    );
    let versions = sqlx::query_as(
        "select customer_uuid as customer, version, kyc_status as status,
            decided_by is not null or reason is distinct from 'KYC_REVOKED' as is_signed, created_at as at
        from customer_versions",
    );
    let loans = sqlx::query_as(
        "select loan_id as id, customer_uuid as customer, amount, status, customer_version as version,
            coalesce(decided_at, received_at) as since, credited_at, reason is not null as is_uncreditable
        from loans",
    );
    Ok(Facts {
        customers: customers.fetch_all(&mut *database).await?,
        customer_versions: versions.fetch_all(&mut *database).await?,
        loans: loans.fetch_all(database).await?,
        ..Facts::default()
    })
}
