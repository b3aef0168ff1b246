//! Rows of the tables and their conversion to the model.

use chrono::{DateTime, Utc};
use contracts::ids::UserId;
use platform::postgres::DatabaseError;
use sqlx::types::Json;

use super::Known;
use crate::model::{Amount, Customer, Loan, LoanId, LoanStatus, Profile, Reason, State, Why, Words};

/// A row of `customers` with its profile.
pub struct CustomerRow {
    pub customer: UserId,
    pub kyc_status: String,
    pub version: i64,
    pub reason: Option<String>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub profile: Option<Json<Profile>>,
    pub kept: Option<Json<Profile>>,
    pub words: Option<String>,
}

impl CustomerRow {
    pub fn known(self) -> Result<Known, DatabaseError> {
        let id = self.customer;
        let inconsistent = |column| DatabaseError::inconsistent("customers", column, id);
        let state = match (self.kyc_status.as_str(), self.profile, self.kept) {
            ("KYC_PENDING", Some(Json(profile)), kept) => State::Pending { profile, kept: kept.map(|Json(kept)| kept) },
            ("VERIFIED", Some(Json(profile)), None) => State::Verified(profile),
            ("REJECTED", Some(Json(profile)), None) => State::Rejected(profile),
            ("ERASED", None, None) => State::Erased,
            _ => return Err(inconsistent("kyc_status")),
        };
        let reason =
            self.reason.map(|reason| Reason::parse(&reason).ok_or_else(|| inconsistent("reason"))).transpose()?;
        let words = self.words.as_deref().and_then(Words::fitting);
        let why = reason.map(|reason| Why { reason, words });
        let customer = Customer { id, state, version: self.version, why };
        Ok(Known { customer, created_at: self.created_at, updated_at: self.updated_at })
    }
}

pub struct LoanRow {
    pub loan_id: String,
    pub customer: UserId,
    pub amount: i64,
    pub status: String,
    pub received_at: DateTime<Utc>,
    pub reason: Option<String>,
}

impl LoanRow {
    pub fn loan(self) -> Result<Loan, DatabaseError> {
        let inconsistent = |column| DatabaseError::inconsistent("loans", column, &self.loan_id);
        Ok(Loan {
            id: LoanId::new(self.loan_id.clone()).ok_or_else(|| inconsistent("loan_id"))?,
            customer: self.customer,
            amount: Amount::from_minor(self.amount).map_err(|_| inconsistent("amount"))?,
            status: LoanStatus::parse(&self.status).ok_or_else(|| inconsistent("status"))?,
            received_at: self.received_at,
            reason: self.reason,
        })
    }
}
