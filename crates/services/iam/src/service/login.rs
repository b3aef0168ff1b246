//! Authentication by login and password, with counts of attempts.

use contracts::ids::UserId;
use platform::security_events::{self, Event};

use super::IamService;
use crate::{
    error::Error,
    hashing::{Purpose, SaltBytes, Verdict},
    model::{Account, LoginAttempt, Password},
    repository::Decision,
};

impl IamService {
    /// Counts the attempt, then returns the login's account if the password is right. An unknown login, a wrong password and a locked
    /// account cause the same lookup and the same hashing work, fail with the same error, and count as one outcome in the metrics.
    pub(super) async fn authenticate(
        &self,
        attempt: &LoginAttempt,
        password: Password,
    ) -> Result<(Account, Verdict), Error> {
        let decision = self.attempts.begin(attempt).await?;
        if let Decision::Limited(_) = decision {
            count("refused");
            security_events::record(Event::Locked);
            return Err(Error::TooManyAttempts);
        }
        match self.verify(attempt, password, decision == Decision::Verify).await {
            Ok(Some(known)) => Ok(known),
            Ok(None) => {
                count("failed");
                Err(Error::WrongCredentials)
            }
            Err(error) => {
                if decision == Decision::Verify {
                    logged(self.attempts.take_back(attempt).await);
                }
                Err(error)
            }
        }
    }

    async fn verify(
        &self,
        attempt: &LoginAttempt,
        password: Password,
        is_admitted: bool,
    ) -> Result<Option<(Account, Verdict)>, Error> {
        let account = self.users.by_login(&attempt.login).await?.filter(|_| is_admitted);
        let hash = account.as_ref().map(|account| account.password_hash.clone());
        let verdict = self.hashing.verify(password, hash).await?;
        Ok(account.filter(|_| verdict != Verdict::Wrong).map(|account| (account, verdict)))
    }

    /// Replaces an outdated hash. If that fails, the next login retries.
    pub(super) async fn renew_hash(self, user: UserId, outdated: String, password: Password, salt: SaltBytes) {
        let renewed = async {
            let hash = self.hashing.hash(Purpose::Registration, password, salt).await?;
            self.users.renew_hash(user, &outdated, &hash).await
        };
        match renewed.await {
            Ok(()) => tracing::info!(user_uuid = %user, "password hash renewed"),
            Err(error) => {
                let error = format!("{:#}", anyhow::Error::from(error));
                tracing::warn!(error, "password hash not renewed, the next login retries");
            }
        }
    }

    /// Records that a password was right. If that fails, the count of attempts stays too high until it expires.
    pub(super) async fn authenticated(&self, attempt: &LoginAttempt) {
        logged(self.attempts.succeed(attempt).await);
    }
}

fn logged(outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "count of attempts not updated");
    }
}

pub(super) fn count(outcome: &'static str) {
    metrics::counter!("iam_logins_total", "outcome" => outcome).increment(1);
}
