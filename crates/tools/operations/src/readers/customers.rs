//! Reads customers, their versions and their loans.

use audit::{
    Facts,
    facts::{Customer, CustomerVersion, KycStatus, Loan, LoanStatus},
};
use chrono::{DateTime, Utc};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Reader, parsed};

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
    Ok(Facts {
        customers: customers(database).await?,
        customer_versions: versions(database).await?,
        loans: loans(database).await?,
        ..Facts::default()
    })
}

async fn customers(database: &mut PgConnection) -> anyhow::Result<Vec<Customer>> {
    let rows: Vec<(Uuid, String, i64, bool)> = sqlx::query_as(
        "select uuid, kyc_status, version, coalesce(profile, kept) is not null or words is not null and kyc_status = 'ERASED'
        from customers join profiles on profiles.customer_uuid = customers.uuid",
    )
    .fetch_all(database)
    .await?;
    let customer = |(uuid, status, version, has_profile): (Uuid, String, i64, bool)| {
        let status = parsed("customers.kyc_status", &status, KycStatus::parse)?;
        Ok(Customer { uuid, status, version, has_profile })
    };
    rows.into_iter().map(customer).collect()
}

async fn versions(database: &mut PgConnection) -> anyhow::Result<Vec<CustomerVersion>> {
    let rows: Vec<(Uuid, i64, String, bool, DateTime<Utc>)> = sqlx::query_as(
        "select customer_uuid, version, kyc_status, decided_by is not null or reason is distinct from 'KYC_REVOKED', created_at
        from customer_versions",
    )
    .fetch_all(database)
    .await?;
    let version = |(customer, version, status, is_signed, at): (Uuid, i64, String, bool, DateTime<Utc>)| {
        let status = parsed("customer_versions.kyc_status", &status, KycStatus::parse)?;
        Ok(CustomerVersion { customer, version, status, is_signed, at })
    };
    rows.into_iter().map(version).collect()
}

#[derive(FromRow)]
struct LoanRow {
    loan_id: String,
    customer_uuid: Uuid,
    amount: i64,
    status: String,
    customer_version: Option<i64>,
    since: DateTime<Utc>,
    credited_at: Option<DateTime<Utc>>,
    is_uncreditable: bool,
}

async fn loans(database: &mut PgConnection) -> anyhow::Result<Vec<Loan>> {
    let rows: Vec<LoanRow> = sqlx::query_as(
        "select loan_id, customer_uuid, amount, status, customer_version, coalesce(decided_at, received_at) as since, credited_at,
            reason is not null as is_uncreditable
        from loans",
    )
    .fetch_all(database)
    .await?;
    let loan = |row: LoanRow| {
        Ok(Loan {
            id: row.loan_id,
            customer: row.customer_uuid,
            amount: row.amount,
            status: parsed("loans.status", &row.status, LoanStatus::parse)?,
            version: row.customer_version,
            since: row.since,
            credited_at: row.credited_at,
            is_uncreditable: row.is_uncreditable,
        })
    };
    rows.into_iter().map(loan).collect()
}
